"""Small pictures as they are stored: data sets of torchvision, folders, and sheets of tiles."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.photos import PhotoFolder
from latentinpaint.errors import InputError, count_of, listed
from latentinpaint.images.image_files import read_picture

# Name -> class of torchvision.datasets; others that it leaves as picture files are opened as folders.
DOWNLOADS = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR10",
    "cifar10_dogs": "CIFAR10",
    "cifar100": "CIFAR100",
}
DOG = 5  # the class number of dogs in CIFAR-10


def load_pictures(
    name: str, size: int, channels: int, downloads: str | Path = "downloads", train: bool = True
) -> Tensor:
    """Pictures (N, channels, size, size), uint8; see `distributions.open_collection`.

    Args:
        name: one of `DOWNLOADS`, a folder of pictures, or a sheet.
        size: side of the pictures, pixels.
        channels: 1 makes pictures grey, 3 is RGB.
        downloads: folder in which torchvision looks, and to which it downloads.
        train: the training half of a data set of torchvision, else its test half.

    Raises:
        InputError: if a file cannot be read, or a download fails.
    """
    if name in DOWNLOADS:
        values = _downloaded(name, Path(downloads), train)
    elif Path(name).is_dir():
        values = _folder(Path(name), size)
    else:
        values = _sheet(Path(name), size)
    return _with_channels(values, channels, size)


def _with_channels(values: np.ndarray, channels: int, size: int) -> Tensor:
    """(N, H, W) or (N, H, W, 3) uint8 as (N, channels, size, size)."""
    if values.shape[1:3] != (size, size):
        crop = centre_crop(size)
        values = np.stack([crop(np.ascontiguousarray(v), 0) for v in values])
    if values.ndim == 3:
        values = values[..., None]
    if values.shape[-1] == 3 and channels == 1:
        grey = values.astype(np.float64) @ [0.299, 0.587, 0.114]  # ITU-R BT.601, as Pillow converts
        values = np.rint(grey).astype(np.uint8)[..., None]
    tensor = torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
    return tensor.expand(-1, channels, -1, -1)


def _folder(root: Path, size: int) -> np.ndarray:
    photos = PhotoFolder(root)
    crop = centre_crop(size)
    values = []
    skipped = []
    for index, name in enumerate(photos.names):
        try:
            values.append(crop(photos.read(index), 0))
        except InputError:
            skipped.append(name)
    if not values:
        raise InputError(f"none of {count_of(len(photos), 'picture')} of {root} can be read")
    if skipped:
        text = f"{count_of(len(skipped), 'picture')} of {root} could not be read, skipped: {listed(skipped)}"
        warnings.warn(text, stacklevel=2)
    return np.stack(values)


def _sheet(path: Path, size: int) -> np.ndarray:
    sheet = read_picture(path).rgb8()
    height, width = sheet.shape[:2]
    if height % size or width % size:
        raise InputError(f"{path} is {width} x {height}: a sheet is made of tiles of {size} x {size} (data.size)")
    tiles = sheet.reshape(height // size, size, width // size, size, 3).transpose(0, 2, 1, 3, 4)
    tiles = tiles.reshape(-1, size, size, 3)
    used = np.flatnonzero(tiles.any(axis=(1, 2, 3)))
    if not len(used):
        raise InputError(f"the sheet {path} is black")
    return tiles[: used[-1] + 1]


def _downloaded(name: str, folder: Path, train: bool) -> np.ndarray:
    import torchvision

    try:
        data = getattr(torchvision.datasets, DOWNLOADS[name])(folder, train=train, download=True)
    except (OSError, RuntimeError) as error:  # no network, a server that returns nothing, a damaged file
        _remove_empty_folders(folder)
        raise InputError(
            f"the data set '{name}' is not in the folder {folder} and could not be downloaded: connect to a network, "
            "or copy it there from a machine where torchvision has downloaded it"
        ) from error
    values = np.asarray(data.data)
    if name == "cifar10_dogs":
        return values[np.asarray(data.targets) == DOG]
    return values


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folder and all below it that hold nothing."""
    for path in sorted((folder, *folder.rglob("*")), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
