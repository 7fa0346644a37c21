"""Photographs to train on: a folder of files, or the ones inside scikit-image's wheel.

A *source* is a numbered list of photographs. `Crops` makes an endless seeded stream of training crops of it:
crop number n of a seed is the same picture with the same hole, whatever the number of workers, the batch size or
the machine.
"""

import warnings
from abc import ABC, abstractmethod
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from latentinpaint.data.augmentation import Transform
from latentinpaint.data.mask_generators import MaskGenerator
from latentinpaint.data.shard_index import SUFFIX
from latentinpaint.data.shard_storage import StorageError
from latentinpaint.errors import InputError, choose
from latentinpaint.images.folders import left_out_sentence, read_folder
from latentinpaint.images.image_files import read_picture
from latentinpaint.images.picture import Picture
from latentinpaint.runtime.randomness import numbered_generator


class PhotoSource(ABC):
    """A numbered list of photographs."""

    names: list[str]

    @abstractmethod
    def read(self, index: int) -> np.ndarray:
        """Photograph `index` as (H, W, 3) uint8.

        Raises:
            StorageError: if it cannot be reached now.
            InputError: if it is not there, or no picture.
        """

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, indices: list[int]) -> "PhotoSource":
        """The photographs of these numbers alone, in this order."""
        return Subset(self, indices)

    def order(self, seed: int, number: int) -> np.ndarray:
        """The order in which pass `number` of a seed reads the photographs: a permutation of their numbers."""
        return _permutation(len(self), seed, number)


class PhotoFolder(PhotoSource):
    """The picture files of a folder and its sub-folders, read when they are needed.

    A file that several links lead to is one photograph, under the first of its names: it would else be trained on
    more often than others, and could be held back and trained on at once. What is left out is warned of.

    Args:
        root: the folder.

    Raises:
        InputError: if there is no such folder, or no picture in it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        contents = read_folder(self.root)
        self.paths = _once_each(contents.pictures)
        left_out = left_out_sentence(root, contents.left_out)
        if not self.paths:
            raise InputError(left_out or _nothing_to_train_on(root, contents.other_files))
        if left_out is not None:
            warnings.warn(left_out, stacklevel=2)
        self.names = [str(path.relative_to(self.root)) for path in self.paths]

    def read(self, index: int) -> np.ndarray:
        return training_pixels(read_picture(self.paths[index]))


class SamplePhotos(PhotoSource):
    """The real photographs inside scikit-image's wheel, with a fixed split; nothing is downloaded.

    Args:
        split: "train" (12 photographs), "val" (3 whole photographs never trained on), or "all".
    """

    SPLITS = {
        "train": (
            "astronaut.png",
            "brick.png",
            "camera.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "hubble_deep_field.jpg",
            "ihc.png",
            "moon.png",
            "motorcycle_left.png",
            "motorcycle_right.png",
            "retina.jpg",
        ),
        "val": ("chelsea.png", "coffee.png", "rocket.jpg"),
    }

    def __init__(self, split: str = "all") -> None:
        splits = self.SPLITS | {"all": self.SPLITS["train"] + self.SPLITS["val"]}
        self.names = list(choose(splits, split, "split"))

    def read(self, index: int) -> np.ndarray:
        return _sample_photo(self.names[index])


class Subset(PhotoSource):
    """Some of a source's photographs."""

    def __init__(self, source: PhotoSource, indices: list[int]) -> None:
        self.source = source
        self.indices = indices
        self.names = [source.names[index] for index in indices]

    def read(self, index: int) -> np.ndarray:
        return self.source.read(self.indices[index])


class Crops(Dataset):
    """An endless, seeded stream of crops with holes.

    Item n, any whole number from 0, is ``{"image": (3, h, w) float32 in [0, 1], "mask": (1, h, w), 1 = hole}``. A
    photograph that cannot be read is left out, another takes its place, and `skipped` names it afterwards, also when
    it was met in a worker process.

    Args:
        source: the photographs.
        transform: from a photograph to a crop, see `data.augmentation`.
        masks: draws the holes.
        seed: equal seeds give equal streams.
        length: what `len` returns: crops an epoch; None is one a photograph.
        shuffle: whether every pass over the source is in an order of its own.
    """

    def __init__(
        self,
        source: PhotoSource,
        transform: Transform,
        masks: MaskGenerator,
        seed: int = 0,
        length: int | None = None,
        shuffle: bool = True,
    ) -> None:
        self.source = source
        self.transform = transform
        self.masks = masks
        self.seed = seed
        self.length = length or len(source)
        self.shuffle = shuffle
        # Shared memory, so that what a worker process finds unreadable is known to the process that reports it.
        self.unreadable = torch.zeros(len(source), dtype=torch.uint8).share_memory_()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        generator = numbered_generator(self.seed, number)
        transform_seed = int(torch.randint(2**31, (), generator=generator))
        crop = self.transform(self._read(number), transform_seed)
        image = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))).float() / 255
        height, width = image.shape[-2:]
        return {"image": image, "mask": self.masks(height, width, generator)}

    @property
    def skipped(self) -> list[str]:
        """Names of the photographs that could not be read so far."""
        return [self.source.names[index] for index in self.unreadable.nonzero().flatten().tolist()]

    def _read(self, number: int) -> np.ndarray:
        """The photograph of crop `number`; the next one in order for one that cannot be read."""
        count = len(self.source)
        passes, position = divmod(number, count)
        order = np.arange(count)
        if self.shuffle:
            order = self.source.order(self.seed, passes)
        for offset in range(count):
            index = int(order[(position + offset) % count])
            if self.unreadable[index]:
                continue
            try:
                return self.source.read(index)
            except StorageError:  # another photograph in its place would be another training
                raise
            except InputError:
                self.unreadable[index] = 1
        raise InputError(f"none of the pictures can be read; the first of {count} is {self.source.names[0]}")


def _nothing_to_train_on(root: str | Path, files: list[Path]) -> str:
    for path in files:
        if path.suffix == SUFFIX:
            return f"the folder {root} holds shards, such as {path.name}: name them, as in {root}/{{0000..0099}}.tar"
    return f"the folder {root} holds no picture to train on"


def _once_each(paths: list[Path]) -> list[Path]:
    """The paths without those that lead to a file of an earlier one."""
    first: dict[Path, Path] = {}
    for path in paths:
        first.setdefault(path.resolve(), path)
    return list(first.values())


@lru_cache(maxsize=2)
def _permutation(count: int, seed: int, number: int) -> np.ndarray:
    """The order of pass `number` over `count` photographs."""
    return np.random.default_rng((seed % 2**63, number)).permutation(count)


@cache
def _sample_photo(name: str) -> np.ndarray:
    import skimage

    folder = Path(skimage.data_dir)  # type: ignore[attr-defined]  # scikit-image exports it lazily
    return training_pixels(read_picture(folder / name))


def training_pixels(picture: Picture) -> np.ndarray:
    """What a network learns from: (H, W, 3) uint8, with hidden colours continued from visible ones."""
    if picture.alpha() is None:
        return picture.rgb8()
    return np.rint(picture.visible_rgb() * 255).astype(np.uint8)
