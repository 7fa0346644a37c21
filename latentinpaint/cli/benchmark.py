"""`benchmark`: several methods on the same pictures and holes."""

from dataclasses import dataclass

from latentinpaint.cli.comparison import Comparison, compare_as_asked
from latentinpaint.errors import InputError


@dataclass(kw_only=True)
class Options(Comparison):
    """Compare methods fairly: same pictures, same holes, same seeds, paired differences, one report.

    Leaves report.html, metrics.json, metrics.csv and tables.md in the output folder, and the fills. Stopped, the
    same command goes on where it was; with another method added, only that one is run.

    Args:
        methods: separated by commas, in the order of the table: mean, telea, ns, biharmonic, patchmatch (with the
            package pypatchmatch), a trained model's folder or file, or a folder of pictures that another program
            filled; a name of its own goes in front, as in lama=results/lama.
        reference: the method that the others are compared with picture by picture, by default the first.
    """

    methods: list[str] | str
    reference: str | None = None


def run(options: Options) -> None:
    """Compare what was asked for."""
    from latentinpaint.evaluation.benchmark_config import split_names

    asked = split_names(options.methods)
    if not asked:
        raise InputError("there is nothing to compare: give --methods, such as telea,runs/latent_ffc")
    compare_as_asked(options, asked, options.reference)
