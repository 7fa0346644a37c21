"""How `inpaint` runs: its options to tasks, and what it prints; imported once the options are read."""

import itertools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from latentinpaint.batch.folder_plan import FillTask, FolderNames, FolderOptions, FolderPlan
from latentinpaint.batch.output_names import FORMATS, numbered_paths
from latentinpaint.batch.ray_run import run_tasks_on_ray
from latentinpaint.batch.run import FolderSummary, run_tasks, select_tasks
from latentinpaint.batch.task import TaskOptions, TaskResult, fill_files
from latentinpaint.cli.dispatch import quieten
from latentinpaint.cli.engines import check_engine
from latentinpaint.cli.inpaint_options import Options
from latentinpaint.cli.terminal import named_bar
from latentinpaint.doctor import ArgumentNames
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.errors import InputError, check_counts, check_has_hole, choose, count_of, printable
from latentinpaint.images.image_files import binary_mask, read_picture
from latentinpaint.images.image_format import JPEG, format_of
from latentinpaint.inference.feature_refinement import SHARE, Refinement
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Side
from latentinpaint.inpainter import Inpainter
from latentinpaint.model_paths import pipeline_file
from latentinpaint.runtime.addresses import address, is_address, list_addresses
from latentinpaint.runtime.device import GIB, free_memory
from latentinpaint.runtime.ray_cluster import connected

NAMES = FolderNames("--indir", "--outdir", "--maskdir", "--mask", "--format", "--limit", "--jobs", "--crop")
MASK_NAMES = ArgumentNames(invert_mask="--invert-mask", ignore_problems="--ignore-problems")
TEXTURES = {"auto": None, "on": True, "off": False}


def run_single(options: Options, image: Path, output: Path) -> int:
    """Fill one picture; returns the exit status."""
    _check_options(options)
    task = _single_task(options, image, output)
    if task.mask is not None:
        _check_mask(task.mask, options)  # before the model is loaded
    task_options = _task_options(options, live=True)
    for message in fill_files(_load(options), task, task_options):
        print(message, file=sys.stderr)
    return 0


def run_folder(options: Options, indir: Path, outdir: Path) -> int:
    """Fill the pictures of a folder; returns the exit status."""
    _check_options(options)
    plan = _plan(options, indir, outdir)
    task_options = _task_options(options, live=False)
    summary = FolderSummary.of_plan(plan)
    there = None
    if is_address(outdir):
        there = list_addresses(outdir)
    tasks = select_tasks(plan, summary, options.overwrite, options.limit, task_options.expand, there)
    try:
        if options.engine == "ray":
            _run_on_ray(options, plan, tasks, task_options, summary, outdir)
        elif tasks:
            _run_tasks(options, tasks, task_options, summary)
    except InputError:
        if summary.num_filled:
            _print_summary(summary)
        raise
    except KeyboardInterrupt:
        _print_summary(summary)
        raise
    _print_summary(summary)
    return 1 if summary.failures else 0


def _check_options(options: Options) -> None:
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


def _single_task(options: Options, image: Path, output: Path) -> FillTask:
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
    return task


def _plan(options: Options, indir: Path, outdir: Path) -> FolderPlan:
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


def _task_options(options: Options, live: bool) -> TaskOptions:
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
        refinement = replace(refinement, progress=_print_note, warn=_print_note)
    if options.memory is None and options.engine == "ray":
        raise InputError("--refine with --engine ray needs --memory, the GiB that each worker may take")
    if options.memory is None and options.jobs is not None and options.jobs > 1:
        free = free_memory(torch.device("cpu"))
        if free is not None:  # it has to do for all processes
            refinement = replace(refinement, memory=SHARE * free / options.jobs / GIB)
    return refinement


def _load(options: Options) -> Inpainter:
    """The model; options that have no effect on it are warned of."""
    inpainter = Inpainter.from_pretrained(options.model, options.device, options.precision)
    refiner = inpainter.pipeline.refiner
    if options.num_samples > 1 and not refiner.stochastic:
        _print_warning("--num-samples: this model computes one fill for a hole, all samples are equal")
    if options.steps is not None and not refiner.integrates:
        _print_warning("--steps has no effect: this model computes its fill in one pass")
    return inpainter


def _load_in_worker(model: str | Path, device: str | None, precision: str) -> Inpainter:
    """The model in a process of its own."""
    quieten()
    return Inpainter.from_pretrained(model, device, precision)


def _run_tasks(options: Options, tasks: list[FillTask], task_options: TaskOptions, summary: FolderSummary) -> None:
    inpainter = _load(options)  # before any process starts, so that a wrong model is reported once
    processes = min(options.jobs or 1, len(tasks))
    if processes > 1 and inpainter.device.type != "cpu":
        raise InputError("--jobs shares out work on a processor: leave it at 1, or add --device cpu")
    threads = max(1, torch.get_num_threads() // processes)
    with _progress(len(tasks)) as (start, end):

        def load() -> Inpainter:
            return inpainter

        if processes == 1:
            run_tasks(load, tasks, task_options, summary, start, end)
            return
        load_in_worker = partial(_load_in_worker, pipeline_file(options.model), "cpu", options.precision)
        run_tasks(load_in_worker, tasks, task_options, summary, start, end, processes, threads)


def _run_on_ray(
    options: Options,
    plan: FolderPlan,
    tasks: list[FillTask],
    task_options: TaskOptions,
    summary: FolderSummary,
    outdir: Path,
) -> None:
    if tasks:
        _load(replace(options, device="cpu"))  # so that a wrong model is reported before any worker begins
    with connected(options.ray_address, options.jobs, options.device, "--jobs") as cluster:
        load = partial(_load_in_worker, options.model, cluster.device, options.precision)
        with _progress(len(tasks)) as (_, end):
            run_tasks_on_ray(cluster, load, plan, tasks, task_options, summary, outdir, end)


@contextmanager
def _progress(count: int) -> Iterator[tuple[Callable[[FillTask], None], Callable[[FillTask, TaskResult], None]]]:
    """What to call when a task starts and when it ends: a bar on a terminal, else a line for each."""
    numbers = itertools.count(1)
    with named_bar(count) as bar:

        def start(task: FillTask) -> None:
            bar.begin(printable(task.image.name))

        def end(task: FillTask, result: TaskResult) -> None:
            bar.done()
            outcome = printable(address(task.outputs[0]))
            if result.reason is not None:
                outcome = f"{printable(address(task.image))}: not filled"
            if not sys.stdout.isatty():
                print(f"{next(numbers)}/{count} {outcome}", flush=True)

        yield start, end


def _print_summary(summary: FolderSummary) -> None:
    for line in summary.notes(NAMES):
        print(line, file=sys.stderr)
    print(summary.counts(NAMES), flush=True)
    if summary.failures:
        print(f"latentinpaint inpaint: {count_of(len(summary.failures), 'file')} could not be used:", file=sys.stderr)
    for line in summary.failure_lines():
        print(f"  {line}", file=sys.stderr)


def _print_note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def _print_warning(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


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
