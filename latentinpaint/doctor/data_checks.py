"""Folders to train on: what cannot be read, what teaches little, and what is there twice."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from latentinpaint.data.shard_index import is_sharded
from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, Finding, FindingCode, note, problem, warning
from latentinpaint.doctor.near_duplicates import Fingerprint, similar_pairs
from latentinpaint.doctor.picture_stats import PictureStats, read_stats
from latentinpaint.doctor.reading import Progress, left_out_files, map_in_threads, no_progress
from latentinpaint.doctor.shard_checks import read_shards
from latentinpaint.errors import count_of
from latentinpaint.images.folders import FolderContents, read_folder

FEW_PICTURES = 100
MAX_ASPECT = 4.0
_MASK_NAME = re.compile(r"_mask\d*$", re.IGNORECASE)
# Pictures to a person, but not to this package.
_UNSUPPORTED_SUFFIXES = frozenset(
    ".jxl .jp2 .j2k .psd .xcf .exr .hdr .svg .ppm .pgm .pnm .tga .ico .dng .cr2 .cr3 .nef .arw .raf".split()
)

Stats = Sequence[PictureStats]
FolderCheck = Callable[[Stats], Iterator[Finding]]


def examine_data(
    root: str | Path,
    val: str | Path | None = None,
    size: int = 256,
    progress: Progress = no_progress,
    names: ArgumentNames = DEFAULT_NAMES,
) -> list[Finding]:
    """Examine a folder of photographs to train on, with its sub-folders, or tar shards.

    Args:
        root: the folder, or path or URL of the shards.
        val: folder or shards of the photographs that training is evaluated on; none of them should be in `root`.
        size: pixels a side of the crops that are trained on.
        progress: shows how far it is.
        names: what advice calls the caller's arguments.

    Raises:
        InputError: if a folder is missing, or shards cannot be reached.
    """
    findings, train_stats = _read_pictures(root, progress)
    findings += _check_count(root, train_stats)
    if train_stats and len(train_stats) < FEW_PICTURES:
        findings.append(_few_pictures(root, len(train_stats)))
    findings += _check_pictures(train_stats, size, names)
    if val is None:
        return findings
    val_findings, val_stats = _read_pictures(val, progress)
    findings += val_findings
    findings += _check_count(val, val_stats)
    findings += _check_pictures(val_stats, size, names)
    findings += _check_leaks(train_stats, val_stats)
    return findings


def _read_pictures(root: str | Path, progress: Progress) -> tuple[list[Finding], list[PictureStats]]:
    if is_sharded(root):
        return read_shards(str(root), progress)
    return _read_folder(Path(root), progress)


def _read_folder(folder: Path, progress: Progress) -> tuple[list[Finding], list[PictureStats]]:
    """Read the pictures of a folder: what cannot be read, and the statistics of the rest."""
    findings = []
    stats = []
    contents = read_folder(folder)
    with progress(f"examining {folder}", len(contents.pictures)) as step:
        for result in map_in_threads(read_stats, contents.pictures, step):
            if isinstance(result, Finding):
                findings.append(result)
            else:
                stats.append(result)
    findings += _check_other_files(contents)
    return findings, stats


def _check_pictures(stats: Stats, size: int, names: ArgumentNames) -> list[Finding]:
    findings = [*_check_names(stats), *_check_tiny(stats, size, names)]
    for check in FOLDER_CHECKS:
        findings += check(stats)
    return findings


def _check_count(folder: str | Path, stats: Stats) -> Iterator[Finding]:
    """How many pictures there are, and their sizes."""
    if not stats:
        yield problem(FindingCode.NO_PICTURE, folder, "it holds no picture that can be read", "give another folder")
        return
    sides = sorted(picture.shorter_side for picture in stats)
    median = sides[len(sides) // 2]
    pictures = count_of(len(stats), "picture")
    seen = f"{pictures}, the shorter side {sides[0]} to {sides[-1]} pixels, {median} in the middle"
    yield note(FindingCode.PICTURES, folder, seen)


def _few_pictures(folder: str | Path, count: int) -> Finding:
    seen = f"{count_of(count, 'picture', 'is/are')} soon learnt by heart"
    return warning(FindingCode.FEW_PICTURES, folder, seen, "add more, or fine-tune a trained model")


def _check_other_files(contents: FolderContents) -> Iterator[Finding]:
    """What is left out, and files that are no pictures or in formats that cannot be read."""
    yield from left_out_files(contents.left_out)
    for path in contents.loops:
        yield note(FindingCode.NOT_A_PICTURE, path, "it is a link to a folder that it lies in, and is not entered")
    for path in contents.other_files:
        if path.suffix.lower() in _UNSUPPORTED_SUFFIXES:
            seen = "pictures of this kind are not read"
            yield warning(FindingCode.UNSUPPORTED_FORMAT, path, seen, "convert it to PNG, TIFF, WebP or JPEG")
        else:
            yield note(FindingCode.NOT_A_PICTURE, path, "it is left out")


def _check_names(stats: Stats) -> Iterator[Finding]:
    for picture in stats:
        if _MASK_NAME.search(picture.path.stem):
            seen = "it is called a mask, and would be trained on as a photograph"
            yield warning(FindingCode.MASK_AMONG_PICTURES, picture.path, seen, "move it to another folder")


def _check_tiny(stats: Stats, size: int, names: ArgumentNames) -> Iterator[Finding]:
    advice = f"delete it, or train on smaller crops ({names.crop_size})"
    for picture in stats:
        if picture.shorter_side < size:
            seen = f"{picture.size} pixels, smaller than the crops of {size}: it is enlarged, and teaches blur"
            yield warning(FindingCode.TINY, picture.path, seen, advice)


def _check_flat(stats: Stats) -> Iterator[Finding]:
    for picture in stats:
        if picture.is_flat:
            yield warning(FindingCode.FLAT, picture.path, "it is one colour all over", "delete it")


def _check_greyscale(stats: Stats) -> Iterator[Finding]:
    grey = []
    for picture in stats:
        if picture.is_grey and not picture.is_flat:
            grey.append(picture)
    if grey and len(grey) >= 0.9 * len(stats):
        seen = f"{len(grey)} of {count_of(len(stats), 'picture', 'is/are')} greyscale, so the model learns no colours"
        yield note(FindingCode.GREYSCALE_FOLDER, grey[0].path.parent, seen, "nothing, if that is the task")
        return
    for picture in grey:
        advice = "take it out if the model is for colour pictures"
        yield warning(FindingCode.GREYSCALE, picture.path, "it has (nearly) no colours", advice)


def _check_transparent(stats: Stats) -> Iterator[Finding]:
    for picture in stats:
        if picture.has_alpha:
            seen = "it is partly transparent; training sees the colours beneath, which may be anything"
            yield warning(FindingCode.TRANSPARENT, picture.path, seen, "save it on a background of your choice")


def _check_duplicates(stats: Stats) -> Iterator[Finding]:
    """The same picture more than once: pixel by pixel, then nearly."""
    first: dict[bytes, PictureStats] = {}
    for picture in stats:
        original = first.setdefault(picture.checksum, picture)
        if original is not picture:
            seen = f"its pixels are those of {original.path}"
            yield warning(FindingCode.DUPLICATE, picture.path, seen, "delete one: it counts twice in training")
    unique = [picture for picture in first.values() if not picture.is_flat]
    for index, other_index in similar_pairs(_fingerprints(unique)):
        picture = unique[index]
        other = unique[other_index]
        seen = f"it looks like {picture.path} ({other.size} and {picture.size} pixels)"
        yield warning(FindingCode.NEAR_DUPLICATE, other.path, seen, "look at both, keep the better one")


def _check_elongated(stats: Stats) -> Iterator[Finding]:
    for picture in stats:
        aspect = max(picture.width, picture.height) / picture.shorter_side
        if aspect > MAX_ASPECT:
            seen = f"{picture.size} pixels, {aspect:.1f} times as long as wide: a crop shows little of it"
            yield note(FindingCode.ELONGATED, picture.path, seen, "cut it into parts, if it matters")


FOLDER_CHECKS: tuple[FolderCheck, ...] = (
    _check_flat,
    _check_greyscale,
    _check_transparent,
    _check_duplicates,
    _check_elongated,
)


def _check_leaks(train: Stats, val: Stats) -> Iterator[Finding]:
    """Photographs of the validation set that are trained on: figures come out too good."""
    advice = "take it out of one of the two folders: figures on it are too good"
    trained_by_checksum = {}
    for picture in train:
        trained_by_checksum[picture.checksum] = picture
    unmatched = []
    for picture in val:
        trained = trained_by_checksum.get(picture.checksum)
        if trained is not None:
            seen = f"its pixels are those of {trained.path}, which is trained on"
            yield problem(FindingCode.IN_BOTH_FOLDERS, picture.path, seen, advice)
        elif not picture.is_flat:
            unmatched.append(picture)
    for index, train_index in similar_pairs(_fingerprints(unmatched), _fingerprints(train)):
        seen = f"it looks like {train[train_index].path}, which is trained on"
        yield problem(FindingCode.NEARLY_IN_BOTH_FOLDERS, unmatched[index].path, seen, advice)


def _fingerprints(stats: Stats) -> list[Fingerprint]:
    return [picture.fingerprint for picture in stats]
