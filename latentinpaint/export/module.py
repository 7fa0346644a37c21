"""What is exported: a pipeline as one module of image and mask, without operators that runtimes lack."""

import itertools

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError
from latentinpaint.export.transforms import in_frequency_domain
from latentinpaint.models import Autoencoder, DiffusersAutoencoder
from latentinpaint.models.fast.fuse import fuse, use_channels_last
from latentinpaint.models.ffc import FourierUnit
from latentinpaint.pipeline import InpaintPipeline, composite
from latentinpaint.refiners import FFCRefiner

# The passes of `fuse` for a copy that others run. Row tiling depends on the size, which stays dynamic; layouts and
# in-place sums are a runtime's own decision, while torch executes the graph as it is.
RUNTIME_PASSES = ("norms", "output")
TORCH_PASSES = ("norms", "paths", "output")
# Classes of diffusers whose graphs are the same for any number of pictures.
EXPORTABLE = ("AutoencoderTiny",)


class ExportModule(nn.Module):
    """A pipeline with a deterministic refiner, as a function of two tensors.

    Args:
        pipeline: in evaluation mode.

    Shapes: image (B, 3, H, W) in [0, 1], with any values in the hole, and mask (B, 1, H, W), above 0.5 = hole, to
    (B, 3, H, W): the image bit for bit outside the hole, the fill inside. Height and width from 2.
    """

    def __init__(self, pipeline: InpaintPipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        latent = self.pipeline.refiner.refine(self.pipeline.condition(image, mask))
        fill = self.pipeline.autoencoder.decode(latent)
        # Cropped by indices: an exporter cannot prove that the padded image is large enough for a slice.
        for axis in (-2, -1):
            fill = fill.index_select(axis, torch.arange(image.shape[axis], device=image.device))
        return composite(image, fill, mask)


class MatrixFourierUnit(nn.Module):
    """A Fourier unit whose transforms are matrix products; (B, C, h, w) to the same shape."""

    def __init__(self, unit: FourierUnit) -> None:
        super().__init__()
        self.mix = unit.mix
        self.norm = unit.norm

    def forward(self, x: Tensor) -> Tensor:
        return in_frequency_domain(x, lambda spectrum: torch.relu(self.norm(self.mix(spectrum))))


def export_module(pipeline: InpaintPipeline, matrices: bool) -> ExportModule:
    """A fused copy of a pipeline for export, on the CPU in float32; the pipeline is not changed.

    Args:
        pipeline: one whose refiner is `ffc`.
        matrices: True for runtimes without Fourier transforms, which become matrix products; False for torch.

    Raises:
        InputError: if the refiner is another, or the autoencoder cannot be exported.
    """
    _check_autoencoder(pipeline.autoencoder)
    if not isinstance(pipeline.refiner, FFCRefiner):
        raise InputError(
            "this model draws samples, and export is for models with one fill for a hole: "
            "take one whose refiner is ffc"
        )
    fused = fuse(pipeline, passes=RUNTIME_PASSES if matrices else TORCH_PASSES)
    fused.to("cpu", torch.float32)
    if matrices:
        _use_matrices(fused)
    for value in itertools.chain(fused.parameters(), fused.buffers()):
        value.data = value.data.clone(memory_format=torch.contiguous_format)  # fused ones may be views of others
    if not matrices:
        use_channels_last(fused)
    return ExportModule(fused)


def _check_autoencoder(autoencoder: Autoencoder) -> None:
    if not isinstance(autoencoder, DiffusersAutoencoder):
        return
    architecture = autoencoder.arguments["architecture"]
    if architecture not in EXPORTABLE:
        raise InputError(
            f"diffusers' {architecture} decides by the number of pictures what it computes, and cannot be exported "
            f"for any number: take a model on {', '.join(EXPORTABLE)}, on the TAESD family or on this package's own"
        )


def _use_matrices(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, FourierUnit):
            setattr(module, name, MatrixFourierUnit(child))
        else:
            _use_matrices(child)
