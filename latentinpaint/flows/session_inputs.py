"""What a session starts from, checked: the task and its settings, data, channels, reward and holes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentinpaint.data.distributions import Fields, Pictures, open_collection
from latentinpaint.data.mask_generators import MaskGenerator
from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError, choose
from latentinpaint.flows.base import Flow, SamplerConfig
from latentinpaint.flows.multichannel import read_channels
from latentinpaint.flows.sampling_tasks import TASKS
from latentinpaint.images.image_files import read_mask
from latentinpaint.interpolants import SOLVERS
from latentinpaint.runtime.randomness import numbered_generator


@dataclass(frozen=True)
class SessionNames:
    """What messages call the caller's arguments, by the names of the functions of this module."""

    task: str = "task"
    data: str = "data"
    mask: str = "mask"
    preset: str = "preset"
    solver: str = "solver"
    steps: str = "steps"
    tolerance: str = "tolerance"
    epsilon: str = "epsilon"
    channels: str = "channels"
    shared_steps: str = "shared_steps"
    quadratic: str = "quadratic"
    linear: str = "linear"


DEFAULT_NAMES = SessionNames()
DEFAULT_COUNT = 64  # samples, where neither a number nor a folder of pictures says how many


def find_task(flow: Flow, task: str | None, from_noise: bool, names: SessionNames = DEFAULT_NAMES) -> str:
    """The task, by default the flow's first that fits its source.

    Args:
        flow: what is sampled.
        task: a key of `TASKS`, or None.
        from_noise: whether the flow was trained to start from noise.
        names: what messages call the caller's arguments.

    Raises:
        InputError: if the flow cannot do it.
    """
    if task is None:
        return next(name for name in flow.tasks if from_noise or name != "generate")
    if task == "generate" and not from_noise:
        raise InputError(f"this flow starts from data, not from noise: give {names.task} transport, and {names.data}")
    if task not in flow.tasks:
        raise InputError(f"this flow does not {task}: {names.task} is one of {', '.join(flow.tasks)}")
    return task


def sampler_config(
    flow: Flow,
    solver: str | None = None,
    steps: int | None = None,
    tolerance: float | None = None,
    epsilon: float | None = None,
    shared_steps: bool = False,
    names: SessionNames = DEFAULT_NAMES,
) -> SamplerConfig:
    """The flow's own settings with those that are given; see `SamplerConfig`.

    Raises:
        InputError: if a setting would have no effect, or the flow cannot be sampled with the solver.
    """
    given = {"solver": solver, "steps": steps, "tolerance": tolerance, "epsilon": epsilon}
    changes = {name: value for name, value in given.items() if value is not None}
    if epsilon is not None and not flow.accepts_epsilon:
        raise InputError(f"{names.epsilon} is for Hadamard and multichannel flows: leave it out")
    if solver is not None:
        choose(flow.solvers, solver, "solver")
    method = SOLVERS.get(solver or flow.sampler.solver)
    adaptive = method is not None and method.adaptive
    if adaptive and steps is not None:
        raise InputError(
            f"dopri5 chooses its own steps: leave {names.steps} out, or give {names.solver} euler, midpoint or rk4"
        )
    if not adaptive and tolerance is not None:
        raise InputError(f"{names.tolerance} is dopri5's: leave it out, or give {names.solver} dopri5")
    if not adaptive and shared_steps:
        raise InputError(f"{names.shared_steps} is dopri5's: leave it out, or give {names.solver} dopri5")
    return replace(flow.sampler, shared_steps=shared_steps, **changes)  # type: ignore[arg-type]  # each value is of its field's type


def load_samples(
    flow: Flow,
    task: str,
    data: str | None,
    count: int | None = None,
    change: str = "none",
    downloads: str = "downloads",
    seed: int = 0,
    names: SessionNames = DEFAULT_NAMES,
) -> Tensor:
    """The samples (N, *shape) that a task starts from; zeros for those that start from noise alone.

    Args:
        flow: what is sampled.
        task: a key of `TASKS`.
        data: name of a collection, see `open_collection`; None is noise alone.
        count: N; None is all pictures, or `DEFAULT_COUNT`.
        change, downloads: see `open_collection`.
        seed: of the samples of collections that are drawn at random.
        names: what messages call the caller's arguments.

    Raises:
        InputError: if the task needs data, or takes none; if the data have another shape than the flow's.
    """
    if data is None:
        if TASKS[task].needs_data:
            raise InputError(f"{task} needs {names.data}: a folder, a sheet or a collection's name")
        return torch.zeros(count or DEFAULT_COUNT, *flow.shape)
    if not TASKS[task].accepts_data:
        raise InputError(f"{task} starts from noise: leave {names.data} out")
    if len(flow.shape) == 3 and flow.shape[2] == 1:
        raise InputError(f"this flow makes paths, and plan is the command for points of them: leave {names.data} out")
    channels, size = 3, 32
    if len(flow.shape) == 3:
        channels, _, size = flow.shape
    collection = open_collection(data, size, channels, change, downloads=downloads, train=False)
    if collection.shape != flow.shape:
        raise InputError(f"the flow takes samples of {flow.shape}, the data have {collection.shape}")
    if isinstance(collection, Pictures | Fields):
        return collection.first(count)
    return collection.draw(count or DEFAULT_COUNT, numbered_generator(seed, 0))


def load_channels(task: str, words: Sequence[str] | None, names: SessionNames = DEFAULT_NAMES) -> dict[str, float]:
    """The amounts of the channels that damage what a task starts from, none for tasks without.

    Args:
        task: a key of `TASKS`.
        words: such as ``blur=0.8``.
        names: what messages call the caller's arguments.

    Raises:
        InputError: if the task takes no channels, or needs some; if a word is not of that form.
    """
    if not TASKS[task].takes_channels:
        if words:
            raise InputError(f"{task} takes no channels: leave {names.channels} out")
        return {}
    if not words:
        raise InputError(f"{task} needs the channels that are damaged: give {names.channels}, such as noise=0.2")
    return read_channels(words)


def load_reward(
    task: str, quadratic: float | None, linear: float | None, names: SessionNames = DEFAULT_NAMES
) -> tuple[float, float]:
    """The numbers A and b of a reward, 0 where they are not given.

    Raises:
        InputError: if the task takes no reward and one is given, or needs one.
    """
    is_given = quadratic is not None or linear is not None
    if is_given != TASKS[task].takes_reward:
        both = f"{names.quadratic} and {names.linear}"
        if is_given:
            raise InputError(f"{task} takes no reward: leave {both} out")
        raise InputError(f"{task} needs a reward: give {names.quadratic}, {names.linear} or both")
    return quadratic or 0.0, linear or 0.0


def load_holes(
    flow: Flow,
    task: str,
    count: int,
    has_data: bool,
    mask: str | None = None,
    preset: str | None = None,
    seed: int = 0,
    names: SessionNames = DEFAULT_NAMES,
) -> Tensor | None:
    """Holes (N, 1, H, W) of the samples, None for tasks without.

    Args:
        flow: what is sampled.
        task: a key of `TASKS`.
        count: N.
        has_data: whether the samples are data; else the holes are everywhere.
        mask: file of one hole for all samples.
        preset: of holes that are drawn, see `data.masks.mask_preset`; None draws those the flow was trained with.
        seed: of the holes that are drawn.
        names: what messages call the caller's arguments.

    Raises:
        InputError: if a hole is given where there can be none, or it does not fit the flow.
    """
    is_given = mask is not None or preset is not None
    name = names.preset if mask is None else names.mask
    if not TASKS[task].takes_hole:
        if is_given:
            raise InputError(f"{task} takes no hole: leave {name} out")
        return None
    height, width = flow.shape[1:]
    if not has_data:
        if is_given:
            raise InputError(f"a hole needs pictures to be in: give {names.data} to {task}, or leave {name} out")
        return torch.ones(count, 1, height, width)
    if mask is not None:
        return _read_hole(mask, height, width).expand(count, 1, height, width)
    masks = flow.masks if preset is None else mask_preset(preset, min(height, width))
    assert isinstance(masks, MaskGenerator)
    return torch.stack([masks(height, width, numbered_generator(-1 - seed, number)) for number in range(count)])


def _read_hole(path: str, height: int, width: int) -> Tensor:
    """The hole (H, W) of a mask file of the flow's size."""
    hole = torch.from_numpy(read_mask(path)).float()
    if not hole.any():
        raise InputError(f"the mask {path} has no hole: white is the hole")
    if hole.shape != (height, width):
        raise InputError(f"the mask {path} is {hole.shape[1]} x {hole.shape[0]}, the flow's are {width} x {height}")
    return hole
