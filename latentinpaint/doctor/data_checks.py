"""Folders to train on: what cannot be read, what teaches little, and what is there twice."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.near_duplicates import alike
from latentinpaint.doctor.picture_stats import Facts, facts_of
from latentinpaint.doctor.reading import Progress, in_threads, no_progress
from latentinpaint.images.image_files import PICTURE_SUFFIXES, list_pictures

FEW = 100
ASPECT = 4.0
_MASK = re.compile(r"_mask\d*$", re.IGNORECASE)
# Pictures to a person, but not to this package.
_FOREIGN = frozenset(
    ".heic .heif .avif .jxl .jp2 .j2k .psd .xcf .exr .hdr .svg .ppm .pgm .pnm .tga .ico "
    ".dng .cr2 .cr3 .nef .arw .raf".split()
)


def examine_data(
    root: str | Path, val: str | Path | None = None, size: int = 256, progress: Progress = no_progress
) -> list[Finding]:
    """Examine a folder of photographs to train on, with its sub-folders.

    Args:
        root: the folder.
        val: folder of the photographs that training is judged on; none of them should be in `root`.
        size: pixels a side of the crops that are trained on.
        progress: shows how far it is.

    Raises:
        InputError: if a folder is missing.
    """
    folders = [Path(root)] if val is None else [Path(root), Path(val)]
    found: list[Finding] = []
    facts: list[list[Facts]] = []
    for folder in folders:
        paths = list_pictures(folder)
        with progress(f"examining {folder}", len(paths)) as step:
            answers = list(in_threads(facts_of, paths, step))
        facts.append([answer for answer in answers if isinstance(answer, Facts)])
        found += [answer for answer in answers if isinstance(answer, Finding)]
        found += [*_other_files(folder), *_how_many(folder, facts[-1], is_val=len(facts) > 1)]
        found += [finding for check in CHECKS for finding in check(facts[-1], size)]
    return found + (list(_leaks(*facts)) if val is not None else [])


def _how_many(folder: Path, facts: Sequence[Facts], is_val: bool) -> Iterator[Finding]:
    count = len(facts)
    if not count:
        yield Finding(
            Severity.PROBLEM,
            FindingCode.NO_PICTURE,
            str(folder),
            "it holds no picture that can be read",
            "give another folder",
        )
        return
    sides = sorted(min(f.width, f.height) for f in facts)
    seen = f"{count} pictures, the shorter side {sides[0]} to {sides[-1]} pixels, {sides[count // 2]} in the middle"
    yield Finding(Severity.NOTE, FindingCode.PICTURES, str(folder), seen, "")
    if count < FEW and not is_val:
        advice = "add more, or fine-tune a trained model"
        yield Finding(
            Severity.WARNING,
            FindingCode.FEW_PICTURES,
            str(folder),
            f"{count} pictures are soon learnt by heart",
            advice,
        )


def _other_files(folder: Path) -> Iterator[Finding]:
    """Files that are no pictures, or of kinds that cannot be read."""
    others = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in files if not name.startswith("."))
        others += [path for path in paths if path.suffix.lower() not in PICTURE_SUFFIXES]
    for path in sorted(others):
        if path.suffix.lower() in _FOREIGN:
            seen, advice = "pictures of this kind are not read", "convert it to PNG, TIFF, WebP or JPEG"
            yield Finding(Severity.WARNING, FindingCode.UNSUPPORTED_FORMAT, str(path), seen, advice)
        else:
            yield Finding(Severity.NOTE, FindingCode.NOT_A_PICTURE, str(path), "it is left out", "")


def _tiny(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    for f in facts:
        if min(f.width, f.height) < size:
            seen = f"{f.size} pixels, smaller than the crops of {size}: it is enlarged, and teaches blur"
            yield Finding(
                Severity.WARNING,
                FindingCode.TINY,
                str(f.path),
                seen,
                "delete it, or train on smaller crops (--data.size)",
            )


def _long(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    for f in facts:
        ratio = max(f.width, f.height) / min(f.width, f.height)
        if ratio > ASPECT:
            seen = f"{f.size} pixels, {ratio:.1f} times as long as wide: a crop shows little of it"
            yield Finding(Severity.NOTE, FindingCode.ELONGATED, str(f.path), seen, "cut it into parts, if it matters")


def _grey(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    grey = [f for f in facts if f.is_grey and not f.is_flat]
    if grey and len(grey) >= 0.9 * len(facts):
        seen = f"{len(grey)} of {len(facts)} pictures are greyscale, so the model learns no colours"
        yield Finding(
            Severity.NOTE,
            FindingCode.GREYSCALE_FOLDER,
            str(grey[0].path.parent),
            seen,
            "nothing, if that is the task",
        )
        return
    for f in grey:
        advice = "take it out if the model is for colour pictures"
        yield Finding(Severity.WARNING, FindingCode.GREYSCALE, str(f.path), "it has (nearly) no colours", advice)


def _flat(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    for f in facts:
        if f.is_flat:
            yield Finding(Severity.WARNING, FindingCode.FLAT, str(f.path), "it is one colour all over", "delete it")


def _transparent(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    for f in facts:
        if f.has_alpha:
            seen = "it is partly transparent; training sees the colours beneath, which may be anything"
            yield Finding(
                Severity.WARNING, FindingCode.TRANSPARENT, str(f.path), seen, "save it on a background of your choice"
            )


def _masks(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    for f in facts:
        if _MASK.search(f.path.stem):
            seen = "it is called a mask, and would be trained on as a photograph"
            yield Finding(
                Severity.WARNING, FindingCode.MASK_AMONG_PICTURES, str(f.path), seen, "move it to another folder"
            )


def _doubles(facts: Sequence[Facts], size: int) -> Iterator[Finding]:
    """The same picture more than once: pixel by pixel, then by likeness."""
    first: dict[bytes, Facts] = {}
    for f in facts:
        original = first.setdefault(f.checksum, f)
        if original is not f:
            seen = f"its pixels are those of {original.path}"
            yield Finding(
                Severity.WARNING, FindingCode.DUPLICATE, str(f.path), seen, "delete one: it counts twice in training"
            )
    once = [f for f in first.values() if not f.is_flat]
    for one, other in alike([f.print for f in once]):
        seen = f"it looks like {once[one].path} ({once[other].size} and {once[one].size} pixels)"
        yield Finding(
            Severity.WARNING,
            FindingCode.NEAR_DUPLICATE,
            str(once[other].path),
            seen,
            "look at both, keep the better one",
        )


def _leaks(facts: Sequence[Facts], val: Sequence[Facts]) -> Iterator[Finding]:
    """Photographs to judge on that are trained on: figures come out too good."""
    advice = "take it out of one of the two folders: figures on it are too good"
    trained = {f.checksum: f for f in facts}
    for f in val:
        if f.checksum in trained:
            seen = f"its pixels are those of {trained[f.checksum].path}, which is trained on"
            yield Finding(Severity.PROBLEM, FindingCode.IN_BOTH_FOLDERS, str(f.path), seen, advice)
    rest = [f for f in val if f.checksum not in trained and not f.is_flat]
    for one, other in alike([f.print for f in rest], [f.print for f in facts]):
        seen = f"it looks like {facts[other].path}, which is trained on"
        yield Finding(Severity.PROBLEM, FindingCode.NEARLY_IN_BOTH_FOLDERS, str(rest[one].path), seen, advice)


Check = Callable[[Sequence[Facts], int], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (_masks, _tiny, _flat, _grey, _transparent, _doubles, _long)
