"""Reading what is examined: many files at a time, and what cannot be read is a finding."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from latentinpaint.doctor.findings import Finding, FindingCode, problem
from latentinpaint.errors import InputError
from latentinpaint.images.folders import LeftOut
from latentinpaint.images.image_files import read_picture
from latentinpaint.images.picture import Picture

Step = Callable[[str], None]
Progress = Callable[[str, int], AbstractContextManager[Step]]  # with a title and the number of items
Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def no_progress(title: str, total: int) -> Iterator[Step]:
    """Shows nothing."""
    yield lambda name: None


def read_or_finding(path: Path, advice: str) -> Picture | Finding:
    """A picture file, or what is wrong with it."""
    try:
        return read_picture(path)
    except InputError as error:
        return problem(FindingCode.UNREADABLE, path, str(error), advice)


def left_out_files(left_out: Iterable[LeftOut]) -> Iterator[Finding]:
    """What of a folder cannot be used at all."""
    for item in left_out:
        yield problem(FindingCode.UNREADABLE, item.path, f"it {item.reason}", "mend it, or take it away")


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item], step: Step) -> Iterator[Result]:
    """The results of `function` in the order of `items`.

    Decoders run beside each other, but only two items for each thread are held at a time.
    """
    workers = min(8, os.cpu_count() or 1)
    remaining = iter(items)
    pending: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in islice(remaining, 2 * workers):
            pending.append((item, pool.submit(function, item)))
        while pending:
            item, future = pending.popleft()
            result = future.result()
            for following in islice(remaining, 1):
                pending.append((following, pool.submit(function, following)))
            step(str(item))
            yield result
