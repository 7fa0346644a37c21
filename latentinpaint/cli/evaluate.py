"""`evaluate`: how good a model's fills are, beside methods that need no training."""

from dataclasses import dataclass

from latentinpaint.cli.comparison import Comparison, compare_as_asked
from latentinpaint.errors import InputError


@dataclass(kw_only=True)
class Options(Comparison):
    """Fill holes in a folder of undamaged photographs and compare with the truth.

    L1, PSNR, SSIM, MS-SSIM and LPIPS of the picture, inside the hole and along its border, with intervals; Fréchet
    and kernel distances. Leaves report.html, metrics.json, metrics.csv and tables.md in the output folder. Stopped,
    the same command goes on where it was.

    Args:
        model: model file or run folder, several as '[a,b]'; none judges the baselines alone.
        baselines: any of mean, telea, ns, biharmonic and patchmatch, separated by commas; '' for none.
    """

    model: list[str] | str | None = None
    baselines: str = "mean,telea,ns"


def run(options: Options) -> None:
    """Evaluate what was asked for."""
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.evaluation.benchmark_config import split_names
    from latentinpaint.evaluation.methods import method_names

    asked = split_names(options.baselines)
    unknown = [name for name in asked if name not in BASELINES]
    if unknown:
        raise InputError(f"there is no baseline '{unknown[0]}': choose any of {', '.join(BASELINES)}")
    models = tuple([options.model] if isinstance(options.model, str) else options.model or [])
    if not asked and not models:
        raise InputError("there is nothing to judge: give --model or --baselines")
    methods = (*asked, *models)
    compare_as_asked(options, methods, method_names(methods)[len(asked)] if models else None)
