"""`inpaint`: fill the hole in one picture, or in every picture of a folder; or make room around it and fill that."""

import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentinpaint.batch.plan import FORMATS, Folders, Job, Plan, targets
from latentinpaint.batch.run import Manner, Tally, fill_all
from latentinpaint.batch.task import Wishes, fill, no_hole
from latentinpaint.errors import InputError
from latentinpaint.images.encode import JPEG, format_of
from latentinpaint.images.image_files import read_mask
from latentinpaint.inference.outpainting import sides_of

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter


TEXTURES = {"auto": None, "on": True, "off": False}


@dataclass(kw_only=True)
class Options:
    """Fill the hole in a picture (--image, --mask, --output) or in a folder of pictures (--indir, --outdir).

    Every pixel outside the hole keeps its value in the file, which has the size, mode, bit depth, alpha channel and
    colour profile of the input, as far as its format can hold them; JPEG cannot keep pixels exactly. In a folder
    photo.png is filled where photo_mask.png or photo_mask001.png says; answers that are there already are not done
    again, and a file that cannot be used does not stop the rest. Exit status: 0 all done, 1 some pictures of a folder
    failed and are named, 2 the options cannot be used.

    Args:
        model: default, which comes with the package, a model file, or the folder of a training run.
        image: picture to fill.
        mask: picture of the same size, white (above half) where the hole is; with --indir one mask for all pictures.
        output: file to write; with several samples, _1, _2, … is added to its name.
        indir: folder of pictures and their masks, with its sub-folders.
        outdir: folder to write to; its sub-folders are those of indir.
        maskdir: folder of the masks, with the sub-folders of indir; there a mask may have its picture's own name.
        expand: left,top,right,bottom or one number for all sides, in pixels or percent (10%): the picture grows by so
            much, and what is new is filled; a mask is then not needed.
        num_samples: answers for every hole; only a flow gives different ones.
        seed: equal seeds give equal answers, whatever else is in the folder.
        steps: solver steps of a flow, by default the model's own.
        invert_mask: the hole is where the mask is black.
        dilate: pixels that the hole is widened by before it is filled.
        feather: pixels over which the fill goes over into the picture, inside the widened hole; at most --dilate, and
            alone it widens the hole by as much.
        refine: fill pictures larger than 256 pixels from coarse to fine; takes many times as long.
        refine_iterations: steps of --refine at every scale, by default 15.
        memory: GiB that --refine may take, by default half of what is free; larger pictures are refined at a smaller
            scale and scaled up in the hole.
        crop: auto lets only windows around small holes in large pictures pass the networks, off the whole picture, a
            number windows with so many pixels of context.
        texture: on paints fills anew with patches of the picture, off leaves them as the model makes them, auto does
            what the model is made for.
        format: of a folder's answers: keep the pictures' own, exact writes PNG in place of JPEG, or png, webp
            (lossless), tiff for all.
        quality: of a JPEG, 1 to 100; by default its own quantisation is kept.
        overwrite: do a folder's answers again that are there already.
        limit: pictures of a folder to do now, the first that are not done.
        jobs: processes that share out a folder on a CPU.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
        precision: float32, or bfloat16, which is faster where the processor has instructions for it.
    """

    model: str = "default"
    image: str | None = None
    mask: str | None = None
    output: str | None = None
    indir: str | None = None
    outdir: str | None = None
    maskdir: str | None = None
    expand: str | None = None
    num_samples: int = 1
    seed: int = 0
    steps: int | None = None
    invert_mask: bool = False
    dilate: int = 0
    feather: int = 0
    refine: bool = False
    refine_iterations: int | None = None
    memory: float | None = None
    crop: str = "auto"
    texture: str = "auto"
    format: str = "keep"
    quality: int | None = None
    overwrite: bool = False
    limit: int | None = None
    jobs: int = 1
    device: str | None = None
    precision: str = "float32"


def run(options: Options) -> int:
    """Fill what was asked for; the answer is the exit status."""
    _check_numbers(options)
    sides = None if options.expand is None else tuple(sides_of(options.expand))
    if all((options.image, options.output)) and not any((options.indir, options.outdir)):
        _check_single(options)
        job = _single(options)
        wishes = Wishes(options.seed, _how(options, live=True), options.invert_mask, sides, options.quality)
        _one(options, job, wishes)
        return 0
    if all((options.indir, options.outdir)) and not any((options.image, options.output)):
        plan = _planned(options)
        wishes = Wishes(options.seed, _how(options, live=False), options.invert_mask, sides, options.quality)
        return _folder(options, plan, wishes)
    raise InputError("give --image, --mask and --output, or --indir and --outdir")


def _check_numbers(options: Options) -> None:
    for name in ("num_samples", "steps", "limit", "jobs"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise InputError(f"--{name.replace('_', '-')} starts at 1, not at {number}")
    if options.quality is not None and not 1 <= options.quality <= 100:
        raise InputError(f"--quality is from 1 to 100, not {options.quality}")
    if options.texture not in TEXTURES:
        raise InputError(f"--texture is {', '.join(TEXTURES)}, not {options.texture}")
    if options.format not in FORMATS:
        raise InputError(f"there is no --format {options.format}: choose one of {', '.join(FORMATS)}")


def _check_single(options: Options) -> None:
    if options.mask is None and options.expand is None:
        raise InputError(
            "a picture needs --mask, which says where its hole is, or --expand, which makes room to fill"
        )
    for name, given in (
        ("--maskdir", options.maskdir is not None),
        ("--limit", options.limit is not None),
        ("--jobs", options.jobs != 1),
        ("--format", options.format != "keep"),
    ):
        if given:
            why = "; the suffix of --output decides" if name == "--format" else ""
            raise InputError(f"{name} is for folders (--indir, --outdir), not for one picture{why}")


def _single(options: Options) -> Job:
    image, mask = Path(options.image), None if options.mask is None else Path(options.mask)
    job = Job(image, mask, targets(Path(options.output), options.num_samples))
    for target in job.targets:
        kind = format_of(target)  # an unknown suffix is found out before anything is computed
        if options.quality is not None and kind is not JPEG:
            raise InputError(f"--quality is for JPEG, not for {target}")
        for source in (image, mask):
            if source is not None and target.exists() and source.exists() and target.samefile(source):
                raise InputError(f"{target} is an input: choose another output, nothing is overwritten")
    return job


def _planned(options: Options) -> Plan:
    if options.mask is not None and options.maskdir is not None:
        raise InputError("give --mask, one for all pictures, or --maskdir, a folder of masks, not both")
    one = None if options.mask is None else Path(options.mask)
    if one is not None and not one.is_file():
        raise InputError(f"{one} is a folder: --maskdir takes it" if one.is_dir() else f"there is no file {one}")
    if one is not None and not read_mask(one, options.invert_mask).any() and options.expand is None:
        raise InputError(no_hole(one))
    folders = Folders(
        Path(options.indir),
        Path(options.outdir),
        None if options.maskdir is None else Path(options.maskdir),
        one,
        bare=options.expand is not None,
        samples=options.num_samples,
        format=options.format,
    )
    plan = folders.plan()
    if options.quality is not None and not any(format_of(job.targets[0]) is JPEG for job in plan.jobs):
        raise InputError("--quality is for JPEG, and none of the answers would be one")
    _check_place(Path(options.outdir))
    return plan


def _check_place(outdir: Path) -> None:
    """Refuse a folder that nothing can be written to, before the first picture is filled."""
    there = next(place for place in (outdir, *outdir.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"cannot write to --outdir {outdir}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to --outdir {outdir}: no permission for {there}")


def _how(options: Options, live: bool) -> dict[str, Any]:
    """What `Inpainter.fill` is asked besides samples and seed; `live` refining says how far it is."""
    import torch

    from latentinpaint.device import GIB, free_memory
    from latentinpaint.inference.feature_refinement import SHARE, Refinement
    from latentinpaint.inference.options import Asked

    refine, iterations, memory, crop = options.refine, options.refine_iterations, options.memory, options.crop
    if not refine and (iterations is not None or memory is not None):
        raise InputError("--refine-iterations and --memory need --refine")
    if crop not in ("auto", "off") and not crop.isdecimal():
        raise InputError(f"--crop is auto, off or a number of pixels, not {crop}")
    given = {} if iterations is None else {"iterations": iterations}
    if refine and memory is None and options.jobs > 1:  # what is free has to do for all processes
        free = free_memory(torch.device("cpu"))
        memory = None if free is None else SHARE * free / options.jobs / GIB
    refinement = Refinement(memory=memory, report=_note if live else None, **given)
    context = int(crop) if crop.isdecimal() else {"auto": "auto", "off": None}[crop]
    how = {"refine": refinement if refine else False, "crop": context}
    how |= {"steps": options.steps, "dilate": options.dilate, "feather": options.feather}
    how |= {"texture": TEXTURES[options.texture]}
    Asked(options.num_samples, options.seed, **how)
    return how


def _load(options: Options) -> "Inpainter":
    """The model; options that have no effect on it are warned of."""
    from latentinpaint.inpainter import Inpainter

    inpainter = Inpainter.from_pretrained(options.model, options.device, options.precision)
    if not inpainter.pipeline.refiner.stochastic:
        if options.num_samples > 1:
            _warn("--num-samples: this model has one answer for a hole, all samples are equal")
        if options.steps is not None:
            _warn("--steps has no effect: this model answers in one pass")
    return inpainter


def _one(options: Options, job: Job, wishes: Wishes) -> None:
    for remark in fill(_load(options), job, wishes):
        print(f"{remark.kind}: {remark.sentence}", file=sys.stderr)


def _folder(options: Options, plan: Plan, wishes: Wishes) -> int:
    tally = Tally(failures=list(plan.failures), bare=plan.bare)
    jobs = Manner(options.overwrite, options.limit).left(plan, tally)
    try:
        if jobs:
            _fill_folder(options, jobs, wishes, tally)
    except InputError:
        if tally.filled:
            tally.tell()
        raise
    except KeyboardInterrupt:
        tally.tell()
        raise
    tally.tell()
    return 1 if tally.failures else 0


def _fill_folder(options: Options, jobs: list[Job], wishes: Wishes, tally: Tally) -> None:
    import torch

    inpainter = _load(options)  # before any process starts, so that a wrong model is said once
    processes = min(options.jobs, len(jobs))
    if processes == 1:
        fill_all(lambda: inpainter, jobs, wishes, tally)
        return
    if inpainter.device.type != "cpu":
        raise InputError("--jobs shares out work on a processor: leave it at 1, or add --device cpu")
    load = partial(type(inpainter).from_pretrained, options.model, "cpu", options.precision)
    fill_all(load, jobs, wishes, tally, processes, max(1, torch.get_num_threads() // processes))


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
