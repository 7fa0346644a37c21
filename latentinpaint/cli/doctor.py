"""`doctor`: what is likely to go wrong with a picture and its mask, or with a folder of data, before it does."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside

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
        data: folder of photographs to train on.
        val: folder of photographs to judge on, none of which should be in --data.
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


@dataclass(frozen=True)
class Examined:
    """Findings, what was examined in words, and the seconds that every file took, None for a single pair."""

    findings: "list[Finding]"
    what: str
    seconds_a_file: float | None = None


def run(options: Options) -> int:
    """Examine what was asked for; answers the exit status."""
    from latentinpaint.doctor import report, summary
    from latentinpaint.doctor.findings import has_problem

    if options.size < 1 or options.examples < 0:
        raise InputError("--size starts at 1, and --examples at 0")
    progress = _Timed()
    findings = _examination(options)(options, progress)
    for line in report(findings, options.examples):
        print(line)
    if options.json is not None:
        _write(Path(options.json), findings, progress)
    print(f"{chr(10) if findings else ''}{progress.said}{summary(findings)}")
    return 1 if has_problem(findings) else 0


def _examination(options: Options) -> "Callable[[Options, _Timed], list[Finding]]":
    """The one of the three examinations that the options ask for."""
    pair, pairs, data = (options.image, options.mask), (options.images, options.masks), (options.data, options.val)
    complete = {_pair: all(pair), _pairs: options.images is not None, _data: options.data is not None}
    asked = [kind for kind, given in zip(complete, (pair, pairs, data), strict=True) if any(given)]
    if len(asked) != 1 or not complete[asked[0]]:
        raise InputError("give --image and --mask, or --images (and --masks), or --data (and --val)")
    return asked[0]


def _pair(options: Options, progress: "_Timed") -> "list[Finding]":
    from latentinpaint.doctor import examine_pair

    return examine_pair(options.image, options.mask, options.invert_mask)


def _pairs(options: Options, progress: "_Timed") -> "list[Finding]":
    from latentinpaint.doctor import examine_pairs

    return examine_pairs(options.images, options.masks, options.invert_mask, progress)


def _data(options: Options, progress: "_Timed") -> "list[Finding]":
    from latentinpaint.doctor import examine_data

    return examine_data(options.data, options.val, options.size, progress)


@dataclass
class _Timed:
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
    def said(self) -> str:
        if not self.count:
            return ""
        a_thousand = 1000 * self.seconds / self.count
        return f"{self.count} examined in {self.seconds:.1f} s ({a_thousand:.1f} s for 1000): "


def _write(path: Path, findings: "list[Finding]", progress: _Timed) -> None:
    found = {
        "examined": progress.count or 1,
        "seconds": round(progress.seconds, 3),
        "findings": [finding.as_json() for finding in findings],
    }
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
