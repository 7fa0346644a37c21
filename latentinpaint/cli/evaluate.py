"""`evaluate`: how good a model's fills are, beside methods that need no training."""

from dataclasses import dataclass

from latentinpaint.cli.comparison import run_comparison
from latentinpaint.errors import InputError, choose
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, split_names


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkConfig):
    """Fill holes in a folder of undamaged photographs and compare with the truth.

    L1, PSNR, SSIM, MS-SSIM and LPIPS of the picture, inside the hole and along its border, with intervals; Fréchet
    and kernel distances. Leaves report.html, metrics.json, metrics.csv, tables.md and tables/ in the output folder.
    Stopped, the same command goes on where it was.

    Args:
        model: model file or run folder, several as '[a,b]'; none evaluates the baselines alone.
        baselines: any of mean, telea, ns, biharmonic and patchmatch, separated by commas; '' for none.
    """

    model: list[str] | str | None = None
    baselines: str = "mean,telea,ns"


def run(options: Options) -> None:
    """Evaluate the models beside the baselines."""
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.evaluation.methods import method_names

    baselines = split_names(options.baselines)
    for name in baselines:
        choose(BASELINES, name, "baseline")
    models = _models(options)
    methods = (*baselines, *models)
    if not methods:
        raise InputError("there is nothing to evaluate: give --model or --baselines")
    reference = None
    if models:
        reference = method_names(methods)[len(baselines)]
    run_comparison(options, methods, reference)


def _models(options: Options) -> list[str]:
    if options.model is None:
        return []
    if isinstance(options.model, str):
        return [options.model]
    return options.model
