"""What is exported: a pipeline as one module of a picture and a mask, without what runtimes do not have."""

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.export.transforms import in_frequency_domain
from latentinpaint.models.fast.fuse import fuse, use_channels_last
from latentinpaint.models.ffc import FourierUnit
from latentinpaint.pipeline import InpaintPipeline, composite, pad_to_cells
from latentinpaint.refiners import FFCRefiner

# What folding does for a copy that others run. Bands depend on the size, which is left open; layouts and sums in
# place are a runtime's own affair, but torch does as it is told.
FOR_RUNTIMES = ("norms", "output")
FOR_TORCH = ("norms", "paths", "output")


class Filling(nn.Module):
    """A pipeline whose refiner draws nothing at random, as a function of two tensors.

    Args:
        pipeline: in evaluation mode.

    Shapes: image (B, 3, H, W) in [0, 1], whatever a hole holds, and mask (B, 1, H, W), above 0.5 = hole, to
    (B, 3, H, W): the picture bit for bit outside the hole, the fill inside. Height and width from 2.
    """

    def __init__(self, pipeline: InpaintPipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        stride = self.pipeline.autoencoder.stride
        padded, hole = pad_to_cells(image, stride), pad_to_cells(mask, stride)
        latent = self.pipeline.refiner.refine(self.pipeline.condition(padded, hole))
        filled = composite(padded, self.pipeline.autoencoder.decode(latent), hole)
        # Cut by indices: that the padded picture is large enough for a slice is more than an exporter can prove.
        for axis in (-2, -1):
            filled = filled.index_select(axis, torch.arange(image.shape[axis], device=image.device))
        return filled


class MatrixFourierUnit(nn.Module):
    """A Fourier unit whose transforms are matrix products; (B, C, h, w) to the same shape."""

    def __init__(self, unit: FourierUnit) -> None:
        super().__init__()
        self.mix, self.norm = unit.mix, unit.norm

    def forward(self, x: Tensor) -> Tensor:
        return in_frequency_domain(x, lambda spectrum: torch.relu(self.norm(self.mix(spectrum))))


def filling_of(pipeline: InpaintPipeline, matrices: bool) -> Filling:
    """A copy of a pipeline to be exported, on the processor and in float32; the pipeline stays as it is.

    Args:
        pipeline: one whose refiner is `ffc`.
        matrices: whether it is for runtimes without Fourier transforms, and those become matrix products; otherwise
            it is for torch.

    Raises:
        InputError: if the refiner is another.
    """
    if not isinstance(pipeline.refiner, FFCRefiner):
        raise InputError(
            "a flow integrates from noise in many steps, and export is for models that answer in one pass: "
            "take one whose refiner is ffc"
        )
    copy = fuse(pipeline, passes=FOR_RUNTIMES if matrices else FOR_TORCH).to("cpu", torch.float32)
    if matrices:
        _use_matrices(copy)
    for value in (*copy.parameters(), *copy.buffers()):
        value.data = value.data.clone(memory_format=torch.contiguous_format)  # folded ones may be views of others
    return Filling(copy if matrices else use_channels_last(copy))


def _use_matrices(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, FourierUnit):
            setattr(module, name, MatrixFourierUnit(child))
        else:
            _use_matrices(child)
