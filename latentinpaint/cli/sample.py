"""`sample`: draw from a trained flow, fill holes with it, or carry data over."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.cli.terminal import fraction_bar
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside

if TYPE_CHECKING:
    from torch import Tensor

    from latentinpaint.flows import Flow, Sampling

SHEETS = (".png", ".webp", ".tif", ".tiff")
HOLES = ("inpaint", "sequential", "posterior")  # tasks that take a hole
NOISY = ("denoise", "posterior")  # tasks that take a noisy observation


@dataclass(kw_only=True)
class Options:
    """Sample a flow that train_flow made: new rows, filled holes, carried-over pictures.

    What a flow can do depends on its kind: generate and transport (a scheduled flow); inpaint (a mask-conditioned
    flow); generate, inpaint, sequential, denoise and posterior (a Hadamard flow). Given data, it tells the error
    inside the holes, or of the whole picture where there are none. Equal seeds give equal rows, whatever the batch
    size.

    Args:
        model: flow file, or folder of a training run.
        output: a sheet of tiles (PNG, WebP or TIFF), a plot for points (PNG), or the rows as they are (.npy).
        task: generate, transport, inpaint, sequential, denoise or posterior; by default the flow's first (transport
            where it starts from data).
        data: what is filled, carried over or observed: a folder, a sheet, or a collection's name, as in training.
        change: none, invert, rotate or mirror, made to the data.
        downloads: folder in which torchvision looks for a data set, and to which it downloads.
        mask: one picture of the flow's size, white where the hole is, for all rows.
        mask_preset: holes drawn by number and seed: patches, thin, medium, thick or training; by default what the
            flow was trained with. Without data, sequential makes whole pictures.
        num_samples: rows; by default 64, or all of the data.
        noise: deviation of the noise that is added to what is observed, pictures being in [-1, 1] (denoise,
            posterior).
        order: of the blocks, raster or morton (sequential).
        steps: solver steps, for sequential those of one block; by default the flow's own.
        solver: euler, midpoint, rk4 or dopri5; by default the flow's own.
        tolerance: of dopri5; by default the flow's own.
        epsilon: rate of the noise that is added on the way, 0 or more (Hadamard flows).
        seed: of the rows, the holes and the noise.
        batch_size: rows at once.
        compare: file for a grid of the first 16 rows beside what they were made from.
        report: file for the figures, JSON.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """

    model: str
    output: str
    task: str | None = None
    data: str | None = None
    change: str = "none"
    downloads: str = "downloads"
    mask: str | None = None
    mask_preset: str | None = None
    num_samples: int | None = None
    noise: float = 0.2
    order: str = "raster"
    steps: int | None = None
    solver: str | None = None
    tolerance: float | None = None
    epsilon: float | None = None
    seed: int = 0
    batch_size: int = 64
    compare: str | None = None
    report: str | None = None
    device: str | None = None


def run(options: Options) -> None:
    """Sample what was asked for."""
    if (options.num_samples is not None and options.num_samples < 1) or options.batch_size < 1 or options.noise <= 0:
        raise InputError("--num-samples and --batch-size start at 1, --noise is above 0")
    if options.mask is not None and options.mask_preset is not None:
        raise InputError("give --mask or --mask-preset, not both")
    _check_names(options.output, options.compare)
    from latentinpaint.device import choose_device
    from latentinpaint.weights import load_flow, read_header

    flow = load_flow(options.model).to(choose_device(options.device))
    task = _task(flow, options.task, read_header(options.model)["recipe"].get("from_noise", True))
    sampling = _sampling(flow, options)
    rows = _rows(flow, task, options)
    job = Job(flow, task, sampling, rows, _holes(flow, task, options, rows), options)
    started = time.monotonic()
    result = job.run()
    seconds = time.monotonic() - started
    _write_rows(options.output, result.made)
    count = len(result.made)
    print(f"{task}: {count} rows, {result.evaluations} network evaluations a row, {seconds:.1f} s: {options.output}")
    errors = job.tell_errors(result)
    if options.compare is not None:
        _write_comparison(options.compare, result)
        print(f"side by side: {options.compare}")
    if options.report is not None:
        figures = {"task": task, "rows": count, "evaluations": result.evaluations, "seconds": seconds}
        figures |= {**_acting(flow, sampling), "seed": options.seed, **errors}
        with write_beside(options.report) as temporary:
            temporary.write_text(json.dumps(figures, indent=1))


def _task(flow: "Flow", task: str | None, from_noise: bool) -> str:
    """The task, by default the flow's first that fits its source."""
    if task is None:
        return next(ability for ability in flow.abilities if from_noise or ability != "generate")
    if task == "generate" and not from_noise:
        raise InputError("this flow starts from data, not from noise: take --task transport with --data")
    if task not in flow.abilities:
        raise InputError(f"this flow does not {task}: it can {', '.join(flow.abilities)}")
    return task


def _sampling(flow: "Flow", options: Options) -> "Sampling":
    """The flow's own sampling with what was asked for; a setting that would have no effect is refused."""
    from latentinpaint.flows import HadamardFlow
    from latentinpaint.interpolants import SOLVERS

    asked = {name: getattr(options, name) for name in ("solver", "steps", "tolerance", "epsilon")}
    asked = {name: value for name, value in asked.items() if value is not None}
    if "epsilon" in asked and not isinstance(flow, HadamardFlow):
        raise InputError("--epsilon is for Hadamard flows: leave it out")
    chosen = SOLVERS.get(asked.get("solver", flow.sampling.solver))
    if chosen is not None and chosen.adaptive and "steps" in asked:
        raise InputError("dopri5 chooses its own steps: leave --steps out or take --solver euler, midpoint or rk4")
    if chosen is not None and not chosen.adaptive and "tolerance" in asked:
        raise InputError("--tolerance is dopri5's: leave it out or take --solver dopri5")
    return replace(flow.sampling, **asked)


def _acting(flow: "Flow", sampling: "Sampling") -> dict[str, object]:
    """The settings that had an effect."""
    from latentinpaint.flows import HadamardFlow
    from latentinpaint.interpolants import SOLVERS

    adaptive = SOLVERS[sampling.solver].adaptive
    acting = {"solver": sampling.solver}
    acting |= {"tolerance": sampling.tolerance} if adaptive else {"steps": sampling.steps}
    return acting | ({"epsilon": sampling.epsilon} if isinstance(flow, HadamardFlow) else {})


@dataclass(frozen=True, eq=False)
class Made:
    """Rows (N, *shape) that were made, what they were made from, and the truth where there is one."""

    made: "Tensor"
    seen: "Tensor | None"
    truth: "Tensor | None"
    evaluations: int


@dataclass(frozen=True, eq=False)
class Job:
    """What is asked of a flow, row by row: its rows, their holes where the task has any."""

    flow: "Flow"
    task: str
    sampling: "Sampling"
    rows: "Tensor"
    holes: "Tensor | None"
    options: Options

    def run(self) -> Made:
        import torch

        batch_size, has_truth = self.options.batch_size, self.options.data is not None
        made, seen, evaluations = [], [], 0
        with fraction_bar(self.task) as told:
            count = -(-len(self.rows) // batch_size)
            for number in range(count):
                part = slice(number * batch_size, (number + 1) * batch_size)
                run, view = self._batch(part, lambda done, n=number: told((n + done) / count))
                made.append(run.x.cpu())
                seen.append(view.cpu())
                evaluations = max(evaluations, run.nfe)
        shown = torch.cat(seen) if has_truth else None
        return Made(torch.cat(made), shown, self.rows if has_truth else None, evaluations)

    def tell_errors(self, result: Made) -> dict[str, float | int | None]:
        """Tell the error of pictures that have a truth; answers the figures, none where there is none."""
        from latentinpaint.data.distributions import from_range
        from latentinpaint.metrics.pixels import squared_errors

        if result.truth is None or self.task == "transport" or result.made.ndim != 4:
            return {}
        errors = squared_errors(from_range(result.made), from_range(result.truth), self.holes)
        where = "inside the holes" if self.holes is not None else "of the pictures"
        exact = f" ({errors['infinite']} are exact and left out)" if errors["infinite"] else ""
        psnr = "–" if errors["psnr"] is None else f"{errors['psnr']:.2f} dB{exact}"
        print(f"{where}: PSNR {psnr}, mean squared error {errors['mse']:.5f} (pictures in [0, 1])")
        return errors

    def _batch(self, part: slice, progress: object) -> tuple:
        """One batch's trajectory, and what its rows were made from."""
        import torch

        from latentinpaint.randomness import draw_normal, numbered_generator

        numbers, seed, noise = range(len(self.rows))[part], self.options.seed, self.options.noise
        generators = [numbered_generator(seed, n) for n in numbers]
        like = next(self.flow.parameters())
        rows = self.rows[part].to(like)
        settings = {"sampling": self.sampling, "progress": progress}
        if self.task == "transport":
            return self.flow.transport(rows, **settings), rows
        settings["generator"] = generators
        if self.task == "generate":
            return self.flow.generate(len(rows), **settings), rows
        observed = rows
        if self.task in NOISY:
            # Noise of its own: the sampler's must not be what was added to the data.
            extra = [numbered_generator(seed + 2**31, n) for n in numbers]
            observed = rows + noise * draw_normal(rows, extra)
        if self.task == "denoise":
            return self.flow.denoise(observed, noise, **settings), observed
        hole = self.holes[part].to(like)
        view = torch.where(hole > 0, torch.zeros_like(rows), observed)
        if self.task == "posterior":
            return self.flow.posterior(observed, hole, noise, **settings), view
        if self.task == "sequential":
            settings["order"] = self.options.order
        return getattr(self.flow, self.task)(rows, hole, **settings), view


def _check_names(output: str, compare: str | None) -> None:
    if Path(output).suffix.lower() not in (*SHEETS, ".npy"):
        raise InputError(f"--output ends in .png, .webp, .tif or .npy, not like {Path(output).name}")
    if compare is not None and Path(compare).suffix.lower() not in SHEETS:
        raise InputError(f"--compare ends in .png, .webp or .tif, not like {Path(compare).name}")


def _rows(flow: "Flow", task: str, options: Options) -> "Tensor":
    """The rows that a task starts from; of nothing but the right shape for those that start from noise alone."""
    import torch

    from latentinpaint.data.distributions import Pictures, open_collection
    from latentinpaint.randomness import numbered_generator

    data, count = options.data, options.num_samples
    if task == "generate" or (task == "sequential" and data is None):
        if data is not None:
            raise InputError("generate starts from noise: leave --data out")
        return torch.zeros(count or 64, *flow.shape)
    if data is None:
        raise InputError(f"{task} needs --data: a folder, a sheet or a collection's name")
    channels, size = (flow.shape[0], flow.shape[-1]) if len(flow.shape) == 3 else (3, 32)
    found = open_collection(data, size, channels, options.change, downloads=options.downloads, train=False)
    if found.shape != flow.shape:
        raise InputError(f"the flow takes rows of {flow.shape}, the data have {found.shape}")
    if isinstance(found, Pictures):
        return found.first(count)
    return found.draw(count or 64, numbered_generator(options.seed, 0))


def _holes(flow: "Flow", task: str, options: Options, rows: "Tensor") -> "Tensor | None":
    """Holes (N, 1, H, W) of the rows, None for tasks without."""
    import torch

    from latentinpaint.data.masks import mask_preset
    from latentinpaint.images.image_files import read_mask
    from latentinpaint.randomness import numbered_generator

    mask, preset = options.mask, options.mask_preset
    if task not in HOLES:
        if mask is not None or preset is not None:
            raise InputError(f"{task} takes no hole: leave the mask out")
        return None
    if options.data is None:
        if mask is not None or preset is not None:
            raise InputError(f"a hole needs pictures to be in: give {task} --data, or leave the mask out")
        return torch.ones(len(rows), 1, *flow.shape[1:])
    height, width = flow.shape[1:]
    if mask is not None:
        hole = torch.from_numpy(read_mask(mask)).float()
        if not hole.any():
            raise InputError(f"the mask {mask} has no hole: white is the hole")
        if hole.shape != (height, width):
            raise InputError(
                f"the mask {mask} is {hole.shape[1]} x {hole.shape[0]}, the flow's are {width} x {height}"
            )
        return hole.expand(len(rows), 1, height, width)
    masks = flow.masks if preset is None else mask_preset(preset, min(height, width))
    return torch.stack([masks(height, width, numbered_generator(-1 - options.seed, n)) for n in range(len(rows))])


def _write_rows(output: str, rows: "Tensor") -> None:
    import numpy as np

    from latentinpaint.visualization.flows import draw_rows, draw_sheet

    with write_beside(output) as temporary:
        if temporary.suffix.lower() == ".npy":
            with temporary.open("wb") as file:  # a name alone would be given another ending
                np.save(file, rows.numpy())
        else:
            _save(draw_sheet(rows) if rows.ndim == 4 else draw_rows({"samples": rows}), temporary)


def _write_comparison(path: str, result: Made) -> None:
    from latentinpaint.visualization.flows import draw_rows

    columns = {"seen": result.seen, "made": result.made, "data": result.truth}
    if result.truth is not None and result.seen.equal(result.truth):  # carried over, not damaged
        del columns["data"]
    shown = 16 if result.made.ndim == 4 else None
    with write_beside(path) as temporary:
        _save(draw_rows({name: rows[:shown] for name, rows in columns.items() if rows is not None}), temporary)


def _save(picture: object, path: Path) -> None:
    picture.save(path, **({"lossless": True} if path.suffix.lower() == ".webp" else {}))
