"""Reading what is examined: many files at a time, and what cannot be read is a finding."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_picture
from latentinpaint.images.picture import Picture

Step = Callable[[str], None]
Progress = Callable[[str, int], AbstractContextManager[Step]]  # with a title and the number of items
Item, Answer = TypeVar("Item"), TypeVar("Answer")


@contextmanager
def no_progress(title: str, total: int) -> Iterator[Step]:
    """Shows nothing."""
    yield lambda name: None


def read(path: Path, advice: str) -> Picture | Finding:
    """A picture file, or what is wrong with it."""
    try:
        return read_picture(path)
    except InputError as error:
        return Finding(Severity.PROBLEM, FindingCode.UNREADABLE, str(path), str(error), advice)


def in_threads(work: Callable[[Item], Answer], items: Iterable[Item], step: Step) -> Iterator[Answer]:
    """`work` on every item, answers in the items' order; decoders run beside each other, few pictures are held."""
    workers = min(8, os.cpu_count() or 1)
    items = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        waiting = [(item, pool.submit(work, item)) for item in islice(items, 2 * workers)]
        while waiting:
            item, future = waiting.pop(0)
            answer = future.result()
            waiting += [(following, pool.submit(work, following)) for following in islice(items, 1)]
            step(str(item))
            yield answer
