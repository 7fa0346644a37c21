"""Which mask belongs to which picture, by name.

LaMa's naming: `photo.png` and `photo_mask001.png` (or `photo_mask.png`) in one folder, any picture type on either
side, several masks a photo allowed. With masks in a folder of their own, a mask may also have its photo's own name,
which goes before the pattern.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.files import user_path
from latentinpaint.images.folders import FolderContents, LeftOut, read_folder

_MASK_NAME = re.compile(r"(?P<photo>.+)_mask\d*", re.DOTALL)  # a name may hold line breaks


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
        left_out: what of the folders cannot be used at all.
        linked_folders: where links lead that were entered.
    """

    pairs: list[ImageMaskPair] = field(default_factory=list)
    masks_without_image: list[Path] = field(default_factory=list)
    images_without_mask: list[Path] = field(default_factory=list)
    ambiguous: list[AmbiguousMask] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    linked_folders: list[Path] = field(default_factory=list)


def match_masks(images: str | Path, masks: str | Path | None = None) -> Matches:
    """Match the masks of a folder to the pictures of a folder, sub-folders included.

    Args:
        images: folder of the pictures, and of the masks too if `masks` is None.
        masks: folder of the masks, with the same sub-folders.

    Raises:
        InputError: if there is no mask, or one is ambiguous.
    """
    matches = find_matches(images, masks)
    if not (matches.pairs or matches.masks_without_image or matches.ambiguous):
        example = "a mask for photo.png is photo_mask001.png"
        if masks is None:
            example = "photo.png beside photo_mask001.png"
        raise InputError(f"{Path(masks or images)} holds no mask: name them as in {example}")
    if matches.ambiguous:
        raise InputError(matches.ambiguous[0].reason)
    return matches


def find_matches(images: str | Path, masks: str | Path | None = None) -> Matches:
    """As `match_masks`, but without refusing anything: what cannot be matched is among what is returned.

    Raises:
        InputError: if a folder is missing or cannot be read.
    """
    image_root = user_path(images)
    mask_root = user_path(images if masks is None else masks)
    contents = [read_folder(image_root)]
    image_files = contents[0].pictures
    if masks is None:
        mask_files, image_files = _split_by_name(image_files)
    else:
        contents.append(read_folder(mask_root))
        mask_files = contents[1].pictures
    images_by_name: dict[Path, list[Path]] = {}
    for path in image_files:
        images_by_name.setdefault(_name_of(path, image_root), []).append(path)
    matches = _without_pairs(contents)
    named: set[Path] = set()
    for mask in mask_files:
        mask_name = _name_of(mask, mask_root)
        candidates = _images_of_mask(mask_name, images_by_name, own_folder=masks is not None)
        named.update(candidates)
        _add_match(matches, mask, mask_name, candidates)
    _move_twins(matches)
    for paths in images_by_name.values():
        matches.images_without_mask.extend(path for path in paths if path not in named)
    return matches


def _name_of(path: Path, root: Path) -> Path:
    """The path below `root` without suffix, as a person reads it.

    An accent may be written as part of its letter or after it (Unicode Standard Annex 15: NFC, NFD): the names look
    the same, and copying between systems changes one into the other.
    """
    return Path(unicodedata.normalize("NFC", str(path.relative_to(root).with_suffix(""))))


def _without_pairs(contents: list[FolderContents]) -> Matches:
    """What is known before any names are compared."""
    matches = Matches()
    for folder in contents:
        matches.left_out.extend(folder.left_out)
        matches.linked_folders.extend(folder.linked_folders)
    return matches


def _split_by_name(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The files that are called a mask, and the others."""
    masks = []
    images = []
    for path in paths:
        if _MASK_NAME.fullmatch(path.stem):
            masks.append(path)
        else:
            images.append(path)
    return masks, images


def _images_of_mask(mask_name: Path, images_by_name: dict[Path, list[Path]], own_folder: bool) -> list[Path]:
    """The pictures that a mask's relative path without suffix names."""
    if own_folder and mask_name in images_by_name:
        return images_by_name[mask_name]  # its very name goes before the pattern: a photo may be called face_mask
    match = _MASK_NAME.fullmatch(mask_name.name)
    if match is None:
        return []
    return images_by_name.get(mask_name.with_name(match["photo"]), [])


def _add_match(matches: Matches, mask: Path, mask_name: Path, images: list[Path]) -> None:
    """Sort a mask into `matches` by the pictures that its name fits."""
    if not images:
        matches.masks_without_image.append(mask)
    elif len(images) == 1:
        matches.pairs.append(ImageMaskPair(images[0], mask, mask_name.as_posix()))
    else:
        reason = f"the mask {mask} matches more than one picture: {images[0].name} and {images[1].name}"
        if len({unicodedata.normalize("NFC", image.name) for image in images}) == 1:
            reason += ", whose accents are encoded differently: rename one"
        matches.ambiguous.append(AmbiguousMask(mask, reason))


def _move_twins(matches: Matches) -> None:
    """Move the pairs whose masks differ by their suffix alone to the ambiguous masks."""
    masks_by_name: dict[str, list[Path]] = {}
    for pair in matches.pairs:
        masks_by_name.setdefault(pair.name, []).append(pair.mask)
    matches.pairs[:] = [pair for pair in matches.pairs if len(masks_by_name[pair.name]) == 1]
    for masks in masks_by_name.values():
        if len(masks) == 1:
            continue
        paths = " and ".join(map(str, masks))
        reason = f"the masks {paths} have the same name but for the suffix, or the encoding of accents: rename one"
        for mask in masks:
            matches.ambiguous.append(AmbiguousMask(mask, reason))
