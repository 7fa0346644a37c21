"""What the page does, without a page: fill the hole of an uploaded photo, and draw its latent difference.

Photos and holes come from `uploads` and `preview`; results are files in a folder of the `store`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from latentinpaint.app.preview import make_preview, save_preview
from latentinpaint.app.uploads import Photo
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import Picture, write_image, write_picture
from latentinpaint.inference.crops import Box
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter


@dataclass(frozen=True)
class FillResult:
    """Files of a fill, and its summary.

    Attributes:
        results: filled photos at full size, one per sample.
        mask: the hole at full size, white.
        before, after: previews of the photo and of the results.
        uncertainty: an image of the standard deviation of the samples; None if there is only one.
        summary: fraction of the hole and time, to be followed by the model's name.
        notes: what could not be kept in the result's file.
    """

    results: list[str]
    mask: str
    before: str
    after: list[str]
    uncertainty: str | None
    summary: str
    notes: list[str]


def fill(inpainter: Inpainter, photo: Photo, hole: np.ndarray, options: FillOptions, folder: Path) -> FillResult:
    """Fill a hole (H, W) bool, and write what the page shows and offers into a folder.

    Raises:
        InputError: if there is no hole, or an option cannot be used.
    """
    if not hole.any():
        raise InputError("nothing is painted yet: paint over what is to be filled, or choose a mask file")
    if hole.all():
        raise InputError("all of the photo is painted, so nothing of it is known: leave unpainted what is to be kept")
    start = time.perf_counter()
    pictures = inpainter.fill(photo.picture, hole, options)
    seconds = time.perf_counter() - start
    results = []
    after = []
    notes: list[str] = []
    for number, picture in enumerate(pictures, start=1):
        name = f"{photo.stem}_filled{photo.suffix}"
        if len(pictures) > 1:
            name = f"{photo.stem}_filled_{number}{photo.suffix}"
        results.append(str(folder / name))
        notes = write_picture(picture, results[-1])
        after.append(save_preview(make_preview(picture), folder / f"shown_{number}.png"))
    mask = folder / f"{photo.stem}_mask.png"
    write_image(Image.fromarray(hole.astype(np.uint8) * 255), mask)
    height, width = photo.size
    return FillResult(
        results=results,
        mask=str(mask),
        before=save_preview(make_preview(photo.picture.with_range_of(~hole)), folder / "shown_before.png"),
        after=after,
        uncertainty=_save_uncertainty(pictures, hole, folder) if len(pictures) > 1 else None,
        summary=f"Filled {100 * hole.mean():.3g} % of {width}×{height} pixels in {seconds:.1f} s with",
        notes=[note.replace(str(folder), "").strip() for note in notes],
    )


def _save_uncertainty(pictures: Sequence[Picture], hole: np.ndarray, folder: Path) -> str:
    """Draw `uncertainty_map`, computed in the hole's bounding box alone, where all samples differ, to save memory."""
    import torch

    from latentinpaint.visualization import draw_uncertainty, uncertainty_map

    around = Box.around(hole)
    assert around is not None
    box = around.index[1:]
    samples = [torch.from_numpy(picture.rgb()[box]).permute(2, 0, 1) for picture in pictures]
    uncertainty = np.zeros(hole.shape, np.float32)
    uncertainty[box] = uncertainty_map(torch.stack(samples), torch.from_numpy(hole[box])).numpy()
    path = folder / "uncertainty.png"
    write_image(draw_uncertainty(uncertainty, hole, make_preview(pictures[0], longest=640)), path)
    return str(path)


def draw_difference(inpainter: Inpainter, photo: Photo, hole: np.ndarray, folder: Path, longest: int = 512) -> str:
    """Write the sheet of `latent_difference` of a photo, scaled down to `longest` pixels; returns its path."""
    import torch

    from latentinpaint.visualization import draw_latent_difference, latent_difference

    pipeline = inpainter.pipeline
    preview = make_preview(photo.picture, longest=longest)
    image = torch.from_numpy(np.asarray(preview) / np.float32(255)).permute(2, 0, 1)[None]
    # A pixel of the smaller hole is hole as soon as a part of it is.
    coverage = Image.fromarray(hole.astype(np.float32)).resize(preview.size, Image.Resampling.BOX)
    mask = torch.from_numpy(np.asarray(coverage) > 0).float()[None, None]
    device = inpainter.device
    difference = latent_difference(pipeline.autoencoder, image.to(device), mask.to(device), pipeline.control)
    path = folder / "latent_difference.png"
    write_image(draw_latent_difference(difference, columns=3), path)
    return str(path)
