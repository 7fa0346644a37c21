"""`doctor`: what is likely to go wrong with a picture and its mask, or with a folder of data, before it does."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError, printable
from latentinpaint.files import write_text

if TYPE_CHECKING:
    from latentinpaint.doctor import Finding


@dataclass(kw_only=True)
class Options:
    """Look at a picture and its mask, at folders of both, or at a folder to train on; nothing is changed.

    Problems will fail or give wrong results, warnings may, notes are worth knowing. The exit status is 0 if there is
    no problem, 1 if there is one, 2 for a mistake in the options.

    Args:
        image: a picture, with --mask.
        mask: its mask, white where the hole is.
        images: folder of pictures, and of their masks (photo.png, photo_mask001.png).
        masks: folder of the masks, if they are not beside the pictures.
        data: folder of photographs to train on, or tar shards, such as 'shards/{0000..0099}.tar'.
        val: folder or shards of photographs to evaluate on, none of which should be in --data.
        invert_mask: the hole is where the mask is black.
        size: pixels a side of the crops that are trained on; smaller photographs are named.
        examples: how many files are named for each kind of finding.
        json: file to write all findings to.
    """

    image: str | None = None
    mask: str | None = None
    images: str | None = None
    masks: str | None = None
    data: str | None = None
    val: str | None = None
    invert_mask: bool = False
    size: int = 256
    examples: int = 3
    json: str | None = None


def run(options: Options) -> int:
    """Examine what was asked for; returns the exit status."""
    from latentinpaint.doctor import report, summary
    from latentinpaint.doctor.findings import has_problem

    if options.size < 1 or options.examples < 0:
        raise InputError("--size starts at 1, and --examples at 0")
    progress = _TimedProgress()
    findings = _examine(options, progress)
    for line in report(findings, options.examples):
        print(printable(line))
    if options.json is not None:
        _write_json(Path(options.json), findings, progress)
    if findings:
        print()
    print(f"{progress.summary}{summary(findings)}")
    if has_problem(findings):
        return 1
    return 0


def _examine(options: Options, progress: "_TimedProgress") -> "list[Finding]":
    """Make the one of the three examinations that the options ask for."""
    from latentinpaint.doctor import ArgumentNames, examine_data, examine_pair, examine_pairs

    names = ArgumentNames(invert_mask="--invert-mask", crop_size="--data.size")
    wants_pair = bool(options.image or options.mask)
    wants_pairs = bool(options.images or options.masks)
    wants_data = bool(options.data or options.val)
    if wants_pair + wants_pairs + wants_data == 1:
        if options.image and options.mask:
            return examine_pair(options.image, options.mask, options.invert_mask, names)
        if options.images is not None:
            return examine_pairs(options.images, options.masks, options.invert_mask, progress, names)
        if options.data is not None:
            return examine_data(options.data, options.val, options.size, progress, names)
    raise InputError("give --image and --mask, or --images (and --masks), or --data (and --val)")


@dataclass
class _TimedProgress:
    """Progress bars that count what was examined, and the seconds it took."""

    count: int = 0
    seconds: float = 0.0

    @contextmanager
    def __call__(self, title: str, total: int) -> Iterator[Callable[[str], None]]:
        start = time.perf_counter()
        with progress_bar(title, total) as step:
            yield step
        self.count += total
        self.seconds += time.perf_counter() - start

    @property
    def summary(self) -> str:
        """The start of a line that goes on with what was found; empty if nothing was counted."""
        if not self.count:
            return ""
        per_thousand = 1000 * self.seconds / self.count
        return f"{self.count} examined in {self.seconds:.1f} s ({per_thousand:.1f} s for 1000): "


def _write_json(path: Path, findings: "list[Finding]", progress: _TimedProgress) -> None:
    content = {
        "examined": progress.count or 1,
        "seconds": round(progress.seconds, 3),
        "findings": [finding.as_json() for finding in findings],
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
