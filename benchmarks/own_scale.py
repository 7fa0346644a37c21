"""At what scale the networks of a model with texture should see large pictures, and whether painting in tiles shows.

    python benchmarks/own_scale.py --sides 256 384 512 10000

The photographs are those of at least 512 x 512 pixels that installed packages carry, the holes thick. A way is the
longer side in pixels that the networks see. Seams: the same fills painted as a whole and in tiles of 128 pixels with
64 around them; the step across the tiles' borders in the hole, in levels of 255, against the step at the same places
of the whole.
"""

import argparse
import statistics
import time

import torch
from large_photos import Table, large_photos, thick_cases
from torch import Tensor

from latentinpaint.inference import fill, tiling
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inference.tiling import paint_tiles
from latentinpaint.inpainter import Inpainter

TILE, SURROUNDINGS = 128, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    parser.add_argument("--images", nargs="*", default=[], help="folders of pictures to take besides")
    parser.add_argument("--sides", nargs="*", type=int, default=[256, 384, 512, 10000], help="pixels")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0], help="of the holes, one a photograph for each")
    options = parser.parse_args()
    inpainter = Inpainter.from_pretrained(options.model)
    table, seams = Table(f"{fill.NETWORK_SIDE} pixels"), []
    kept = fill.NETWORK_SIDE
    for case in thick_cases(large_photos(options.images), options.seeds):
        fills, costs = {}, {}
        for side in dict.fromkeys([kept, *options.sides]):
            fill.NETWORK_SIDE = side
            start = time.perf_counter()
            asked = FillOptions(texture=True, crop=None)
            (answer,) = fill_holes(
                inpainter.fused, case.image, case.mask > 0.5, asked, inpainter.texture, inpainter.device
            )
            fills[f"{side} pixels"], costs[f"{side} pixels"] = answer, {"seconds": time.perf_counter() - start}
        fill.NETWORK_SIDE = kept
        table.add(case, fills, costs)
        (guide,) = fill_holes(inpainter.fused, case.image, case.mask > 0.5, FillOptions(texture=False, crop=None))
        seams.append(_seam(inpainter.texture or PatchTexture(), case.image, guide, case.mask))
    print(table.text())
    whole, tiled = (statistics.mean(column) for column in zip(*seams, strict=True))
    larger = sum(b > a for a, b in seams)
    print(
        f"\nseams: mean step {tiled:.2f} levels in tiles, {whole:.2f} as a whole; larger in {larger} of {len(seams)}"
    )


def _seam(texture: PatchTexture, image: Tensor, guide: Tensor, mask: Tensor) -> tuple[float, float]:
    """The mean step across the borders of tiles: painted as a whole, and in tiles."""
    tiling.TILE, tiling.SURROUNDINGS, kept = TILE, SURROUNDINGS, (tiling.TILE, tiling.SURROUNDINGS)
    tiled = paint_tiles(texture, image, guide, mask)
    tiling.TILE, tiling.SURROUNDINGS = kept
    whole = texture(image, guide, mask)
    return _step(whole, mask), _step(tiled, mask)


def _step(answer: Tensor, mask: Tensor) -> float:
    steps = []
    for axis in (-1, -2):
        after = torch.arange(TILE, answer.shape[axis], TILE)
        difference = (answer.index_select(axis, after) - answer.index_select(axis, after - 1)).abs().mean(1, True)
        inside = (mask.index_select(axis, after) > 0.5) & (mask.index_select(axis, after - 1) > 0.5)
        steps.append(difference[inside])
    return 255 * torch.cat(steps).mean().item()


if __name__ == "__main__":
    main()
