"""`restore`: several methods of restoration with flows on the same pictures."""

from dataclasses import dataclass

from latentinpaint.cli.comparison import prepare, show_comparison
from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError, check_at_least
from latentinpaint.evaluation.benchmark_config import split_names
from latentinpaint.restoration.restoration_config import RestorationConfig


@dataclass(frozen=True, kw_only=True)
class Options(RestorationConfig):
    """Restore pictures with a trained flow as the prior, by several methods, and compare them.

    Every method sees the same pictures, masks and noise. Its hyper-parameters are chosen by a grid on validation
    pictures, in the report; then the other pictures are restored. Leaves report.html, metrics.json, metrics.csv,
    tables.md and tables/ in the output folder, the restored pictures, and the same of the grid in its folder
    validation. Stopped, the same command goes on where it was; with another method added, only that one is run.

    Args:
        methods: separated by commas: pnp_flow, ot_ode, d_flow, flow_priors, flower, guidance (DPS-style), replace,
            repaint, hadamard, and seen (what was seen, as it is); with hyper-parameters, as in
            pnp_flow:steps=50:samples=1.
        reference: the method that the others are compared with, by default the first.
    """

    methods: list[str] | str
    reference: str | None = None


def run(options: Options) -> None:
    """Compare the methods."""
    check_at_least("--noise", options.noise, 0)
    check_at_least("--validation", options.validation, 0)
    methods = split_names(options.methods)
    if not methods:
        raise InputError("there is nothing to compare: give --methods, such as pnp_flow,ot_ode")
    prepare(options)
    from latentinpaint.restoration.validation import compare_restorers

    comparison = compare_restorers(options, methods, options.reference, progress_bar)
    show_comparison(comparison, options.output, "picture")
