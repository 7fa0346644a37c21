"""What `evaluate`, `benchmark`, `ablation` and `restore` do alike: run a comparison and print what it found."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.cli.engines import check_engine
from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import check_counts, count_of, printable
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, EvaluationConfig, counts

if TYPE_CHECKING:
    from latentinpaint.evaluation.method_comparison import Comparison
    from latentinpaint.evaluation.runner import RunResult
    from latentinpaint.evaluation.summary import Summary


def run_comparison(config: BenchmarkConfig, methods: Sequence[str], reference: str | None = None) -> "Summary":
    """Compare methods as the command line says, and print notes, scores and times.

    Args:
        config: the options.
        methods: what is compared, see `latentinpaint.evaluation.methods`.
        reference: the row that the others are compared with.

    Raises:
        InputError: if there is nothing that could be compared.
    """
    from latentinpaint.evaluation.method_comparison import compare
    from latentinpaint.evaluation.runner import Runner

    prepare(config)
    runner = Runner(config, methods)
    with progress_bar("evaluating", len(runner.dataset)) as step:
        comparison = compare(runner, reference, step)
    show_comparison(comparison, config.output, "hole")
    return comparison.summary


def prepare(config: EvaluationConfig) -> None:
    """Check the options that start at 1, and fetch the weights that are missing if `download` says so."""
    check_engine(config.engine, config.ray_address)
    check_counts({f"--{name.replace('_', '-')}": value for name, value in counts(config).items()})
    if config.download:
        from latentinpaint.evaluation.chosen_metrics import download_weights

        download_weights(config, lambda text: print(text, file=sys.stderr))


def show_comparison(comparison: "Comparison", output: str, item: str) -> None:
    """Print what a comparison found.

    Args:
        comparison: the comparison.
        output: its folder.
        item: the word for one of what was compared on.
    """
    from latentinpaint.evaluation.report.console import scores_table

    summary = comparison.summary
    for note in summary.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    scores_table(summary)
    _print_times(comparison.run)
    folder = Path(output)
    print(
        f"{count_of(len(summary.items), item)}; every figure is in {folder / 'metrics.json'}, the report is "
        f"{folder / 'report.html'}"
    )


def _print_times(run: "RunResult") -> None:
    """Where the time went, so that nobody has to guess."""
    total = sum(run.seconds.values())
    if total <= 0:
        return
    shares = []
    for activity, seconds in sorted(run.seconds.items(), key=lambda entry: -entry[1]):
        shares.append(f"{activity} {seconds:.1f} s ({100 * seconds / total:.0f} %)")
    reused = ""
    if run.reused:
        reused = f", {count_of(run.reused, 'record')} used again"
    print(f"{run.wall_seconds:.0f} s with {count_of(run.jobs, 'job')}{reused}: {', '.join(shares)}")
