"""Writing an exported model, and comparing it with the pipeline before anybody gets to see it."""

from pathlib import Path

import torch

from latentinpaint.errors import InputError
from latentinpaint.export.capture import Size, example
from latentinpaint.export.formats import Format, Run
from latentinpaint.files import write_beside
from latentinpaint.pipeline import InpaintPipeline

TOLERANCE = 1e-4
# Batch, height and width: three shapes, sides that are no multiples of a stride, and a batch.
COMPARED = ((1, 64, 96), (2, 75, 50), (1, 256, 192))


def export(pipeline: InpaintPipeline, path: str | Path, form: Format) -> float | None:
    """Write a model in a format, unless it computes something else there.

    Args:
        pipeline: one whose refiner is `ffc`, in evaluation mode.
        path: file to write.
        form: the format with its settings.

    Returns:
        The largest difference from the pipeline; None if what runs the format is not installed.

    Raises:
        InputError: if the format cannot hold the model, a package is missing, the file cannot be written, or what it
            computes differs by more than `TOLERANCE`; nothing is written then.
    """
    form.check_writers()
    with write_beside(path) as temporary:
        form.write(pipeline, temporary)
        if not form.can_run():
            return None
        difference = largest_difference(pipeline, form.load(temporary), form.size)
        if not difference <= TOLERANCE:
            raise InputError(
                f"{path} is not written: in {form.suffix} the model's pictures differ by {difference:.1g}, more than "
                f"the {TOLERANCE:g} that rounding explains"
            )
    return difference


@torch.no_grad()
def largest_difference(pipeline: InpaintPipeline, run: Run, size: Size | None = None) -> float:
    """Between the pictures, in [0, 1], of a pipeline on the processor and of what it became; infinite outside holes.

    Args:
        pipeline: as it was trained, with Fourier transforms and unfolded.
        run: see `Format.load`.
        size: the only one that is compared, by itself and in a batch; None takes `COMPARED`.
    """
    shapes = COMPARED if size is None else ((1, size.height, size.width), (2, size.height, size.width))
    differences = []
    for shape in shapes:
        image, mask = example(pipeline.autoencoder, *shape)
        expected, answer = pipeline(image, mask), run(image, mask)
        known = (mask < 0.5).expand_as(image)
        if answer.shape != expected.shape or not torch.equal(answer[known], image[known]):
            return float("inf")
        differences.append((answer - expected).abs().max())
    return torch.stack(differences).max().item()  # no number, if any is none
