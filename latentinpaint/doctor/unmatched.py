"""Pictures and masks whose names do not match, and the names that were probably meant."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from latentinpaint.doctor.findings import Finding, FindingCode, problem, warning
from latentinpaint.images.pairing import Matches

# How people call masks; `images.pairing` takes photo_mask001 alone.
_MASK_AT_THE_END = re.compile(r"(?P<photo>.+?)[ _.-]*masks?[ _.-]*\d*", re.IGNORECASE | re.DOTALL)
_MASK_AT_THE_START = re.compile(r"masks?[ _.-]*(?P<photo>.+)", re.IGNORECASE | re.DOTALL)
MIN_SIMILARITY = 0.75  # difflib's ratio from which on a name is offered
MAX_GUESSES = 200  # each compares one name with all others


def unmatched_files(matches: Matches, images: Path, masks: Path, in_one_folder: bool) -> list[Finding]:
    """Masks without a picture and pictures without a mask, with the name that was probably meant.

    Args:
        matches: what matches, and what is left over.
        images, masks: folders of the pictures and of the masks.
        in_one_folder: whether both share one folder, so that names alone tell masks from pictures.
    """
    without_image = _masks_without_image(matches, images, masks)
    return [*without_image, *_images_without_mask(matches, in_one_folder)]


def _masks_without_image(matches: Matches, images: Path, masks: Path) -> Iterator[Finding]:
    photos = []
    for image in matches.images_without_mask:
        photos.append(_relative_name(image, images))
    for pair in matches.pairs:
        photos.append(_relative_name(pair.image, images))
    for number, mask in enumerate(matches.masks_without_image):
        seen = f"no picture in {images} has this mask's name"
        advice = "name masks after their pictures, photo_mask001.png for photo.png, in the same sub-folder"
        photo = None
        if number < MAX_GUESSES:
            photo = _probable_photo(_relative_name(mask, masks), photos)
        if photo:
            seen += f"; did you mean {photo}?"
            advice = f"rename it {photo}_mask001{mask.suffix.lower()}"
        yield problem(FindingCode.MASK_WITHOUT_PICTURE, mask, seen, advice)


def _images_without_mask(matches: Matches, in_one_folder: bool) -> Iterator[Finding]:
    for path in matches.images_without_mask:
        photo = _photo_of_mask_name(path.stem)
        if in_one_folder and photo is not None:
            seen = "it is called a mask, but not so that it is taken for one: it counts as a picture"
            advice = f"rename it {photo}_mask001{path.suffix.lower()}"
            yield warning(FindingCode.NAME_LIKE_MASK, path, seen, advice)
        else:
            seen = "it has no mask, so it is left out"
            yield warning(FindingCode.PICTURE_WITHOUT_MASK, path, seen, "add photo_mask001.png for photo.png")


def _probable_photo(mask: str, photos: Sequence[str]) -> str | None:
    """The picture whose name comes closest to a mask's, both as relative paths without suffix."""
    folder, slash, stem = mask.rpartition("/")
    photo = _photo_of_mask_name(stem) or stem
    wanted = f"{folder}{slash}{photo}".casefold()
    by_name = {}
    by_stem = {}
    for known in photos:
        by_name[known.casefold()] = known
        by_stem[_last_part(known).casefold()] = known
    close = get_close_matches(wanted, list(by_name), n=1, cutoff=MIN_SIMILARITY)
    if close:
        return by_name[close[0]]
    return by_stem.get(_last_part(wanted))  # in another sub-folder, then


def _photo_of_mask_name(stem: str) -> str | None:
    """The photo's name within a name that people would give to a mask; None for other names."""
    match = _MASK_AT_THE_END.fullmatch(stem) or _MASK_AT_THE_START.fullmatch(stem)
    if match is None:
        return None
    return match["photo"]


def _relative_name(path: Path, root: Path) -> str:
    """The path below `root` without suffix, with slashes."""
    return path.relative_to(root).with_suffix("").as_posix()


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]
