"""What settings of a model's texture are worth, on the same pictures, holes and networks' fills.

    python benchmarks/texture_settings.py --images DIR --limit 64 --set certainty=0 --set guidance=0.5,contrast=0

LPIPS(squeeze) and PSNR in the hole of the model's own texture and of every variant, and the mean of the paired
difference from the former with its standard error over pictures. Holes are drawn from a preset by number and seed.
"""

import argparse
import math
from dataclasses import replace
from typing import Any

import torch
import yaml
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.hole import is_hole
from latentinpaint.images.folders import list_pictures
from latentinpaint.images.image_files import read_picture
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.metrics.perceptual import LPIPS, load_lpips
from latentinpaint.metrics.pixels import squared_errors
from latentinpaint.runtime.randomness import numbered_generator
from latentinpaint.weights import load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of undamaged pictures")
    parser.add_argument("--model", default="default")
    parser.add_argument("--masks", default="thick", help="preset of the holes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=64, help="pictures, evenly spread over the folder")
    parser.add_argument("--set", action="append", default=[], help="a variant: NAME=VALUE,… of PatchTexture")
    options = parser.parse_args()
    try:
        compare(options)
    except (InputError, TypeError) as error:
        parser.error(str(error))


@torch.no_grad()
def compare(options: argparse.Namespace) -> None:
    """Print a row for every variant."""
    model = load_model(options.model)
    own = model.texture or PatchTexture()
    variants = {"own": own}
    for text in options.set:
        variants[text] = replace(own, **settings(text))
    lpips = load_lpips("squeeze")
    draw = mask_preset(options.masks)
    paths = list_pictures(options.images)
    paths = paths[:: max(1, len(paths) // options.limit)][: options.limit]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for number, path in enumerate(paths):
        image = torch.from_numpy(read_picture(path).visible_rgb()).permute(2, 0, 1)[None]
        mask = draw(*image.shape[-2:], numbered_generator(options.seed, number))[None].float()
        fill, error = model.pipeline.sample_with_error(image, mask)
        for name, texture in variants.items():
            textured = texture(image, fill[:, 0], mask, None if error is None else error[:, 0])
            found[name].append(in_hole(lpips, textured, image, mask))
    print("| texture | LPIPS(squeeze) | PSNR | difference of LPIPS | of PSNR |\n|---|---|---|---|---|")
    baseline = torch.tensor(found["own"])
    for name, figures in found.items():
        values = torch.tensor(figures)
        difference = values - baseline
        errors = difference.std(dim=0) / math.sqrt(len(paths))
        means = values.mean(dim=0)
        change = difference.mean(dim=0)
        print(
            f"| {name} | {means[0]:.4f} | {means[1]:.2f} "
            f"| {change[0]:+.4f} ± {errors[0]:.4f} | {change[1]:+.2f} ± {errors[1]:.2f} |"
        )


def settings(text: str) -> dict[str, Any]:
    """The arguments of NAME=VALUE,…"""
    found = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        found[name] = yaml.safe_load(value)
    return found


def in_hole(lpips: LPIPS, fill: Tensor, image: Tensor, mask: Tensor) -> tuple[float, float]:
    """LPIPS and PSNR of a fill in its hole."""
    distance = lpips.pixel_map(fill, image).over(is_hole(mask))
    return float(distance), float(squared_errors(fill, image, mask)["psnr"])


if __name__ == "__main__":
    main()
