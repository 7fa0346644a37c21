"""How long texture takes beside PatchMatch, on the same holes in the same run.

    python benchmarks/texture_speed.py

The photographs are scikit-image's, scaled to squares, each with a round hole in its middle; the fill that texture is
synthesised from is the hole's interpolation. Both fill every photograph in turn; printed are the medians of seconds
and of the ratios, once for one thread and once for as many as PyTorch takes. PatchMatch has a single thread always.
The first fill, which compiles, is not counted.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.inference.texture import PatchTexture

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="side of the photographs, pixels")
    parser.add_argument("--share", type=float, default=0.25, help="of the photograph that is hole")
    parser.add_argument("--rounds", type=int, default=3, help="fills of each photograph")
    options = parser.parse_args()
    mask = _disc(options.size, options.share)
    images = [_photograph(name, options.size) for name in PHOTOGRAPHS]
    fills = [BASELINES["telea"](image, mask) for image in images]
    PatchTexture()(images[0], fills[0], mask)
    print(f"{options.size} x {options.size}, {100 * mask.mean():.0f} % hole")
    print("| threads | PatchMatch, s | texture, s | texture / PatchMatch |\n|---|---|---|---|")
    for threads in dict.fromkeys([1, torch.get_num_threads()]):
        torch.set_num_threads(threads)
        seconds: list[tuple[float, float]] = []
        for image, fill in list(zip(images, fills, strict=True)) * options.rounds:
            start = time.perf_counter()
            BASELINES["patchmatch"](image, mask)
            between = time.perf_counter()
            PatchTexture()(image, fill, mask)
            seconds.append((between - start, time.perf_counter() - between))
        patchmatch, texture = (statistics.median(column) for column in zip(*seconds, strict=True))
        ratio = statistics.median(own / other for other, own in seconds)
        print(f"| {threads} | {patchmatch:.2f} | {texture:.2f} | {ratio:.2f} |")


def _photograph(name: str, size: int) -> Tensor:
    pixels = Image.fromarray(getattr(data, name)()).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255


def _disc(size: int, share: float) -> Tensor:
    """(1, 1, size, size): a disc in the middle, of this share of the square."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    inside = rows**2 + columns**2 < share * size**2 / np.pi
    return torch.from_numpy(inside.astype(np.float32))[None, None]


if __name__ == "__main__":
    main()
