"""What `evaluate`, `benchmark` and `ablation` do alike: run a comparison and leave its report."""

import csv
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentinpaint import __version__
from latentinpaint.cli.terminal import progress_bar, scores_table
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside

if TYPE_CHECKING:
    from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
    from latentinpaint.evaluation.runner import Runner, RunResult
    from latentinpaint.evaluation.summary import Summary


@dataclass(kw_only=True)
class Comparison:
    """The options that `evaluate` and `benchmark` share.

    Args:
        images: folder of undamaged photographs.
        output: folder for the report, and for the fills.
        masks: folder of masks, named after their pictures: photo_mask001.png or photo.png for photo.jpg.
        mask_preset: without a folder of masks, thin, medium, thick, training or patches, drawn by seed and file name.
        num_samples: samples of a flow; above 1 their mean, the best of them and their calibration are judged too.
        steps: solver steps of a flow, by default the model's own.
        refine: models fill pictures larger than 256 pixels from coarse to fine, as inpaint --refine --crop off does.
        seed: of the holes and of the samples.
        limit: judge only so many pictures, the first by name.
        size: judge the middle square of every picture, scaled to so many pixels; by default all of it as it is.
        lpips_network: any of squeeze, alex and vgg, separated by commas; '' for none.
        lpips_weights: torchvision's weights file of the first of these networks, by default the one in torch's cache;
            without it everything but LPIPS is computed.
        features: networks of Fréchet and kernel distances: squeeze and inception (FID and KID), separated by commas.
        inception_weights: torch-fidelity's weights file, by default the one in torch's cache.
        download: fetch missing weights files into torch's cache, checking them.
        jobs: processes, by default one a core; figures do not depend on it.
        keep_fills: keep the fills as files.
        device: where models run: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """

    images: str
    output: str
    masks: str | None = None
    mask_preset: str = "thick"
    num_samples: int = 1
    steps: int | None = None
    refine: bool = False
    seed: int = 0
    limit: int | None = None
    size: int | None = None
    lpips_network: str = "squeeze"
    lpips_weights: str | None = None
    features: str = "squeeze,inception"
    inception_weights: str | None = None
    download: bool = False
    jobs: int | None = None
    keep_fills: bool = True
    device: str | None = None


def compare_as_asked(options: Comparison, methods: tuple[str, ...], reference: str | None) -> None:
    """Compare methods under the options of a command line."""
    from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, split_names

    plan = BenchmarkConfig(
        images=options.images,
        methods=methods,
        masks=options.masks,
        mask_preset=options.mask_preset,
        seed=options.seed,
        limit=options.limit,
        size=options.size,
        num_samples=options.num_samples,
        steps=options.steps,
        refine=options.refine,
        lpips=split_names(options.lpips_network),
        features=split_names(options.features),
        lpips_weights=options.lpips_weights,
        inception_weights=options.inception_weights,
        device=options.device,
    )
    compare(plan, options.output, options.jobs, reference, options.keep_fills, options.download)


def compare(
    plan: "BenchmarkConfig",
    output: str,
    jobs: int | None = None,
    reference: str | None = None,
    keep_fills: bool = True,
    download: bool = False,
) -> "Summary":
    """Run a plan, or what is left of it, and write metrics.json, metrics.csv, tables.md and report.html.

    Args:
        plan: what to compare.
        output: folder.
        jobs: processes, see `runs.run`.
        reference: the row the others are compared with.
        keep_fills: whether the fills stay as files.
        download: whether missing weights are fetched first.

    Raises:
        InputError: if there is nothing that could be compared.
    """
    from latentinpaint.evaluation.runner import Runner, one_thread, run
    from latentinpaint.evaluation.summary import summarise

    if not plan.methods:
        raise InputError("there is nothing to judge: name a method, or a model")
    check_at_least_one(num_samples=plan.num_samples, steps=plan.steps, limit=plan.limit, size=plan.size, jobs=jobs)
    if download:
        plan.fetch()
    folder, own = Path(output), Runner(plan, output, keep_fills)
    if reference is not None:
        _check_reference(reference, own)
    with progress_bar("judging", len(own.cases)) as step:
        outcome = run(own, jobs, step)
    with one_thread():
        summary = summarise(outcome.cases, outcome.records, own.judge.metrics, own.judge.networks, reference)
    summary.notes[:0] = [*own.notes, *own.cases.notes, *(f"left out: {text}" for text in outcome.left_out)]
    _write(folder, summary, own, _settings(plan, own, outcome))
    if not keep_fills:
        own.remove_fills()
    for note in summary.notes:
        print(f"note: {note}", file=sys.stderr)
    scores_table(summary)
    _say_times(outcome)
    print(
        f"{len(summary.cases)} holes; every figure is in {folder / 'metrics.json'}, "
        f"the report is {folder / 'report.html'}"
    )
    return summary


def check_at_least_one(**options: int | None) -> None:
    """Raise `InputError` if an option is given and below 1."""
    for name, value in options.items():
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} starts at 1, not {value}")


def _check_reference(reference: str, own: "Runner") -> None:
    """Before hours of work rather than after."""
    from latentinpaint.evaluation.evaluator import row_names

    with_best = own.judge.perceptual is not None
    rows = [name for method in own.methods for name in row_names(method, with_best)]
    if reference not in rows:
        raise InputError(f"there is no method '{reference}' to compare with: choose one of {', '.join(rows)}")


def _settings(plan: "BenchmarkConfig", own: "Runner", outcome: "RunResult") -> dict[str, Any]:
    from latentinpaint.evaluation.evaluator import LIBRARIES
    from latentinpaint.evaluation.methods import describe

    at_once = sorted({record["processes"] for record in outcome.records})
    asked = {key: value for key, value in asdict(plan).items() if value is not None}
    return {
        "latentinpaint": __version__,
        "made": date.today().isoformat(),
        **asked,
        "holes": own.cases.holes,
        "compared": {method.name: describe(method) for method in own.methods},
        "weights": own.judge.weights,
        "metrics": [*(m.label for m in own.judge.metrics), *(n.distance for n in own.judge.networks)],
        "jobs": outcome.jobs,
        "seconds_in_all": round(outcome.wall_seconds, 1),
        "seconds_of_all_processes": {key: round(value, 1) for key, value in outcome.spent.items()},
        "records_used_again": outcome.reused,
        "seconds_and_memory": f"of one fill on one thread of {_processor()}, "
        f"{' or '.join(map(str, at_once))} processes at once",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    }


def _write(folder: Path, summary: "Summary", own: "Runner", settings: dict[str, Any]) -> None:
    """The files of a comparison."""
    from latentinpaint.evaluation.report.html import write_report
    from latentinpaint.evaluation.report.markdown import tables
    from latentinpaint.evaluation.report.serialise import as_json, table_lines
    from latentinpaint.evaluation.runner import read_case

    lines = StringIO()
    csv.writer(lines, lineterminator="\n").writerows(table_lines(summary))
    texts = {
        "metrics.json": json.dumps({"settings": settings, **as_json(summary)}, indent=1, allow_nan=False),
        "metrics.csv": lines.getvalue(),
        "tables.md": tables(summary, own.judge.metrics),
    }
    for name, text in texts.items():
        with write_beside(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    with write_beside(folder / "report.html") as temporary:
        metrics = own.judge.metrics
        write_report(temporary, summary, metrics, settings, lambda name: read_case(own, name), own.fill_path)


def _say_times(outcome: "RunResult") -> None:
    """Where the time went, so that nobody has to guess."""
    total = sum(outcome.spent.values())
    if total <= 0:
        return
    shares = ", ".join(
        f"{what} {seconds:.1f} s ({100 * seconds / total:.0f} %)"
        for what, seconds in sorted(outcome.spent.items(), key=lambda entry: -entry[1])
    )
    again = f", {outcome.reused} answers used again" if outcome.reused else ""
    print(f"{outcome.wall_seconds:.0f} s with {outcome.jobs} processes{again}: {shares}")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        named = platform.processor() or platform.machine()
    return f"{named} ({os.cpu_count()} cores)"
