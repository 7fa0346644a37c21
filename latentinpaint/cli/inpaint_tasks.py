"""The options of `inpaint` as tasks: what is to be filled, where it goes, and how."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import torch

from latentinpaint.batch.folder_plan import FillTask, FolderNames, FolderOptions, FolderPlan
from latentinpaint.batch.output_names import FORMATS, numbered_paths
from latentinpaint.batch.task import TaskOptions
from latentinpaint.cli.engines import check_engine
from latentinpaint.cli.inpaint_options import Options
from latentinpaint.doctor import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_counts, check_has_hole, choose
from latentinpaint.images.image_files import binary_mask, read_picture
from latentinpaint.images.image_format import JPEG, format_of
from latentinpaint.inference.feature_refinement import SHARE, Refinement
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Side
from latentinpaint.runtime.addresses import address, is_address
from latentinpaint.runtime.device import GIB, free_memory

NAMES = FolderNames("--indir", "--outdir", "--maskdir", "--mask", "--format", "--limit", "--jobs", "--crop")
MASK_NAMES = ArgumentNames(invert_mask="--invert-mask", ignore_problems="--ignore-problems")
TEXTURES = {"auto": None, "on": True, "off": False}


def single_task(options: Options, image: Path, output: Path) -> FillTask:
    """The task of one picture, its options and its mask checked."""
    _check_options(options)
    if options.mask is None and options.expand is None:
        raise InputError(
            "a picture needs --mask, which says where its hole is, or --expand, which adds margins to fill"
        )
    only_for_folders = {
        "--maskdir": options.maskdir is not None,
        "--limit": options.limit is not None,
        "--jobs": options.jobs is not None,
        "--engine": options.engine != "local",
    }
    for name, is_set in only_for_folders.items():
        if is_set:
            raise InputError(f"{name} is for folders (--indir, --outdir), not for one picture")
    if options.format != "keep":
        raise InputError("--format is for folders, not for one picture: there the suffix of --output decides")
    outputs = numbered_paths(output, options.num_samples)
    task = FillTask(image, _path(options.mask), outputs, _path(options.uncertainty))
    for path in task.outputs:
        file_format = format_of(path)  # an unknown suffix is found out before anything is computed
        if options.quality is not None and file_format is not JPEG:
            raise InputError(f"--quality is for JPEG, not for {path}")
    task.check_outputs()
    if task.mask is not None:
        _check_mask(task.mask, options)
    return task


def folder_plan(options: Options, indir: Path, outdir: Path) -> FolderPlan:
    """The tasks of a folder, the options and a mask for all checked."""
    _check_options(options)
    if options.mask is not None and options.maskdir is not None:
        raise InputError("give --mask, one for all pictures, or --maskdir, a folder of masks, not both")
    if options.uncertainty is not None:
        raise InputError("--uncertainty is for one picture, not for a folder")
    if options.engine == "local":
        for path in (indir, outdir):
            if is_address(path):
                raise InputError(f"{address(path)} is no folder of this machine: --engine ray fills it")
    folder = FolderOptions(
        indir,
        outdir,
        maskdir=_path(options.maskdir),
        mask=_path(options.mask),
        fill_without_mask=options.expand is not None,
        num_samples=options.num_samples,
        format=options.format,
        names=NAMES,
    )
    if folder.mask is not None:
        _check_mask(folder.mask, options)
    plan = folder.plan()
    if options.quality is not None and not any(format_of(task.outputs[0]) is JPEG for task in plan.tasks):
        raise InputError("--quality is for JPEG, and none of the outputs would be one")
    folder.check_writable()
    return plan


def _check_options(options: Options) -> None:
    """Refuse values that nothing could be filled with."""
    check_counts(
        {
            "--num-samples": options.num_samples,
            "--jobs": options.jobs,
            "--steps": options.steps,
            "--limit": options.limit,
        }
    )
    if options.quality is not None and not 1 <= options.quality <= 100:
        raise InputError(f"--quality is from 1 to 100, not {options.quality}")
    check_engine(options.engine, options.ray_address)
    choose(TEXTURES, options.texture, "--texture")
    choose(FORMATS, options.format, "--format")
    if not options.refine and (options.refine_iterations is not None or options.memory is not None):
        raise InputError("--refine-iterations and --memory need --refine")
    if options.crop not in ("auto", "off") and not options.crop.isdecimal():
        raise InputError(f"--crop is auto, off or a number of pixels, not {options.crop}")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _check_mask(path: Path, options: Options) -> None:
    """Refuse what cannot be a mask of any picture, such as a photograph."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: --maskdir takes it")
    mask = read_picture(path)
    if options.expand is None:
        check_has_hole(binary_mask(mask, options.invert_mask), f"the mask {path}")
    if not options.ignore_problems:
        check_pair(None, mask, options.invert_mask, MASK_NAMES)


def task_options_of(options: Options, live: bool) -> TaskOptions:
    """How to fill every picture; a `live` refinement prints its progress."""
    fill = FillOptions(
        num_samples=options.num_samples,
        seed=options.seed,
        steps=options.steps,
        refine=_refinement(options, live),
        crop=_context(options.crop),
        dilate=options.dilate,
        feather=options.feather,
        texture=TEXTURES[options.texture],
        ignore_problems=options.ignore_problems,
    )
    task_options = TaskOptions(
        fill, options.invert_mask, quality=options.quality, names=MASK_NAMES, folder_names=NAMES
    )
    if options.expand is not None:
        task_options = replace(task_options, expand=parse_padding(options.expand))
    return task_options


def _context(crop: str) -> str | int | None:
    """What --crop says, as `FillOptions.crop`."""
    if crop == "auto":
        return "auto"
    return None if crop == "off" else int(crop)


def _refinement(options: Options, live: bool) -> Refinement | bool:
    if not options.refine:
        return False
    refinement = Refinement(memory=options.memory)
    if options.refine_iterations is not None:
        refinement = replace(refinement, iterations=options.refine_iterations)
    if live:
        refinement = replace(refinement, progress=print_note, warn=print_note)
    if options.memory is None and options.engine == "ray":
        raise InputError("--refine with --engine ray needs --memory, the GiB that each worker may take")
    if options.memory is None and options.jobs is not None and options.jobs > 1:
        free = free_memory(torch.device("cpu"))
        if free is not None:  # it has to do for all processes
            refinement = replace(refinement, memory=SHARE * free / options.jobs / GIB)
    return refinement


def parse_padding(text: str) -> tuple[Side, ...]:
    """The sides that --expand names: "64", "10%" or "0,0,10%,64".

    Raises:
        InputError: if it names something else.
    """
    parts = [part.strip() for part in text.split(",")]
    are_numbers = all(re.fullmatch(r"\d+|\d+(\.\d+)?%", part) for part in parts)
    if not are_numbers or len(parts) not in (1, 4):
        raise InputError(
            "--expand takes left,top,right,bottom in pixels or percent, such as 0,0,200,10%, or one for all: "
            f"not {text or 'nothing'}"
        )
    sides: list[Side] = []
    for part in parts:
        sides.append(part if part.endswith("%") else int(part))
    if len(sides) == 1:
        sides *= 4
    return tuple(sides)


def print_note(text: str) -> None:
    """Say something beside the results."""
    print(f"note: {text}", file=sys.stderr, flush=True)
