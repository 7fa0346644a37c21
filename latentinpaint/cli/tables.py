"""What commands show on the terminal."""

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
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda name: progress.advance(task)


def scores_table(rows: Mapping[str, "Scores"]) -> None:
    """Print one line a method: every metric's mean and the median seconds a picture."""
    from rich.console import Console
    from rich.table import Table

    keys = next(iter(rows.values())).metric_names()
    table = Table("method", *(key.replace("_", " ") for key in keys), "seconds")
    for scores in rows.values():
        table.add_row(scores.label, *(f"{scores.mean(key):.4g}" for key in keys), f"{scores.median('seconds'):.3f}")
    Console(width=max(100, Console().width)).print(table)
