"""The figure of docs/interpolants.md: one Hadamard flow on four paths, its states and clocks.

    python benchmarks/paths_figure.py --model runs/hadamard_mnist --data TEST --output docs/paths.png

TEST is a folder, sheet or collection of pictures that the flow was not trained on.
"""

import argparse
from itertools import pairwise

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from latentinpaint.data.distributions import from_range, open_collection
from latentinpaint.flows import HadamardFlow
from latentinpaint.interpolants import HadamardPath, integrate_path
from latentinpaint.interpolants.paths import denoise, inpaint, raster, sequential
from latentinpaint.weights import load_flow

TILE, CLOCK, GAP, MARGIN, HEAD = 84, 28, 6, 130, 24
TIMES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--row", type=int, default=0, help="which picture is filled and denoised")
    parser.add_argument("--steps", type=int, default=80, help="steps between two columns, a multiple of them")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    flow = load_flow(options.model)
    channels, height, _ = flow.shape
    collection = open_collection(options.data, height, channels, train=False)
    picture = collection.first(options.row + 1)[options.row :]
    noise = torch.randn(1, *flow.shape, generator=torch.Generator().manual_seed(options.seed))
    rows = {}
    for name, path in flow_paths(flow).items():
        rows[name] = states_on_the_way(flow, path, path.start(picture, noise), options.steps)
    draw(rows).save(options.output)


def flow_paths(flow: HadamardFlow) -> dict[str, HadamardPath]:
    _, height, width = flow.shape
    everywhere = torch.ones(1, 1, height, width)
    hole = torch.zeros(1, 1, height, width)
    hole[..., height // 2 :, :] = 1
    return {
        "generation": inpaint(everywhere),
        "a hole": inpaint(hole),
        "block after block": sequential(everywhere, raster(height, width, flow.block_side)),
        "denoising": denoise(0.5 * everywhere),
    }


@torch.no_grad()
def states_on_the_way(
    flow: HadamardFlow, path: HadamardPath, x: torch.Tensor, steps: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The clocks and the state at each of `TIMES`, with `steps` steps between two of them."""
    cells = [(path.at(torch.tensor(TIMES[0])).alpha.values[0], x[0])]
    for begin, end in pairwise(TIMES):
        times = np.linspace(begin, end, steps + 1).tolist()
        x = integrate_path(path, flow.drifts, x, times, active_mask=path.level).x
        cells.append((path.at(torch.tensor(end)).alpha.values[0], x[0]))
    return cells


def draw(rows: dict[str, list]) -> Image.Image:
    tall = CLOCK + GAP + TILE + 2 * GAP
    sheet = Image.new("RGB", (MARGIN + len(TIMES) * (TILE + GAP), HEAD + len(rows) * tall), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for column, time in enumerate(TIMES):
        middle = MARGIN + column * (TILE + GAP) + TILE // 2
        pen.text((middle, HEAD // 2), f"t = {time:g}", fill="black", font=font, anchor="mm")
    for row, (name, cells) in enumerate(rows.items()):
        top = HEAD + row * tall
        pen.text((8, top + tall // 2), name, fill="black", font=font, anchor="lm")
        for column, (clock, state) in enumerate(cells):
            left = MARGIN + column * (TILE + GAP)
            sheet.paste(tile(2 * clock - 1, CLOCK), (left + (TILE - CLOCK) // 2, top))
            pen.rectangle((left + (TILE - CLOCK) // 2, top, left + (TILE + CLOCK) // 2, top + CLOCK), outline="grey")
            sheet.paste(tile(state, TILE), (left, top + CLOCK + GAP))
    return sheet


def tile(values: torch.Tensor, side: int) -> Image.Image:
    image = (from_range(values).expand(3, -1, -1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    return Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
