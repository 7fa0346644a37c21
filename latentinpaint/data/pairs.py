"""Which mask belongs to which picture, by name.

LaMa's naming: `photo.png` and `photo_mask001.png` (or `photo_mask.png`) in one folder, any picture type on either
side, several masks a photo allowed. With masks in a folder of their own, a mask may also have its photo's own name.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.data.images import list_pictures
from latentinpaint.errors import InputError

_MASK = re.compile(r"^(?P<photo>.+)_mask\d*$")


@dataclass(frozen=True)
class Pair:
    """A picture and one mask of it; `name` is a relative path without suffix, unique among the pairs."""

    image: Path
    mask: Path
    name: str


@dataclass(frozen=True)
class Matches:
    """What two folders have in common, and what is left over on either side.

    pairs: sorted as the masks are. orphans: masks without a picture. bare: pictures without a mask.
    """

    pairs: list[Pair]
    orphans: list[Path]
    bare: list[Path]


def find_pairs(images: str | Path, masks: str | Path | None = None) -> list[Pair]:
    """All pairs of a folder and its sub-folders, sorted by name; see `match_masks`.

    Raises:
        InputError: as `match_masks`, and if a mask's name matches no picture.
    """
    found = match_masks(images, masks)
    if found.orphans:
        raise InputError(f"the mask {found.orphans[0]} matches no picture in {Path(images)}")
    return found.pairs


def match_masks(images: str | Path, masks: str | Path | None = None) -> Matches:
    """Match the masks of a folder to the pictures of a folder, sub-folders included.

    Args:
        images: folder of the pictures, and of the masks too if `masks` is None.
        masks: folder of the masks, with the same sub-folders.

    Raises:
        InputError: if there is no mask, a mask's name matches more than one picture, or two masks differ by their
            suffix alone.
    """
    images = Path(images)
    own_folder = masks is not None
    mask_root = Path(masks) if masks is not None else images
    mask_files = [path for path in list_pictures(mask_root) if own_folder or _MASK.match(path.stem)]
    if not mask_files:
        example = (
            "photo.png beside photo_mask001.png" if not own_folder else "a mask for photo.png is photo_mask001.png"
        )
        raise InputError(f"{mask_root} holds no mask: name them as in {example}")
    photos: dict[Path, list[Path]] = {}
    for path in list_pictures(images):
        if own_folder or not _MASK.match(path.stem):
            photos.setdefault(path.relative_to(images).with_suffix(""), []).append(path)
    pairs, orphans = [], []
    for mask in mask_files:
        key = mask.relative_to(mask_root).with_suffix("")
        match = _MASK.match(mask.stem)
        found = photos.get(key.with_name(match["photo"]), []) if match else []
        if not found and own_folder:
            found = photos.get(key, [])
        if len(found) > 1:
            raise InputError(f"the mask {mask} matches more than one picture: {found[0].name} and {found[1].name}")
        if found:
            pairs.append(Pair(found[0], mask, key.as_posix()))
        else:
            orphans.append(mask)
    twins = {pair.name for pair in pairs}
    if len(twins) < len(pairs):
        raise InputError(f"two masks in {mask_root} have the same name but for the suffix: rename one of them")
    covered = {pair.image for pair in pairs}
    return Matches(pairs, orphans, [path for paths in photos.values() for path in paths if path not in covered])
