"""Adopting another project's autoencoder: does it give pictures back, and what are its latents' statistics.

It has to be better than the mean colour of each picture by `LEAST_GAIN`: weights in a wrong architecture, and
pictures of a wrong range, give back noise or something flat.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentinpaint.data.photos import PhotoFolder
from latentinpaint.errors import InputError, check_at_least
from latentinpaint.evaluation.chosen_metrics import build_evaluator_of_pictures
from latentinpaint.experiments.foreign_autoencoder import read_foreign_autoencoder
from latentinpaint.metrics.pixels import METRICS, Metric, compare_regions
from latentinpaint.models import Autoencoder
from latentinpaint.pipeline import pad_to_stride
from latentinpaint.pretrained.model_paths import AUTOENCODER_FILE
from latentinpaint.weights import load_autoencoder, save_autoencoder

MOST_SIDE = 512  # pixels of the middle of a picture that is looked at
LEAST_GAIN = 3.0  # dB
METRIC_NAMES = ("psnr", "ssim", "lpips_squeeze")


@dataclass(frozen=True)
class Reconstruction:
    """How well an autoencoder gives pictures back: means over pictures, by the metrics' labels."""

    figures: dict[str, float]
    pictures: int


@dataclass(frozen=True)
class Adopted:
    """An adopted autoencoder's file, and its figures beside the default one's."""

    path: Path
    autoencoder: Autoencoder
    own: Reconstruction
    default: Reconstruction
    notes: list[str]


def adopt(
    source: str | Path,
    images: str | Path,
    output: str | Path,
    pictures: int = 64,
    lpips_weights: str | None = None,
) -> Adopted:
    """Check an autoencoder, measure its latents, and write the file that training commands take.

    Args:
        source: see `foreign_autoencoder`.
        images: folder of photographs like those that it will be used on.
        output: folder, which gets `AUTOENCODER_FILE`, or a .safetensors file.
        pictures: at most so many are looked at.
        lpips_weights: torchvision's SqueezeNet file; None looks for it in torch's cache.

    Raises:
        InputError: if it is none that can be read, gives noise back, the file is there already, or there is no
            picture.
    """
    check_at_least("pictures", pictures, 1)
    path = Path(output)
    if path.suffix != ".safetensors":
        path = path / AUTOENCODER_FILE
    if path.exists():
        raise InputError(f"{path} exists already: choose another output, nothing is overwritten")
    autoencoder = read_foreign_autoencoder(source)
    evaluator, notes = build_evaluator_of_pictures(lpips_weights)
    metrics = list(filter(lambda metric: metric.name in METRIC_NAMES, evaluator.metrics))
    photographs = middle_of_photographs(images, pictures)
    own = reconstruction(autoencoder, photographs, metrics)
    check_reconstruction(source, own, photographs)
    autoencoder.measure_latents(map(partial(pad_to_stride, stride=autoencoder.stride), photographs))
    default = reconstruction(load_autoencoder("default"), photographs, metrics)
    recipe = {"adopted_from": Path(source).name, "pictures": own.pictures, "figures": own.figures}
    save_autoencoder(autoencoder, path, recipe)
    return Adopted(path, autoencoder, own, default, notes)


def middle_of_photographs(images: str | Path, count: int) -> list[Tensor]:
    """The middle, at most `MOST_SIDE` pixels a side, of photographs of a folder, (1, 3, h, w) each.

    They are drawn once and for all by the folder's names.
    """
    photos = PhotoFolder(images)
    order = np.random.default_rng(0).permutation(len(photos))[:count]
    middles = []
    for index in sorted(order.tolist()):
        pixels = torch.from_numpy(photos.read(index)).permute(2, 0, 1)[None].float() / 255
        for axis in (2, 3):
            side = min(MOST_SIDE, pixels.shape[axis])
            pixels = pixels.narrow(axis, (pixels.shape[axis] - side) // 2, side)
        middles.append(pixels)
    return middles


@torch.no_grad()
def reconstruction(
    autoencoder: Autoencoder, photographs: Sequence[Tensor], metrics: Sequence[Metric]
) -> Reconstruction:
    """How well photographs (1, 3, h, w) come back, rounded to 8 bits."""
    values: dict[str, list[float]] = defaultdict(list)
    for image in photographs:
        latent = autoencoder.encode_features(pad_to_stride(image, autoencoder.stride))
        decoded = autoencoder.decode_features(latent)[..., : image.shape[2], : image.shape[3]]
        rounded = (255 * decoded.float()).round() / 255
        found = compare_regions(rounded, image, torch.zeros_like(image[:, :1], dtype=torch.bool), metrics)
        for metric in metrics:
            values[metric.label].append(found[metric.name].item())
    figures = {}
    for label, each in values.items():
        figures[label] = float(np.nanmean(each))
    return Reconstruction(figures, len(photographs))


def check_reconstruction(source: str | Path, own: Reconstruction, photographs: Sequence[Tensor]) -> None:
    """Raise an `InputError` unless the pictures came back better than their mean colours by `LEAST_GAIN`."""
    psnr = own.figures[METRICS["psnr"].label]
    flat = []
    for image in photographs:
        mean_colour = image.mean(dim=(2, 3), keepdim=True).expand_as(image)
        flat.append(METRICS["psnr"].compare(mean_colour, image).over_picture().item())
    reference = float(np.mean(flat))
    if not psnr >= reference + LEAST_GAIN:
        raise InputError(
            f"{source} does not give pictures back: {psnr:.1f} dB, where their mean colours alone have "
            f"{reference:.1f} dB; its weights are not those of a trained autoencoder of pictures"
        )
