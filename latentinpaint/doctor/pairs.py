"""Files of pictures and masks: one pair, or folders of them as `inpaint` matches them."""

from pathlib import Path

from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.doctor.mask_checks import examine
from latentinpaint.doctor.names import unmatched
from latentinpaint.doctor.reading import Progress, in_threads, no_progress, read
from latentinpaint.errors import InputError
from latentinpaint.images.pairing import ImageMaskPair, match_masks

_SAVE_AGAIN = "save or copy it again"


def examine_pair(image: str | Path, mask: str | Path, invert: bool = False) -> list[Finding]:
    """Examine the files of a picture and its mask.

    Raises:
        InputError: if one of them does not exist.
    """
    paths = Path(image), Path(mask)
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no file {path}")
    picture, hole = (read(path, _SAVE_AGAIN) for path in paths)
    found = [answer for answer in (picture, hole) if isinstance(answer, Finding)]
    if isinstance(hole, Finding):
        return found
    return found + examine(None if isinstance(picture, Finding) else picture, hole, invert)


def examine_pairs(
    images: str | Path, masks: str | Path | None = None, invert: bool = False, progress: Progress = no_progress
) -> list[Finding]:
    """Examine a folder of pictures and masks, or a folder of each.

    Raises:
        InputError: if a folder is missing.
    """
    for folder in filter(None, (images, masks)):
        if not Path(folder).is_dir():
            raise InputError(f"there is no folder {folder}")
    try:
        found = match_masks(images, masks)
    except InputError as error:
        advice = "rename them so that every mask names one picture: photo_mask001.png for photo.png"
        return [Finding(Severity.PROBLEM, FindingCode.NAMES_AMBIGUOUS, str(masks or images), str(error), advice)]

    def look(pair: ImageMaskPair) -> list[Finding]:
        return examine_pair(pair.image, pair.mask, invert)

    findings = unmatched(found, Path(images), None if masks is None else Path(masks))
    with progress("examining", len(found.pairs)) as step:
        for answers in in_threads(look, found.pairs, step):
            findings += answers
    return findings
