"""How the fill of a small hole in a large picture depends on the crop around it that passes the networks.

    python benchmarks/crops.py --model runs/latent_ffc --contexts 32 64 128 256

Holes are ellipses of random place and size. Ways: "whole", the whole picture; crops with a context of so many
pixels around the hole's box; "auto", the rule of `CropPolicy()`. The differences from "whole" are in 8-bit levels:
the mean and the largest inside a hole, each as the mean over holes. PSNR and LPIPS are judged against the truth,
LPIPS of the hole with 64 pixels around it.
"""

import argparse
import zlib
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from large_photos import Case, Table, large_photos
from torch import Tensor

from latentinpaint.evaluation.profiling import profile
from latentinpaint.inference.crops import CropPolicy
from latentinpaint.inpainter import Inpainter
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.weights import load_pipeline

VIEW = CropPolicy(context=64, fraction=0.0, min_side=128, max_area=1.0)


def small_holes(photos: dict[str, Tensor], seeds: list[int], smallest: int, largest: int) -> Iterator[Case]:
    """Every photograph with one ellipse for every seed, its axes `smallest` to `largest` pixels, wholly inside."""
    for seed in seeds:
        for name, image in photos.items():
            height, width = image.shape[-2:]
            rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
            tall, wide = rng.integers(smallest, largest + 1, 2)
            middle = rng.uniform(tall / 2, height - tall / 2), rng.uniform(wide / 2, width - wide / 2)
            rows, columns = np.mgrid[:height, :width]
            disc = (2 * (rows - middle[0]) / tall) ** 2 + (2 * (columns - middle[1]) / wide) ** 2 < 1
            yield Case(name, seed, image, torch.from_numpy(disc)[None, None].float())


def fills_of(pipeline: InpaintPipeline, case: Case, ways: dict[str, str | int | None]) -> tuple[dict, dict]:
    """The fills of a case and what they cost, by way."""
    inpainter, fills, costs = Inpainter(pipeline, "cpu"), {}, {}
    for way, crop in ways.items():
        with profile(case.image.device) as cost:
            fills[way] = inpainter(case.image, case.mask, seed=case.seed, crop=crop)
        costs[way] = asdict(cost)
    return fills, costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="run folder or model file")
    parser.add_argument("--contexts", nargs="+", type=int, default=[32, 64, 128, 256])
    parser.add_argument("--images", nargs="*", default=[], help="folders of more photographs")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of holes and samples")
    parser.add_argument("--axes", nargs=2, type=int, default=[32, 128], help="smallest and largest, pixels")
    options = parser.parse_args()
    pipeline, table = load_pipeline(options.model), Table("whole")
    ways = {"whole": None, **{f"context {pixels}": pixels for pixels in options.contexts}, "auto": "auto"}
    levels: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for case in small_holes(large_photos(options.images), options.seeds, *options.axes):
        fills, costs = fills_of(pipeline, case, ways)
        for way, fill in fills.items():
            gap = 255 * (fill - fills["whole"]).abs()[case.mask.bool().expand_as(fill)]
            levels[way].append((gap.mean().item(), gap.max().item()))
        view = VIEW.crops(case.mask[0, 0].bool().numpy(), pipeline.autoencoder.stride)[0].index
        seen = Case(case.name, case.seed, case.image[view], case.mask[view])
        table.add(seen, {way: fill[view] for way, fill in fills.items()}, costs)
    print(table.text())
    for way, found in levels.items():
        mean, largest = np.mean(found, axis=0)
        print(f"{way}: {mean:.1f} levels from the whole picture's fill, {largest:.1f} at most")


if __name__ == "__main__":
    main()
