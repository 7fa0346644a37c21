"""A pipeline as a program of `torch.export`: the graph that both formats are written from."""

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from latentinpaint import __version__
from latentinpaint.errors import InputError
from latentinpaint.export.module import Filling
from latentinpaint.models import Autoencoder

SMALLEST = 2
# Any picture from which the graph is recorded; no size is a special one to it.
RECORDED = (2, 40, 56)


@dataclass(frozen=True)
class Size:
    """Height and width in pixels, from `SMALLEST`."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.height, self.width) < SMALLEST:
            raise InputError(f"a picture to be filled has {SMALLEST} x {SMALLEST} pixels at least")

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Of "512" (a square) or "384x512" (height, width).

        Raises:
            InputError: if it is neither.
        """
        sides = text.lower().split("x")
        if len(sides) > 2 or not all(side.isascii() and side.isdecimal() for side in sides):
            raise InputError(f"a size is a number of pixels or height x width, such as 512 or 384x512, not {text}")
        return cls(int(sides[0]), int(sides[-1]))


def capture(filling: Filling, size: Size | None) -> ExportedProgram:
    """Record the graph for any batch, and for any height and width, or for those of `size` alone.

    Args:
        filling: see `filling_of`.
        size: None leaves height and width open, from `SMALLEST` pixels.
    """
    batch, height, width = RECORDED if size is None else (RECORDED[0], size.height, size.width)
    image, mask = example(filling.pipeline.autoencoder, batch, height, width)
    free = {0: Dim("batch")}
    if size is None:
        free |= {2: Dim("height", min=SMALLEST), 3: Dim("width", min=SMALLEST)}
    with torch.no_grad():
        # What the exporter cannot prove of sizes, such as that a padded picture is larger, is looked up at each run.
        program = torch.export.export(
            filling,
            (image, mask),
            dynamic_shapes=(free, free),
            strict=False,
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    _forget_origin(program)
    return program


def _forget_origin(program: ExportedProgram) -> None:
    """Take out the lines of code that nodes were recorded from, which name folders of this machine."""
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, GraphModule) else ():
            node.meta.pop("stack_trace", None)


def example(autoencoder: Autoencoder, batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Random pictures with holes; what is in the holes is no number, so that nobody can have used it.

    Returns:
        image (B, 3, H, W) in [0, 1] and mask (B, 1, H, W), 1 = hole, which has both kinds of pixels.
    """
    generator = torch.Generator().manual_seed(batch)
    image = torch.rand(batch, autoencoder.image_channels, height, width, generator=generator)
    mask = torch.zeros(batch, 1, height, width)
    for row in range(batch):
        mask[row, :, height // 4 : height // 4 + height // 2, row : row + width // 2] = 1
    return image.masked_fill(mask > 0.5, torch.nan), mask


def about(autoencoder: Autoencoder, size: Size | None) -> str:
    """What a file says of itself, as JSON."""
    said: dict[str, Any] = {
        "latentinpaint": __version__,
        "stride": autoencoder.stride,
        "image_channels": autoencoder.image_channels,
        "size": None if size is None else [size.height, size.width],
        "mask": "1 = hole",
    }
    return json.dumps(said)
