"""Picture and mask of different sizes, and how that may have come about."""

from collections.abc import Iterator

from latentinpaint.doctor.examined_mask import ExaminedMask
from latentinpaint.doctor.findings import Finding, FindingCode
from latentinpaint.images.picture import Picture


def check_sizes(examined: ExaminedMask) -> Iterator[Finding]:
    """Picture and mask of different sizes: fails."""
    if examined.image is None or examined.image_of_equal_size is not None:
        return
    image = examined.image
    mask = examined.mask
    size = f"{image.width}x{image.height}"
    seen = f"the mask is {mask.width}x{mask.height} pixels, the picture {size}"
    if (mask.width, mask.height) == (image.height, image.width):
        seen += f": width and height are swapped{_exif_remark(image, mask)}"
        advice = "turn the mask by a quarter, the way that puts the hole where it belongs"
    elif _same_aspect(image.width, image.height, mask.width, mask.height):
        seen += f": the same shape, {mask.width / image.width:.3g} times as wide"
        advice = f"scale the mask to {size} pixels by nearest neighbour"
    elif _same_aspect(image.height, image.width, mask.width, mask.height):
        seen += f": another scale, and width and height are swapped{_exif_remark(image, mask)}"
        advice = f"turn the mask by a quarter, and scale it to {size} by nearest neighbour"
    else:
        seen += ": of another shape, so one of both was cropped, or they do not belong together"
        advice = f"make a mask of {size} pixels"
    yield examined.problem(FindingCode.SIZES_DIFFER, seen, advice)


def _exif_remark(image: Picture, mask: Picture) -> str:
    """What EXIF has to do with a quarter turn; empty for nothing."""
    for picture, word in ((image, "picture"), (mask, "mask")):
        if picture.orientation >= 5:
            return f"; the {word} is shown upright because of its EXIF orientation {picture.orientation}"
    return ""


def _same_aspect(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether one size is the other one scaled and rounded; a pixel more or less is no other shape."""
    scale = max(other_width / width, other_height / height)
    return abs(width * scale - other_width) <= 1 and abs(height * scale - other_height) <= 1
