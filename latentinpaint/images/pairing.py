"""Which mask belongs to which picture, by name.

LaMa's naming: `photo.png` and `photo_mask001.png` (or `photo_mask.png`) in one folder, any picture type on either
side, several masks a photo allowed. With masks in a folder of their own, a mask may also have its photo's own name.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import list_pictures

_MASK = re.compile(r"^(?P<photo>.+)_mask\d*$")


@dataclass(frozen=True)
class ImageMaskPair:
    """A picture and one mask of it; `name` is a relative path without suffix, unique among the pairs."""

    image: Path
    mask: Path
    name: str


@dataclass(frozen=True)
class AmbiguousMask:
    """A mask that cannot be used for its name, and the sentence that says why."""

    mask: Path
    reason: str


@dataclass(frozen=True)
class Matches:
    """What two folders have in common, and what is left over on either side.

    Attributes:
        pairs: sorted as the masks are.
        masks_without_image: masks whose name fits no picture.
        images_without_mask: pictures that no mask names.
        ambiguous: masks that match more than one picture, or differ from another by their suffix alone.
    """

    pairs: list[ImageMaskPair]
    masks_without_image: list[Path]
    images_without_mask: list[Path]
    ambiguous: list[AmbiguousMask]


def match_masks(images: str | Path, masks: str | Path | None = None) -> Matches:
    """Match the masks of a folder to the pictures of a folder, sub-folders included.

    Args:
        images: folder of the pictures, and of the masks too if `masks` is None.
        masks: folder of the masks, with the same sub-folders.

    Raises:
        InputError: if there is no mask, or one is ambiguous.
    """
    found = find_matches(images, masks)
    if not (found.pairs or found.masks_without_image or found.ambiguous):
        example = (
            "photo.png beside photo_mask001.png" if masks is None else "a mask for photo.png is photo_mask001.png"
        )
        raise InputError(f"{Path(masks or images)} holds no mask: name them as in {example}")
    if found.ambiguous:
        raise InputError(found.ambiguous[0].reason)
    return found


def find_matches(images: str | Path, masks: str | Path | None = None) -> Matches:
    """As `match_masks`, but without refusing anything: what cannot be matched is among the answer.

    Raises:
        InputError: if a folder is missing or cannot be read.
    """
    images = Path(images)
    mask_root = images if masks is None else Path(masks)
    mask_files = [path for path in list_pictures(mask_root) if masks is not None or _MASK.match(path.stem)]
    photos: dict[Path, list[Path]] = {}
    for path in list_pictures(images):
        if masks is not None or not _MASK.match(path.stem):
            photos.setdefault(path.relative_to(images).with_suffix(""), []).append(path)
    pairs, masks_without_image, ambiguous, named = [], [], [], set()
    for mask in mask_files:
        key = mask.relative_to(mask_root).with_suffix("")
        found = _photos_of(key, photos, masks is not None)
        named.update(found)
        if len(found) == 1:
            pairs.append(ImageMaskPair(found[0], mask, key.as_posix()))
        elif found:
            reason = f"the mask {mask} matches more than one picture: {found[0].name} and {found[1].name}"
            ambiguous.append(AmbiguousMask(mask, reason))
        else:
            masks_without_image.append(mask)
    pairs, twins = _without_twins(pairs)
    images_without_mask = [path for paths in photos.values() for path in paths if path not in named]
    return Matches(pairs, masks_without_image, images_without_mask, [*ambiguous, *twins])


def _photos_of(key: Path, photos: dict[Path, list[Path]], own_folder: bool) -> list[Path]:
    """The pictures that a mask's relative path without suffix names."""
    match = _MASK.match(key.name)
    found = photos.get(key.with_name(match["photo"]), []) if match else []
    return found or (photos.get(key, []) if own_folder else [])


def _without_twins(pairs: list[ImageMaskPair]) -> tuple[list[ImageMaskPair], list[AmbiguousMask]]:
    """The pairs whose masks differ by more than their suffix, and the masks of the others."""
    by_name: dict[str, list[Path]] = {}
    for pair in pairs:
        by_name.setdefault(pair.name, []).append(pair.mask)
    twins = [
        AmbiguousMask(
            mask, f"the masks {' and '.join(map(str, masks))} have the same name but for the suffix: rename one"
        )
        for masks in by_name.values()
        if len(masks) > 1
        for mask in masks
    ]
    return [pair for pair in pairs if len(by_name[pair.name]) == 1], twins
