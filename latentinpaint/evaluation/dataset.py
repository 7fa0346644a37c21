"""Which pictures with which holes: the same for every method, on every machine.

A hole drawn from a preset depends on the benchmark's seed and the picture's name alone (see `mask_sets`). If a folder
of masks has a manifest, pictures and masks must be the ones that it names.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from latentinpaint.data.masks import PRESETS, mask_preset
from latentinpaint.doctor.findings import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_has_hole, check_same_size, count_of, listed
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.mask_sets import Manifest, draw_hole, read_manifest
from latentinpaint.images.folders import left_out_sentence, read_folder
from latentinpaint.images.image_files import binary_mask, read_picture
from latentinpaint.images.modes import DEEP_MODES
from latentinpaint.images.pairing import match_masks
from latentinpaint.images.picture import Picture
from latentinpaint.images.sample_range import SampleRange

if TYPE_CHECKING:
    from latentinpaint.data.augmentation import Transform


@dataclass(frozen=True)
class DatasetItem:
    """One picture (1, 3, H, W) in [0, 1] with its hole (1, 1, H, W), 1 = hole.

    name: unique in the dataset, and the name of its mask or picture. picture: the picture's path in its folder.
    results: names, without suffix, that a file of another program's result may have, the likeliest first.
    sample_range: what is black and white in the picture's file, None where its format says so.
    """

    name: str
    image: Tensor
    mask: Tensor
    picture: str = ""
    results: tuple[str, ...] = ()
    sample_range: SampleRange | None = None


@dataclass(frozen=True)
class ItemSource:
    """The files of an item: a picture, and a mask if it is a file too; see `DatasetItem` for the rest."""

    name: str
    image: Path
    mask: Path | None
    picture: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class EvaluationDataset:
    """Items that are read one at a time, when they are needed; their number is known beforehand.

    sources: the files of each item. read: makes the item. holes: where the holes come from, for people.
    notes: one sentence for each oddity found while listing.
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


def load_dataset(config: BenchmarkConfig) -> EvaluationDataset:
    """The items of a benchmark, in order of their names.

    Raises:
        InputError: if there are none, or masks of whole pictures for squares of them.
    """
    if config.masks is None:
        return dataset_from_preset(config.images, config.mask_preset, config.seed, config.limit, config.size)
    if config.size is not None:
        raise InputError("masks are of whole pictures: leave size or masks out")
    if config.masks in PRESETS and not Path(config.masks).is_dir():
        raise InputError(f"there is no folder of masks {config.masks}: mask_preset {config.masks} draws such holes")
    return dataset_from_folders(config.images, config.masks, config.limit)


def dataset_from_preset(
    images: str | Path, preset: str, seed: int = 0, limit: int | None = None, size: int | None = None
) -> EvaluationDataset:
    """The pictures of a folder, each with a hole drawn from a preset scaled to its shorter side.

    Args:
        images: folder.
        preset: thin, medium, thick, training or patches.
        seed: of the holes; a picture's hole depends on it and on the picture's name.
        limit: only so many pictures, the first by name.
        size: the middle square of every picture, scaled to so many pixels; None takes whole pictures.

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
        picture = read_picture(source.image)
        image = _image_of(picture, crop)
        height, width = image.shape[-2:]
        hole = draw_hole(preset, seed, source.name, (height, width))
        return DatasetItem(source.name, image, hole, source.picture, source.results, _open_range(picture))

    sources = []
    pictures, notes = named_pictures(images)
    for name, path in pictures:
        sources.append(ItemSource(name, path, None, name, (_stem(name),)))
    return EvaluationDataset(sources[:limit], read, f"preset {preset}, seed {seed}", notes)


def dataset_from_folders(images: str | Path, masks: str | Path, limit: int | None = None) -> EvaluationDataset:
    """The pictures of a folder with the masks of another, matched by name (see `images.pairing`).

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
        picture = read_picture(source.image)
        image = _image_of(picture)
        hole = _read_hole(source, picture, manifest)
        mask = torch.from_numpy(hole).float()[None, None]
        return DatasetItem(source.name, image, mask, source.picture, source.results, _open_range(picture))

    holes = Counter(pair.image for pair in found.pairs)
    sources = []
    for pair in found.pairs:
        picture = pair.image.relative_to(images).as_posix()
        results = [pair.name]
        if holes[pair.image] == 1:
            # Not where it has several holes: the result of another hole shows the truth in this one.
            results.append(_stem(picture))
        sources.append(ItemSource(pair.name, pair.image, pair.mask, picture, tuple(dict.fromkeys(results))))
    notes = list(map(str, found.left_out))
    strangers = found.masks_without_image
    if strangers:
        notes.append(f"{count_of(len(strangers), 'mask', 'matches/match')} no picture, left out: {_names(strangers)}")
    bare = found.images_without_mask
    if bare:
        notes.append(f"{count_of(len(bare), 'picture', 'has/have')} no mask, left out: {_names(bare)}")
    if manifest is not None:
        missing = manifest.missing([pair.mask for pair in found.pairs])
        if missing:
            notes.append(f"{count_of(len(missing), 'mask')} of {manifest.path} left out: {_names(missing)}")
    return EvaluationDataset(sources[:limit], read, str(masks), notes)


def named_pictures(images: str | Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """The pictures of a folder with their names in it, and a sentence if something is left out.

    Raises:
        InputError: if there is none.
    """
    contents = read_folder(images)
    left_out = left_out_sentence(images, contents.left_out)
    pictures = []
    for path in contents.pictures:
        pictures.append((path.relative_to(images).as_posix(), path))
    if not pictures:
        raise InputError(left_out or f"the folder {images} holds no picture")
    return pictures, [] if left_out is None else [left_out]


def _image_of(picture: Picture, crop: "Transform | None" = None) -> Tensor:
    """A picture as (1, 3, H, W) in [0, 1]; all its samples decide what is black and white, the hole's too."""
    pixels = picture.visible_rgb()
    if crop is not None:
        pixels = crop(pixels, 0)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def _open_range(picture: Picture) -> SampleRange | None:
    """The black and white that a picture's samples have, None of 8-bit pictures."""
    if picture.mode not in DEEP_MODES:
        return None
    return picture.sample_range


def _read_hole(source: ItemSource, picture: Picture, manifest: Manifest | None) -> np.ndarray:
    """The hole (H, W) of an item, bool, checked against its picture and the manifest."""
    assert source.mask is not None
    mask = read_picture(source.mask)
    hole = binary_mask(mask)
    size = (picture.height, picture.width)
    check_same_size(hole.shape, size, f"the mask {source.mask}", f"the picture {source.image}")
    check_has_hole(hole, f"the mask {source.mask}")
    check_pair(picture, mask, names=ArgumentNames(ignore_problems=""))
    if manifest is not None:
        manifest.check(source.mask, hole, source.image)
    return hole


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix()


def _names(paths: Sequence[Path]) -> str:
    return listed([path.name for path in paths])
