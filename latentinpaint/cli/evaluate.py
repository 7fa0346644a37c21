"""`evaluate`: how good the fills are, beside methods that need no training."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentinpaint import __version__
from latentinpaint.cli.tables import progress_bar, scores_table
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside
from latentinpaint.inpainter import Inpainter
from latentinpaint.weights import PIPELINE_FILE

if TYPE_CHECKING:
    from latentinpaint.evaluation import protocol
    from latentinpaint.evaluation.metrics import Metric


def command(
    images: str,
    output: str,
    model: list[str] | str | None = None,
    masks: str | None = None,
    mask_preset: str = "thick",
    baselines: str = "mean,telea,ns",
    num_samples: int = 1,
    steps: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    lpips_network: str = "squeeze",
    lpips_weights: str | None = None,
    device: str | None = None,
) -> None:
    """Fill holes in a folder of undamaged photographs and compare with the truth.

    L1, PSNR, SSIM and LPIPS, over the picture and inside the hole, each per picture and then averaged; the fills are
    rounded to 8 bits first. Writes metrics.json into the output folder and prints the table.

    Args:
        images: folder of undamaged photographs.
        output: folder for metrics.json.
        model: model file or run folder, several as '[a,b]'; none judges the baselines alone.
        masks: folder of masks, named after their pictures: photo_mask001.png or photo.png for photo.jpg.
        mask_preset: without a folder of masks, thin, medium, thick or training, drawn by seed and file name.
        baselines: any of mean, telea and ns, separated by commas; '' for none.
        num_samples: samples of a flow; above 1 the mean of all is judged too.
        steps: solver steps of a flow, by default the model's own.
        seed: of the holes and of the samples.
        limit: judge only so many pictures, the first by name.
        lpips_network: squeeze, alex or vgg.
        lpips_weights: torchvision's weights file of that network, by default the one in torch's cache; without it
            everything but LPIPS is computed.
        device: where models run: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """
    from latentinpaint.evaluation import protocol

    if num_samples < 1 or (steps is not None and steps < 1) or (limit is not None and limit < 1):
        raise InputError("--num-samples, --steps and --limit start at 1")
    models = [model] if isinstance(model, str) else model or []
    methods = _baselines(baselines) + _models(models, device, num_samples, steps, seed)
    if not methods:
        raise InputError("there is nothing to judge: give --model or --baselines")
    metrics, notes = _metrics(lpips_network, lpips_weights)
    cases = (
        protocol.cases_from_preset(images, mask_preset, seed, limit)
        if masks is None
        else protocol.cases_from_folders(images, masks, limit)
    )
    with progress_bar("judging", len(cases)) as step:
        rows = protocol.judge(cases, methods, metrics, step)
    holes = masks or f"preset {mask_preset}, seed {seed}"
    settings = dict(images=images, masks=holes, models=models, num_samples=num_samples, steps=steps)
    path = _write_report(Path(output), settings | dict(seed=seed, limit=limit), notes, rows)
    scores_table(rows)
    print(f"{len(cases)} pictures; every figure is in {path}")


def _write_report(
    folder: Path, settings: dict[str, Any], notes: list[str], rows: dict[str, "protocol.Scores"]
) -> Path:
    """Leave metrics.json: what was asked, what was left out, and every method's figures."""
    report = {
        "settings": {"latentinpaint": __version__, **settings},
        "notes": notes,
        "methods": {name: row.as_json() for name, row in rows.items()},
    }
    path = folder / "metrics.json"
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1))
    return path


def _baselines(names: str) -> list["protocol.Method"]:
    from latentinpaint.evaluation import protocol
    from latentinpaint.evaluation.baselines import BASELINES

    asked = [name for name in names.split(",") if name]
    unknown = [name for name in asked if name not in BASELINES]
    if unknown:
        raise InputError(f"there is no baseline '{unknown[0]}': choose any of {', '.join(BASELINES)}")
    return [protocol.BaselineMethod(BASELINES[name]) for name in asked]


def _models(
    paths: Sequence[str], device: str | None, num_samples: int, steps: int | None, seed: int
) -> list["protocol.Method"]:
    from latentinpaint.evaluation import protocol

    methods = []
    for path, label in zip(paths, _labels(paths), strict=True):
        pipeline = Inpainter.from_pretrained(path, device).pipeline
        methods += protocol.model_methods(label, pipeline, num_samples, steps, seed)
    return methods


def _metrics(network: str, weights: str | None) -> tuple[list["Metric"], list[str]]:
    """All metrics whose weights are here, and a note for the one whose are not."""
    from latentinpaint.evaluation.metrics import LPIPS_BACKBONES, METRICS, load_lpips

    try:
        return [*METRICS.values(), load_lpips(network, weights)], []
    except InputError as error:
        if weights is not None or network not in LPIPS_BACKBONES:
            raise
        note = f"LPIPS is left out: {error}"
        print(f"note: {note}", file=sys.stderr)
        return list(METRICS.values()), [note]


def _labels(models: Sequence[str]) -> list[str]:
    """A run's folder names it, the model file inside being always called the same; twins get their whole path."""
    short = [Path(m).parent.name if Path(m).name == PIPELINE_FILE else Path(m).stem for m in models]
    return [label if short.count(label) == 1 else path for label, path in zip(short, models, strict=True)]
