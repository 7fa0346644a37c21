"""`inpaint`: fill the hole in one picture, or in every picture of a folder."""

import sys
from pathlib import Path

from latentinpaint.data.images import read_mask, read_picture, write_picture
from latentinpaint.data.pairs import find_pairs
from latentinpaint.errors import InputError

LOSSLESS = {".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


def command(
    model: str,
    image: str | None = None,
    mask: str | None = None,
    output: str | None = None,
    indir: str | None = None,
    outdir: str | None = None,
    num_samples: int = 1,
    seed: int = 0,
    steps: int | None = None,
    invert_mask: bool = False,
    device: str | None = None,
) -> None:
    """Fill the hole in a picture (--image, --mask, --output) or in a folder of pictures (--indir, --outdir).

    Every pixel outside the hole keeps its value in the file, which has the size, mode, bit depth, alpha channel and
    colour profile of the input, as far as its format can hold them. In a folder, photo.png is filled where
    photo_mask001.png says, and written under the mask's name; a JPEG becomes a PNG, since JPEG cannot keep pixels.

    Args:
        model: model file, or folder of a training run.
        image: picture to fill.
        mask: picture of the same size, white (above half) where the hole is.
        output: file to write; with several samples, _1, _2, … is added to its name.
        indir: folder of pictures and masks, with its sub-folders.
        outdir: folder to write to; its sub-folders are those of indir.
        num_samples: answers for every hole; only a flow gives different ones.
        seed: equal seeds give equal answers.
        steps: solver steps of a flow, by default the model's own.
        invert_mask: the hole is where the mask is black.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """
    jobs = _jobs(image, mask, output, indir, outdir)
    if num_samples < 1 or (steps is not None and steps < 1):
        raise InputError("--num-samples and --steps start at 1")
    from latentinpaint.inpainter import Inpainter

    inpainter = Inpainter.from_pretrained(model, device)
    for number, (image_path, mask_path, target) in enumerate(jobs, start=1):
        picture, hole = read_picture(image_path), read_mask(mask_path, invert=invert_mask)
        if hole.shape != (picture.height, picture.width):
            raise InputError(
                f"the mask {mask_path} is {hole.shape[1]}x{hole.shape[0]} pixels, "
                f"the picture {image_path} {picture.width}x{picture.height}: they have to be equal"
            )
        if not hole.any():
            if indir is None:
                raise InputError(
                    f"the mask {mask_path} has no hole (no white pixel): is it inverted? see --invert-mask"
                )
            print(f"warning: the mask {mask_path} has no hole; the picture is written as it is", file=sys.stderr)
        answers = inpainter.fill(picture, hole, num_samples, seed, steps)
        for index, answer in enumerate(answers, start=1):
            path = target if num_samples == 1 else target.with_name(f"{target.stem}_{index}{target.suffix}")
            for note in write_picture(answer, path):
                print(f"note: {path}: {note}", file=sys.stderr)
        if indir is not None:
            print(f"{number}/{len(jobs)} {target}")


def _jobs(
    image: str | None, mask: str | None, output: str | None, indir: str | None, outdir: str | None
) -> list[tuple[Path, Path, Path]]:
    """Picture, mask and target of every fill."""
    single, folder = (image, mask, output), (indir, outdir)
    if all(single) and not any(folder):
        return [(Path(image), Path(mask), Path(output))]
    if all(folder) and not any(single):
        jobs = []
        for pair in find_pairs(indir):
            suffix = pair.image.suffix.lower()
            kept = pair.image.suffix if suffix in LOSSLESS else ".png"
            jobs.append((pair.image, pair.mask, Path(outdir) / f"{pair.name}{kept}"))
        return jobs
    raise InputError("give --image, --mask and --output, or --indir and --outdir")
