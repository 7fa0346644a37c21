"""Names of pictures and masks that were meant to match."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.images.pairing import Matches

# How people call masks; `pairs` takes photo_mask001 alone.
_AFTER = re.compile(r"^(?P<photo>.+?)[ _.-]*masks?[ _.-]*\d*$", re.IGNORECASE)
_BEFORE = re.compile(r"^masks?[ _.-]*(?P<photo>.+)$", re.IGNORECASE)
LIKE = 0.75  # difflib's ratio from which on a name is offered
MOST_GUESSES = 200  # each compares one name with all others


def unmatched(found: Matches, images: Path, masks: Path | None) -> list[Finding]:
    """Masks without a picture and pictures without a mask, with the name that was probably meant."""
    return [*_orphans(found, images, masks or images), *_bare(found, images, masks)]


def _orphans(found: Matches, images: Path, masks: Path) -> Iterator[Finding]:
    photos = [
        _key(path, images)
        for path in (*found.images_without_mask, *dict.fromkeys(pair.image for pair in found.pairs))
    ]
    for number, mask in enumerate(found.masks_without_image):
        photo = _meant(_key(mask, masks), photos) if number < MOST_GUESSES else None
        seen = f"no picture in {images} has this mask's name"
        advice = "name masks after their pictures, photo_mask001.png for photo.png, in the same sub-folder"
        if photo:
            seen += f"; did you mean {photo}?"
            advice = f"rename it {photo}_mask001{mask.suffix.lower()}"
        yield Finding(Severity.PROBLEM, FindingCode.MASK_WITHOUT_PICTURE, str(mask), seen, advice)


def _bare(found: Matches, images: Path, masks: Path | None) -> Iterator[Finding]:
    for path in found.images_without_mask:
        match = (_AFTER.match(path.stem) or _BEFORE.match(path.stem)) if masks is None else None
        if match:
            seen = "it is called a mask, but not so that it is taken for one: it counts as a picture"
            advice = f"rename it {match['photo']}_mask001{path.suffix.lower()}"
            yield Finding(Severity.WARNING, FindingCode.NAME_LIKE_MASK, str(path), seen, advice)
        else:
            seen = "it has no mask, so it is left out"
            yield Finding(
                Severity.WARNING,
                FindingCode.PICTURE_WITHOUT_MASK,
                str(path),
                seen,
                "add photo_mask001.png for photo.png",
            )


def _meant(mask: str, photos: Sequence[str]) -> str | None:
    """The picture whose name comes closest to a mask's, both as relative paths without suffix."""
    folder, slash, stem = mask.rpartition("/")
    match = _AFTER.match(stem) or _BEFORE.match(stem)
    wanted = folder + slash + (match["photo"] if match else stem)
    by_name = {photo.casefold(): photo for photo in photos}
    close = get_close_matches(wanted.casefold(), list(by_name), n=1, cutoff=LIKE)
    if close:
        return by_name[close[0]]
    # In another sub-folder, then.
    by_stem = {photo.rpartition("/")[2].casefold(): photo for photo in photos}
    return by_stem.get(wanted.rpartition("/")[2].casefold())


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()
