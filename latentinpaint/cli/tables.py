"""What commands show on the terminal."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentinpaint.evaluation.protocol import Scores


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar with the time left; call what it gives after every item, with the item's name."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(title, total=total)
        yield lambda name: progress.advance(task)


@contextmanager
def fraction_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar with the time left for one job; call what it gives with the fraction that is done."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda done: progress.update(task, completed=done)


def scores_table(rows: Mapping[str, "Scores"]) -> None:
    """Print one line a method: every metric's mean and the median seconds a picture."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    keys = next(iter(rows.values())).metric_names()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for key in (*keys, "seconds"):
        table.add_column(key.replace("_", "\n"), justify="right", no_wrap=True)
    for scores in rows.values():
        table.add_row(scores.label, *(f"{scores.mean(key):.4g}" for key in keys), f"{scores.median('seconds'):.3f}")
    console = Console()
    # Every figure is shown, even where the lines are longer than the terminal is wide.
    width = console.measure(table, options=console.options.update(max_width=1000)).maximum
    Console(width=max(width, console.width)).print(table)
