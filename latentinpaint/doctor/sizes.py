"""Picture and mask of different sizes, and how that may have come about."""

from collections.abc import Iterator

from latentinpaint.doctor.case import Case
from latentinpaint.doctor.findings import Finding, FindingCode, Severity
from latentinpaint.images.picture import Picture


def sizes(case: Case) -> Iterator[Finding]:
    """Picture and mask of different sizes: fails."""
    if case.image is None or case.fits:
        return
    image, mask = case.image, case.mask
    seen = f"the mask is {mask.width}x{mask.height} pixels, the picture {image.width}x{image.height}"
    advice = f"make a mask of {image.width}x{image.height} pixels"
    if (mask.width, mask.height) == (image.height, image.width):
        seen += ": width and height are swapped" + _turned(image, mask)
        advice = "turn the mask by a quarter, the way that puts the hole where it belongs"
    elif _same_shape(image.width, image.height, mask.width, mask.height):
        seen += f": the same shape, {mask.width / image.width:.3g} times as wide"
        advice = f"scale the mask to {image.width}x{image.height} pixels by nearest neighbour"
    elif _same_shape(image.height, image.width, mask.width, mask.height):
        seen += ": another scale, and width and height are swapped" + _turned(image, mask)
        advice = f"turn the mask by a quarter, and scale it to {image.width}x{image.height} by nearest neighbour"
    else:
        seen += ": of another shape, so one of both was cropped, or they do not belong together"
    yield case.finding(Severity.PROBLEM, FindingCode.SIZES_DIFFER, seen, advice)


def _turned(image: Picture, mask: Picture) -> str:
    """What EXIF has to do with a quarter turn."""
    for picture, word in ((image, "picture"), (mask, "mask")):
        if picture.orientation >= 5:
            return f"; the {word} is shown upright because of its EXIF orientation {picture.orientation}"
    return ""


def _same_shape(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether one size is the other one scaled and rounded; a pixel more or less is no other shape."""
    scale = max(other_width / width, other_height / height)
    return abs(width * scale - other_width) <= 1 and abs(height * scale - other_height) <= 1
