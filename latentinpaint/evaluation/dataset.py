"""Which pictures with which holes: the same for every method, on every machine.

A hole drawn from a preset depends on the protocol's seed and the picture's name alone (see `mask_sets`). Of a folder
of masks with a manifest, pictures and masks must be the ones it names.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.evaluation.mask_sets import draw_hole, read_manifest
from latentinpaint.images.image_files import list_pictures, read_mask, read_picture
from latentinpaint.images.pairing import match_masks

if TYPE_CHECKING:
    from latentinpaint.data.augmentation import Transform


@dataclass(frozen=True)
class DatasetItem:
    """One picture (1, 3, H, W) in [0, 1] with its hole (1, 1, H, W), 1 = hole.

    name: unique among the cases, and the name of its mask or picture. picture: the picture's path in its folder.
    results: what a file of another program's answer may be called, without suffix, the likeliest first.
    """

    name: str
    image: Tensor
    mask: Tensor
    picture: str = ""
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemSource:
    """What a case is read from: a picture, and a mask if there is a file of it; see `DatasetItem` for the rest."""

    name: str
    image: Path
    mask: Path | None
    picture: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class EvaluationDataset:
    """Items that are read one at a time, as they are asked for; how many there are is known beforehand.

    sources: what each case is read from. read: makes the case. holes: where the holes come from, for people.
    notes: what was found odd on the way, one sentence each.
    """

    sources: Sequence[ItemSource]
    read: Callable[[ItemSource], DatasetItem]
    holes: str
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, number: int) -> DatasetItem:
        return self.read(self.sources[number])

    def __iter__(self) -> Iterator[DatasetItem]:
        return map(self.read, self.sources)


def dataset_from_preset(
    images: str | Path, preset: str, seed: int = 0, limit: int | None = None, size: int | None = None
) -> EvaluationDataset:
    """The pictures of a folder, each with a hole drawn from a preset scaled to its shorter side.

    Args:
        images: folder.
        preset: thin, medium, thick, training or patches.
        seed: of the holes; a picture's hole depends on it and on the picture's name.
        limit: only so many pictures, the first by name.
        size: of every picture the middle square, scaled to so many pixels; None takes it whole.

    Raises:
        InputError: if the folder holds no picture or the preset is not known; while reading, if a picture cannot be
            read.
    """
    mask_preset(preset)
    crop = None
    if size is not None:
        from latentinpaint.data.augmentation import centre_crop  # albumentations takes half a second to import

        crop = centre_crop(size)

    def read(source: ItemSource) -> DatasetItem:
        image = _to_tensor(source.image, crop)
        hole = draw_hole(preset, seed, source.name, image.shape[-2:])
        return DatasetItem(source.name, image, hole, source.picture, source.results)

    sources = [ItemSource(name, path, None, name, (_stem(name),)) for name, path in named_pictures(images)]
    return EvaluationDataset(sources[:limit], read, f"preset {preset}, seed {seed}")


def dataset_from_folders(images: str | Path, masks: str | Path, limit: int | None = None) -> EvaluationDataset:
    """The pictures of a folder with the masks of another, matched by name (see `data.pairs`).

    A mask without a picture and a picture without a mask are left out and noted.

    Raises:
        InputError: if no mask matches a picture; while reading, if a file cannot be read or does not fit.
    """
    found = match_masks(images, masks)
    if not found.pairs:
        example = found.masks_without_image[0].name
        raise InputError(f"none of the masks in {masks} matches a picture in {images}: {example}, …")
    manifest = read_manifest(masks)

    def read(source: ItemSource) -> DatasetItem:
        image, hole = _to_tensor(source.image), read_mask(source.mask)
        if hole.shape != image.shape[-2:]:
            raise InputError(f"the mask {source.mask} has another size than {source.image}")
        if not hole.any():
            raise InputError(f"the mask {source.mask} has no hole (no white pixel)")
        if manifest is not None:
            manifest.check(source.mask, hole, source.image)
        return DatasetItem(
            source.name, image, torch.from_numpy(hole).float()[None, None], source.picture, source.results
        )

    holes = Counter(pair.image for pair in found.pairs)
    sources = []
    for pair in found.pairs:
        picture = pair.image.relative_to(images).as_posix()
        # After the picture only where it has one hole: another hole's answer holds the truth where this one is.
        results = (pair.name, _stem(picture)) if holes[pair.image] == 1 else (pair.name,)
        sources.append(ItemSource(pair.name, pair.image, pair.mask, picture, tuple(dict.fromkeys(results))))
    sides = {"masks match no picture": found.masks_without_image, "pictures have no mask": found.images_without_mask}
    notes = [f"{len(paths)} {what} and are left out: {_names(paths)}" for what, paths in sides.items() if paths]
    if manifest is not None:
        there = {source.mask.relative_to(masks).as_posix() for source in sources}
        missing = [Path(e["file"]) for e in manifest.raw["masks"] if e["file"] not in there]
        if missing:
            notes.append(f"{len(missing)} masks of {manifest.path} are not judged: {_names(missing)}")
    return EvaluationDataset(sources[:limit], read, str(masks), notes)


def named_pictures(images: str | Path) -> list[tuple[str, Path]]:
    """The pictures of a folder and their names in it.

    Raises:
        InputError: if there is none.
    """
    paths = list_pictures(images)
    if not paths:
        raise InputError(f"the folder {images} holds no picture")
    return [(path.relative_to(images).as_posix(), path) for path in paths]


def _to_tensor(path: Path, crop: "Transform | None" = None) -> Tensor:
    pixels = read_picture(path).rgb()
    return torch.from_numpy(pixels if crop is None else crop(pixels, 0)).permute(2, 0, 1)[None].contiguous()


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix()


def _names(paths: Sequence[Path], most: int = 10) -> str:
    return ", ".join(path.name for path in paths[:most]) + (", …" if len(paths) > most else "")
