"""Writing an exported model, and verifying it against the pipeline before the file appears."""

from pathlib import Path

import torch

from latentinpaint.errors import InputError
from latentinpaint.export.capture import ImageSize, example_inputs
from latentinpaint.export.formats import ExportFormat, InpaintFunction
from latentinpaint.files import write_beside, write_bytes
from latentinpaint.pipeline import InpaintPipeline

TOLERANCE = 1e-4
# Batch, height and width: three sizes, sides that are no multiples of a stride, and a batch.
COMPARED_SHAPES = ((1, 64, 96), (2, 75, 50), (1, 256, 192))


def export(pipeline: InpaintPipeline, path: str | Path, export_format: ExportFormat) -> float | None:
    """Write a model in a format, unless the file computes something else.

    Args:
        pipeline: one whose refiner is `ffc`, in evaluation mode.
        path: file to write.
        export_format: the format with its options.

    Returns:
        The largest difference from the pipeline; None if the format's runtime is not installed.

    Raises:
        InputError: if the format cannot hold the model, a package is missing, the file cannot be written, or its
            output differs by more than `TOLERANCE`; nothing is written then.
    """
    export_format.check_writer_packages()
    content = export_format.encode(pipeline)
    with write_beside(path) as temporary:
        write_bytes(temporary, content)
        if not export_format.can_run():
            return None
        difference = largest_difference(pipeline, export_format.load(temporary), export_format.size)
        if not difference <= TOLERANCE:
            raise InputError(
                f"{path} is not written: in {export_format.suffix} the model's output differs by {difference:.1g}, "
                f"more than the {TOLERANCE:g} that rounding explains"
            )
    return difference


@torch.no_grad()
def largest_difference(pipeline: InpaintPipeline, function: InpaintFunction, size: ImageSize | None = None) -> float:
    """The largest difference between the outputs, in [0, 1], of a pipeline on the CPU and of its exported function.

    Args:
        pipeline: as it was trained, with Fourier transforms and not fused.
        function: see `ExportFormat.load`.
        size: the only one that is compared, by itself and in a batch; None compares `COMPARED_SHAPES`.

    Returns:
        The difference inside holes; infinite if a known pixel differs or the shapes do, nan if an output is nan.
    """
    shapes: tuple[tuple[int, int, int], ...] = COMPARED_SHAPES
    if size is not None:
        shapes = ((1, size.height, size.width), (2, size.height, size.width))
    differences = []
    for shape in shapes:
        image, mask = example_inputs(pipeline.autoencoder, *shape)
        expected = pipeline(image, mask)
        output = function(image, mask)
        known = (mask < 0.5).expand_as(image)
        if output.shape != expected.shape or not torch.equal(output[known], image[known]):
            return float("inf")
        differences.append((output - expected).abs().max())
    return torch.stack(differences).max().item()
