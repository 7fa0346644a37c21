"""What commands show on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar with the time left; call what it yields after every item, with the item's name."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    with _bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(title, total=total)
        yield lambda name: progress.advance(task)


class NamedBar:
    """A bar with the time left and the name of what is being done; see `named_bar`."""

    def __init__(self, progress: "Progress", total: int) -> None:
        self.progress = progress
        self.task = progress.add_task("", total=total)

    def begin(self, name: str) -> None:
        """Show what is being done now."""
        from rich.markup import escape

        self.progress.update(self.task, description=escape(name))

    def done(self) -> None:
        """One more."""
        self.progress.advance(self.task)


@contextmanager
def named_bar(total: int) -> Iterator[NamedBar]:
    """A `NamedBar` of so many items."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    with _bar(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}")) as progress:
        yield NamedBar(progress, total)


@contextmanager
def fraction_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar with the time left for one job; call what it yields with the fraction that is done."""
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    with _bar(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda done: progress.update(task, completed=done)


def _bar(*columns: "ProgressColumn") -> "Progress":
    """A bar that is shown only on a terminal, and gone at its end."""
    from rich.progress import Progress

    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())
