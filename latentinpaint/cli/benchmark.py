"""`benchmark`: several methods on the same pictures and holes."""

from dataclasses import dataclass

from latentinpaint.cli.comparison import run_comparison
from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, split_names


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkConfig):
    """Compare methods fairly: same pictures, same holes, same seeds, paired differences, one report.

    Leaves report.html, metrics.json, metrics.csv, tables.md and tables/ in the output folder, and the fills.
    Stopped, the same command goes on where it was; with another method added, only that one is run.

    Args:
        methods: separated by commas, in the order of the table: mean, telea, ns, biharmonic, patchmatch (with the
            package pypatchmatch), a trained model's folder or file, or a folder of pictures that another program
            filled; a name of its own goes in front, as in lama=results/lama.
        reference: the method that the others are compared with picture by picture, by default the first.
    """

    methods: list[str] | str
    reference: str | None = None


def run(options: Options) -> None:
    """Compare the methods."""
    methods = split_names(options.methods)
    if not methods:
        raise InputError("there is nothing to compare: give --methods, such as telea,runs/latent_ffc")
    run_comparison(options, methods, options.reference)
