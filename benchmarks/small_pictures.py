"""How good fills of small pictures are, beside the mean colour and OpenCV's Telea, on equal pictures and holes.

    latentinpaint sample --model runs/cifar_dogs --task inpaint --data TEST --output filled.png
    python benchmarks/small_pictures.py --truth TEST --features resnet20.safetensors velocity=filled.png

TEST is the sheet or folder that was filled, with the same preset of holes and seed. PSNR is the mean over pictures of
that inside each hole, at most 60 dB (see docs/evaluation.md), the mean squared error that over all their entries
together (values in [0, 1]), and FD(resnet20) the Fréchet distance of the filled from the true pictures' features.
"""

import argparse

import torch

from latentinpaint.data.distributions import from_range, open_collection
from latentinpaint.data.masks import mask_preset
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.metrics.distances import frechet_distance
from latentinpaint.metrics.features import features_of, load_resnet20
from latentinpaint.metrics.pixels import squared_errors
from latentinpaint.pipeline import composite
from latentinpaint.runtime.randomness import numbered_generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fills", nargs="*", help="NAME=SHEET, what `sample` wrote")
    parser.add_argument("--truth", required=True, help="sheet, folder or collection that was filled")
    parser.add_argument("--features", help="weights of the ResNet-20; without them there is no distance")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--masks", default="patches")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    truth = open_collection(options.truth, options.size, 3, train=False).first()
    masks = mask_preset(options.masks, options.size)
    size = (options.size, options.size)
    holes = torch.stack([masks(*size, numbered_generator(-1 - options.seed, n)) for n in range(len(truth))])
    pictures = from_range(truth)
    rows = {
        b.label: torch.cat([b(p[None], h[None]) for p, h in zip(pictures, holes, strict=True)])
        for b in (BASELINES["mean"], BASELINES["telea"])
    }
    for fill in options.fills:
        name, _, sheet = fill.partition("=")
        filled = from_range(open_collection(sheet, options.size, 3).first(len(truth)))
        if len(filled) != len(truth):
            parser.error(f"{sheet} holds {len(filled)} pictures, {options.truth} {len(truth)}")
        rows[name] = filled
    network = load_resnet20(options.features) if options.features else None
    genuine = features_of(network, pictures) if network else None
    print(f"{len(truth)} pictures, {options.masks} holes of seed {options.seed}, {holes.mean():.3f} of a picture")
    if not holes.any():
        parser.error(f"the masks '{options.masks}' of {options.size} pixels have no hole: choose others")
    print("| method | PSNR hole ↑ | MSE hole ↓ | FD(resnet20) ↓ |\n|---|---|---|---|")
    for name, filled in rows.items():
        filled = composite(pictures, filled, holes)
        error = squared_errors(filled, pictures, holes)
        distance = f"{frechet_distance(features_of(network, filled), genuine):.3f}" if network else "–"
        print(f"| {name} | {_psnr(error)} | {error['mse']:.5f} | {distance} |")


def _psnr(error: dict) -> str:
    """The mean PSNR, and of how many pictures it is capped."""
    if error["capped"]:
        return f"{error['psnr']:.2f} ({error['capped']} capped)"
    return f"{error['psnr']:.2f}"


if __name__ == "__main__":
    main()
