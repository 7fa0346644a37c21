"""Files of pictures and masks: one pair, or folders of them, matched as `inpaint` matches them."""

from pathlib import Path

from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, Finding, FindingCode, problem
from latentinpaint.doctor.mask_checks import examine
from latentinpaint.doctor.reading import Progress, left_out_files, map_in_threads, no_progress, read_or_finding
from latentinpaint.doctor.unmatched import unmatched_files
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import binary_mask
from latentinpaint.images.pairing import ImageMaskPair, match_masks
from latentinpaint.images.picture import Picture

_SAVE_AGAIN = "save or copy it again"


def examine_pair(
    image: str | Path, mask: str | Path, invert_mask: bool = False, names: ArgumentNames = DEFAULT_NAMES
) -> list[Finding]:
    """Examine the files of a picture and its mask; the last two arguments are those of `examine`.

    Raises:
        InputError: if one of them does not exist.
    """
    for path in (Path(image), Path(mask)):
        if not path.exists():
            raise InputError(f"there is no file {path}")
    picture = read_or_finding(Path(image), _SAVE_AGAIN)
    mask_picture = read_or_finding(Path(mask), _SAVE_AGAIN)
    findings: list[Finding] = []
    known_picture = None
    if isinstance(picture, Finding):
        findings.append(picture)
    else:
        known_picture = picture
    if isinstance(mask_picture, Finding):
        return [*findings, mask_picture]
    if known_picture is not None:
        findings += _unusable_samples(known_picture, mask_picture, invert_mask)
    return findings + examine(known_picture, mask_picture, invert_mask, names)


def _unusable_samples(image: Picture, mask: Picture, invert_mask: bool) -> list[Finding]:
    """Samples outside the hole that are no intensities."""
    hole = binary_mask(mask, invert_mask)
    if hole.shape != (image.height, image.width):
        return []
    try:
        image.with_range_of(~hole)
    except InputError as error:
        return [problem(FindingCode.UNREADABLE, image.name, str(error), _SAVE_AGAIN)]
    return []


def examine_pairs(
    images: str | Path,
    masks: str | Path | None = None,
    invert_mask: bool = False,
    progress: Progress = no_progress,
    names: ArgumentNames = DEFAULT_NAMES,
) -> list[Finding]:
    """Examine a folder of pictures and masks, or a folder of each.

    Args:
        images: folder of the pictures, and of the masks too if `masks` is None.
        masks: folder of the masks.
        invert_mask: whether the holes are where the masks are black.
        progress: shows how far it is.
        names: what advice calls the caller's arguments.

    Raises:
        InputError: if a folder is missing.
    """
    mask_folder = masks or images
    for folder in (images, mask_folder):
        if not Path(folder).is_dir():
            raise InputError(f"there is no folder {folder}")
    try:
        matches = match_masks(images, masks)
    except InputError as error:
        advice = "rename them so that every mask names one picture: photo_mask001.png for photo.png"
        return [problem(FindingCode.NAMES_AMBIGUOUS, mask_folder, str(error), advice)]

    def examine_match(pair: ImageMaskPair) -> list[Finding]:
        return examine_pair(pair.image, pair.mask, invert_mask, names)

    findings = unmatched_files(matches, Path(images), Path(mask_folder), in_one_folder=masks is None)
    findings += left_out_files(matches.left_out)
    with progress("examining", len(matches.pairs)) as step:
        for of_pair in map_in_threads(examine_match, matches.pairs, step):
            findings += of_pair
    return findings
