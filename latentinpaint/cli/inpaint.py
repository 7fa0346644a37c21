"""`inpaint`: fill the hole in one picture, or in every picture of a folder."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentinpaint.data.formats import JPEG, format_of
from latentinpaint.data.images import Picture, read_mask, read_picture, write_picture
from latentinpaint.data.pairs import find_pairs
from latentinpaint.errors import InputError

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter


@dataclass(kw_only=True)
class Options:
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
        refine: fill pictures larger than 256 pixels from coarse to fine; takes many times as long.
        refine_iterations: steps of --refine at every scale, by default 15.
        memory: GiB that --refine may take, by default half of what is free; larger pictures are refined at a smaller
            scale and scaled up in the hole.
        crop: auto lets only windows around small holes in large pictures pass the networks, off the whole picture, a
            number windows with so many pixels of context.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        precision: float32, or bfloat16, which is faster where the processor has instructions for it.
    """

    model: str
    image: str | None = None
    mask: str | None = None
    output: str | None = None
    indir: str | None = None
    outdir: str | None = None
    num_samples: int = 1
    seed: int = 0
    steps: int | None = None
    invert_mask: bool = False
    refine: bool = False
    refine_iterations: int | None = None
    memory: float | None = None
    crop: str = "auto"
    device: str | None = None
    precision: str = "float32"


def run(options: Options) -> None:
    """Fill what was asked for."""
    if options.num_samples < 1 or (options.steps is not None and options.steps < 1):
        raise InputError("--num-samples and --steps start at 1")
    how, jobs = _how(options), _jobs(options)
    from latentinpaint.inpainter import Inpainter

    inpainter = Inpainter.from_pretrained(options.model, options.device, options.precision)

    def fill(job: Job, refuse_empty: bool) -> None:
        _fill(inpainter, job, options.invert_mask, options.seed, how, refuse_empty)

    if options.indir is None:
        fill(jobs[0], refuse_empty=True)
        return
    failures = []
    for number, job in enumerate(jobs, start=1):
        try:
            fill(job, refuse_empty=False)
            print(f"{number}/{len(jobs)} {job.targets[0]}")
        except InputError as error:
            failures.append(str(error))
            _warn(str(error))
    if failures:
        raise InputError(f"{len(failures)} of {len(jobs)} pictures were not filled: {'; '.join(failures)}")


@dataclass(frozen=True)
class Job:
    """One hole to fill, and the files that the answers go to."""

    image: Path
    mask: Path
    targets: list[Path]


def _how(options: Options) -> dict[str, Any]:
    """What `Inpainter.fill` is asked besides samples and seed."""
    from latentinpaint.refinement import Refinement

    refine, iterations, memory, crop = options.refine, options.refine_iterations, options.memory, options.crop
    if not refine and (iterations is not None or memory is not None):
        raise InputError("--refine-iterations and --memory need --refine")
    if crop not in ("auto", "off") and not crop.isdecimal():
        raise InputError(f"--crop is auto, off or a number of pixels, not {crop}")
    given = {} if iterations is None else {"iterations": iterations}
    refinement = Refinement(memory=memory, report=_note, **given)
    context = int(crop) if crop.isdecimal() else {"auto": "auto", "off": None}[crop]
    return {"steps": options.steps, "refine": refinement if refine else False, "crop": context}


def _fill(
    inpainter: "Inpainter", job: Job, invert_mask: bool, seed: int, how: dict[str, Any], refuse_empty: bool
) -> None:
    """Read, fill and write one job; an empty mask is refused or only warned of."""
    picture, hole = read_picture(job.image), read_mask(job.mask, invert=invert_mask)
    if not hole.any():
        if refuse_empty:
            raise InputError(
                f"the mask {job.mask} has no hole: paint it white; dark colours and transparent parts are kept"
            )
        _warn(f"the mask {job.mask} has no hole; the picture is written as it is")
    _check_sizes(job, picture, hole)
    if hole.all():
        _warn(f"the mask {job.mask} covers the whole picture: nothing of {job.image} is kept")
    alpha = picture.alpha()
    if alpha is not None and (alpha[hole] == 0).any() and picture.palette_alpha is None:
        _warn(f"{job.image} is transparent in the hole and stays so: the fill is there, but cannot be seen")
    answers = inpainter.fill(picture, hole, len(job.targets), seed, **how)
    for answer, target in zip(answers, job.targets, strict=True):
        for note in write_picture(answer, target):
            _note(f"{target}: {note}")


def _jobs(options: Options) -> list[Job]:
    single, folder = (options.image, options.mask, options.output), (options.indir, options.outdir)
    samples = options.num_samples
    if all(single) and not any(folder):
        image, mask, output = map(Path, single)
        jobs = [Job(image, mask, _targets(output, samples))]
    elif all(folder) and not any(single):
        indir, outdir = map(Path, folder)
        if outdir.resolve().is_relative_to(indir.resolve()):
            raise InputError(f"--outdir {outdir} lies inside --indir: results would be taken for masks the next time")
        jobs = [
            Job(pair.image, pair.mask, _targets(outdir / f"{pair.name}{_kept(pair.image.suffix)}", samples))
            for pair in find_pairs(indir)
        ]
    else:
        raise InputError("give --image, --mask and --output, or --indir and --outdir")
    for job in jobs:
        for target in job.targets:
            format_of(target)  # an unknown suffix is found out before anything is computed
            if target.exists() and any(
                source.exists() and target.samefile(source) for source in (job.image, job.mask)
            ):
                raise InputError(f"{target} is an input: choose another output, nothing is overwritten")
    return jobs


def _targets(path: Path, samples: int) -> list[Path]:
    return (
        [path] if samples == 1 else [path.with_name(f"{path.stem}_{k}{path.suffix}") for k in range(1, samples + 1)]
    )


def _kept(suffix: str) -> str:
    """The suffix of a folder's answers: the picture's own where its format can keep pixels."""
    return ".png" if format_of(f"picture{suffix}") is JPEG else suffix


def _check_sizes(job: Job, picture: Picture, hole: np.ndarray) -> None:
    if hole.shape != (picture.height, picture.width):
        raise InputError(
            f"the mask {job.mask} is {hole.shape[1]}x{hole.shape[0]} pixels, "
            f"the picture {job.image} {picture.width}x{picture.height}: they have to be equal"
        )


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
