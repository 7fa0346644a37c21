"""What jobs compute: fills and expansions, from a picture and its hole to files or to new photos of the store."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np

from latentinpaint.images.geometry import with_margins
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Padding
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.coarse_fill import coarse_fill
from latentinpaint.service.incoming import check_hole
from latentinpaint.service.job import Job
from latentinpaint.service.refused import Refused
from latentinpaint.service.settings import ServiceLimits


@dataclass(frozen=True)
class FillWork:
    """How jobs fill.

    Attributes:
        inpainter: the model.
        options: the same for all.
        wants_preview: whether a coarse fill comes first.
    """

    inpainter: Inpainter
    options: FillOptions
    wants_preview: bool = False

    def run(self, job: Job, picture: Picture, hole: np.ndarray) -> tuple[list[Picture], np.ndarray]:
        """The samples of a picture with a hole (H, W) bool, and the dilated hole, outside of which nothing changes.

        The job learns how far it is, and what is shown of it.

        Raises:
            InputError: if there is no hole, or an option cannot be used.
            JobStopped: if the job is to end.
        """
        check_hole(hole)
        job.report(0.0)
        changed = self.options.dilation.apply(hole).mask.numpy()
        job.box = Box.around(changed)
        if self.wants_preview:
            job.preview = coarse_fill(self.inpainter, picture, changed, self.options)
            job.report(0.0)
        samples = self.inpainter.fill(picture, hole, self.options, job.report)
        job.report(1.0)
        return samples, changed


def expanded(
    picture: Picture, hole: np.ndarray, sides: tuple[int, int, int, int], limits: ServiceLimits
) -> tuple[Picture, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """A picture with margins, the hole that they and its own hole make, and a function that pads further masks.

    Args:
        picture: any.
        hole: (H, W) bool.
        sides: left, top, right, bottom in pixels.
        limits: of the new picture.

    Raises:
        Refused: if it would be too large.
        InputError: if the sides cannot be used.
    """
    padding = Padding.of(sides, picture.height, picture.width)
    height, width = padding.padded_size(picture.height, picture.width)
    if height * width > limits.megapixels * 1e6:
        raise Refused(
            413, f"the new picture would have {width}x{height} pixels, more than {limits.megapixels:g} megapixels"
        )
    return with_margins(picture, *astuple(padding)), padding.pad_mask(hole), padding.pad_mask
