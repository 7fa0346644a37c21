"""`evaluate`: how good the fills are, beside methods that need no training."""

import json
import sys
from pathlib import Path

from latentinpaint.cli.tables import progress_bar, scores_table
from latentinpaint.data.images import list_pictures
from latentinpaint.data.pairs import find_pairs
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside


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
) -> None:
    """Fill holes in a folder of undamaged photographs and compare with the truth.

    L1, PSNR, SSIM and LPIPS, over the picture and inside the hole, each per picture and then averaged; the fills are
    rounded to 8 bits first. Writes metrics.json into the output folder and prints the table.

    Args:
        images: folder of undamaged photographs.
        output: folder for metrics.json.
        model: model files or run folders, several as '[a,b]' ; none judges the baselines alone.
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
    """
    from latentinpaint.evaluation import protocol
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.evaluation.metrics import METRICS, load_lpips
    from latentinpaint.weights import load_pipeline

    if num_samples < 1 or (steps is not None and steps < 1):
        raise InputError("--num-samples and --steps start at 1")
    if limit is not None and limit < 1:
        raise InputError(f"--limit is a number of pictures from 1 up, not {limit}")
    names = [name for name in baselines.split(",") if name]
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise InputError(f"there is no baseline '{unknown[0]}': choose any of {', '.join(BASELINES)}")
    methods: list[protocol.Method] = [protocol.BaselineMethod(BASELINES[name]) for name in names]
    for path in [model] if isinstance(model, str) else model or []:
        label = _label(path)
        methods.append(protocol.ModelMethod(label, label, load_pipeline(path), num_samples, steps, seed))
    if not methods:
        raise InputError("there is nothing to judge: give --model or --baselines")
    metrics, notes = list(METRICS.values()), []
    try:
        metrics.append(load_lpips(lpips_network, lpips_weights))
    except InputError as error:
        if lpips_weights is not None:
            raise
        notes.append(f"LPIPS is left out: {error}")
        print(f"note: {notes[-1]}", file=sys.stderr)
    if masks is None:
        cases = protocol.cases_from_preset(images, mask_preset, seed, limit)
        total = len(list_pictures(images)[:limit])
    else:
        cases = protocol.cases_from_folders(images, masks, limit)
        total = len(find_pairs(images, masks)[:limit])
    with progress_bar("judging", total) as step:
        rows = protocol.judge(cases, methods, metrics, step)
    settings = {
        "images": images,
        "masks": masks or f"preset {mask_preset}, seed {seed}",
        "num_samples": num_samples,
        "steps": steps,
        "seed": seed,
    }
    report = {"settings": settings, "notes": notes, "methods": {name: row.as_json() for name, row in rows.items()}}
    path = Path(output) / "metrics.json"
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1))
    scores_table(rows)
    print(f"{total} pictures; every figure is in {path}")


def _label(path: str) -> str:
    """A run's folder names it; the model file inside is always called the same."""
    file = Path(path)
    return file.name if file.is_dir() else f"{file.parent.name}/{file.stem}" if file.stem == "model" else file.stem
