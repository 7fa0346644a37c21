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
from latentinpaint.export.module import ExportModule
from latentinpaint.hole import is_hole
from latentinpaint.models import Autoencoder

MIN_SIDE = 2
# Batch, height and width of the images that a graph for any size is traced with; no size is special to the graph.
TRACED_SHAPE = (2, 40, 56)


@dataclass(frozen=True)
class ImageSize:
    """Height and width in pixels, from `MIN_SIDE`."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if min(self.height, self.width) < MIN_SIDE:
            raise InputError(f"an image to be filled has {MIN_SIDE} x {MIN_SIDE} pixels at least")

    @classmethod
    def parse(cls, text: str) -> "ImageSize":
        """Parse "512" (a square) or "384x512" (height, width).

        Raises:
            InputError: if it is neither.
        """
        sides = text.lower().split("x")
        if len(sides) > 2 or not all(side.isascii() and side.isdecimal() for side in sides):
            raise InputError(f"a size is a number of pixels or height x width, such as 512 or 384x512, not {text}")
        return cls(int(sides[0]), int(sides[-1]))


def capture(module: ExportModule, size: ImageSize | None) -> ExportedProgram:
    """Trace the graph for any batch size, and for any height and width, or for those of `size` alone.

    Args:
        module: see `export_module`.
        size: None leaves height and width dynamic, from `MIN_SIDE` pixels.
    """
    batch, height, width = TRACED_SHAPE
    dynamic_axes = {0: Dim("batch")}
    if size is None:
        dynamic_axes |= {2: Dim("height", min=MIN_SIDE), 3: Dim("width", min=MIN_SIDE)}
    else:
        height = size.height
        width = size.width
    image, mask = example_inputs(module.pipeline.autoencoder, batch, height, width)
    with torch.no_grad():
        # What the exporter cannot prove about sizes, such as that a padded image is larger, is checked at each run.
        program = torch.export.export(
            module,
            (image, mask),
            dynamic_shapes=(dynamic_axes, dynamic_axes),
            strict=False,
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    _remove_stack_traces(program)
    return program


def _remove_stack_traces(program: ExportedProgram) -> None:
    """Remove the lines of code that nodes were traced from, which name folders of this machine."""
    for module in program.graph_module.modules():
        if isinstance(module, GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)


def example_inputs(autoencoder: Autoencoder, batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Random images with holes, which contain nan, so that no output can depend on them.

    Returns:
        image (B, 3, H, W) in [0, 1] and mask (B, 1, H, W), 1 = hole, with hole and known pixels in every item.
    """
    generator = torch.Generator().manual_seed(batch)
    image = torch.rand(batch, autoencoder.image_channels, height, width, generator=generator)
    mask = torch.zeros(batch, 1, height, width)
    for item in range(batch):
        mask[item, :, height // 4 : height // 4 + height // 2, item : item + width // 2] = 1
    return image.masked_fill(is_hole(mask), torch.nan), mask


def metadata(autoencoder: Autoencoder, size: ImageSize | None) -> str:
    """The metadata of a file, as JSON."""
    entries: dict[str, Any] = {
        "latentinpaint": __version__,
        "stride": autoencoder.stride,
        "image_channels": autoencoder.image_channels,
        "size": None if size is None else [size.height, size.width],
        "mask": "1 = hole",
    }
    return json.dumps(entries)
