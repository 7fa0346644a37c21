"""What a flow does, drawn: samples side by side, paths through the plane, and the variance along the way."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.files import write_bytes
from latentinpaint.flows import Flow, ScheduledFlow
from latentinpaint.flows.path_search import PathStates
from latentinpaint.flows.session import SessionResult
from latentinpaint.images.image_files import write_image
from latentinpaint.visualization.canvas import as_picture, canvas
from latentinpaint.visualization.grid import picture_grid

MAX_DOWN = 8  # samples under each other: more stand in blocks side by side
MIN_SIDE = 64  # pixels: smaller pictures are enlarged to at least this
MAX_COMPARED = 16  # pictures in a comparison


def draw_side_by_side(columns: dict[str, Tensor]) -> Image.Image:
    """Named samples side by side: points (B, 2) as clouds, paths (B, 2, L, 1) as lines, pictures (B, C, H, W) in
    [-1, 1] as a grid.

    More than eight samples stand in blocks side by side.
    """
    samples = next(iter(columns.values()))
    if samples.ndim == 2:
        return _draw_clouds(columns)
    if _are_paths(samples):
        return _draw_lines(columns)
    enlarged = list(map(_enlarged, columns.values()))
    count = len(enlarged[0])
    down = min(count, MAX_DOWN)
    blocks = math.ceil(count / down)
    blank = torch.ones_like(enlarged[0][0])
    rows = []
    for first in range(down):
        row = []
        for number in range(first, blocks * down, down):
            for pictures in enlarged:
                row.append(pictures[number] if number < count else blank)
        rows.append(row)
    return picture_grid(rows, list(columns) * blocks)


def draw_sheet(samples: Tensor, across: int | None = None) -> Image.Image:
    """Pictures (B, C, H, W) in [-1, 1] as one sheet of tiles without gaps, `across` side by side."""
    count, channels, height, width = samples.shape
    across = across or min(count, max(1, round(count**0.5)))
    down = math.ceil(count / across)
    values = ((samples.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    sheet = np.zeros((down * across, height, width, channels), np.uint8)
    sheet[:count] = values.permute(0, 2, 3, 1).numpy()
    sheet = sheet.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(down * height, across * width, channels)
    return Image.fromarray(sheet[..., 0] if channels == 1 else sheet)


def draw_paths(paths: Sequence[PathStates], times: Sequence[float]) -> Image.Image:
    """Paths under each other: of each its clocks, white where an entry is noise, and below them its states.

    Args:
        paths: of one flow, at equal times.
        times: T of them, that head the columns.
    """
    rows: list[Sequence[Tensor]] = []
    for path in paths:
        rows += map(_enlarged, [2 * path.clocks - 1, *path.states.transpose(0, 1)])
    return picture_grid(rows, list(map("{:.2f}".format, times)))


def write_samples(path: str | Path, samples: Tensor) -> None:
    """Write samples (B, *shape) as they are to a .npy file; else a sheet of pictures or a plot of points."""
    if Path(path).suffix.lower() == ".npy":
        encoded = io.BytesIO()
        np.save(encoded, samples.numpy())
        write_bytes(path, encoded.getvalue())
    elif samples.ndim == 4 and not _are_paths(samples):
        _write(draw_sheet(samples), path)
    else:
        _write(draw_side_by_side({"samples": samples}), path)


def write_comparison(path: str | Path, result: SessionResult) -> None:
    """Write the first samples of a session beside what they were made from."""
    columns = {"made": result.samples}
    if result.view is not None and result.data is not None:
        columns = {"seen": result.view, "made": result.samples}
        if not result.view.equal(result.data):  # damaged, not carried over
            columns["data"] = result.data
    if result.samples.ndim == 4:
        columns = {name: samples[:MAX_COMPARED] for name, samples in columns.items()}
    _write(draw_side_by_side(columns), path)


@torch.no_grad()
def training_sheets(flow: Flow, source: Tensor, target: Tensor) -> dict[str, Image.Image]:
    """What is drawn once a flow is trained, by name: its samples; and along a schedule the variance on the way and,
    for points, the trajectories.

    Args:
        flow: the trained flow.
        source, target: (B, *shape), held back.
    """
    preview = flow.preview(source, target, torch.Generator().manual_seed(0))
    sheets = {"samples": draw_side_by_side(preview)}
    if isinstance(flow, ScheduledFlow):
        times = torch.linspace(0, 1, 21)
        states = flow.trajectory(source, times)
        sheets["variance"] = draw_variance(times, *variances(flow, states, source, target, times))
        if source.ndim == 2:
            sheets["trajectories"] = draw_trajectories(states[:, :200], target)
    return sheets


def variances(
    flow: ScheduledFlow, states: Tensor, source: Tensor, target: Tensor, times: Tensor
) -> tuple[Tensor, Tensor]:
    """Variance of an entry at every time, along the flow and in theory.

    In theory it is ``alpha^2 Var(x_0) + beta^2 Var(x_1)``, for independent endpoints.

    Args:
        flow: whose schedule it is.
        states: (T, B, *shape), where the flow was at the times.
        source, target: (B, *shape), whose variances are those of the endpoints.
        times: (T,).
    """
    measured = states.var(dim=1).flatten(1).mean(dim=1)
    schedule = flow.path.schedule
    source_part = schedule.alpha(times) ** 2 * source.var(dim=0).mean()
    target_part = schedule.beta(times) ** 2 * target.var(dim=0).mean()
    return measured, source_part + target_part


def draw_variance(times: Tensor, measured: Tensor, theory: Tensor) -> Image.Image:
    """Both variances (T,) over the time."""
    with canvas(5.0, 3.6) as (figure, (axis,)):
        axis.plot(times, theory, color="black", label="theory: α² Var(x₀) + β² Var(x₁)")
        axis.plot(times, measured, "o", color="tab:red", label="along the flow")
        top = 1.25 * float(torch.cat([theory, measured]).max())
        axis.set(xlabel="time t", ylabel="variance of an entry", ylim=(0, top))
        axis.legend(frameon=False)
        return as_picture(figure)


def draw_trajectories(states: Tensor, target: Tensor) -> Image.Image:
    """Paths (T, B, 2) through the plane, from grey to red, over the target's points (N, 2)."""
    with canvas(5.0, 5.0) as (figure, (axis,)):
        axis.scatter(target[:, 0], target[:, 1], s=3, color="tab:blue", alpha=0.3, linewidths=0, label="target")
        for path in states.transpose(0, 1):
            axis.plot(*path.T, color="grey", linewidth=0.5, alpha=0.6)
        axis.scatter(states[0, :, 0], states[0, :, 1], s=6, color="black", linewidths=0, label="source")
        axis.scatter(states[-1, :, 0], states[-1, :, 1], s=8, color="tab:red", linewidths=0, label="carried over")
        axis.set_aspect("equal")
        axis.legend(frameon=False, markerscale=2)
        return as_picture(figure)


def _draw_clouds(columns: dict[str, Tensor]) -> Image.Image:
    """Points (B, 2) of every column on axes of its own, all of one range."""
    clouds = {name: points.detach().float().cpu() for name, points in columns.items()}
    everything = torch.cat(list(clouds.values()))
    low = everything.quantile(0.001, dim=0)
    high = everything.quantile(0.999, dim=0)
    margin = 0.1 * (high - low)
    left, bottom = (low - margin).tolist()
    right, top = (high + margin).tolist()
    with canvas(3.2 * len(clouds), 3.4, columns=len(clouds)) as (figure, axes):
        for axis, (name, points) in zip(axes, clouds.items(), strict=True):
            axis.scatter(points[:, 0], points[:, 1], s=3, alpha=0.5, linewidths=0)
            axis.set(title=name, xlim=(left, right), ylim=(bottom, top))
            axis.set_aspect("equal")
        return as_picture(figure)


def _are_paths(samples: Tensor) -> bool:
    """Whether samples (B, C, H, W) are paths through the plane: two coordinates and one column of points."""
    return samples.ndim == 4 and samples.shape[1] == 2 and samples.shape[3] == 1


def _draw_lines(columns: dict[str, Tensor]) -> Image.Image:
    """Paths (B, 2, L, 1) of every column on axes of its own, all of one range, a dot where each begins; points that
    are not a number are left out."""
    farthest = float(torch.cat(list(columns.values())).abs().nanquantile(0.999))
    with canvas(3.2 * len(columns), 3.4, columns=len(columns)) as (figure, axes):
        for axis, (name, paths) in zip(axes, columns.items(), strict=True):
            for path in paths.detach().float().cpu()[..., 0]:
                (drawn,) = axis.plot(*path, marker=".", markersize=2, linewidth=0.8)
                axis.plot(*path[:, 0], "o", markersize=3, color=drawn.get_color())
            axis.set(title=name, xlim=(-farthest, farthest), ylim=(-farthest, farthest))
            axis.set_aspect("equal")
        return as_picture(figure)


def _enlarged(samples: Tensor) -> Sequence[Tensor]:
    """Pictures (B, C, H, W) in [-1, 1] as RGB in [0, 1], every pixel a square if they are small."""
    values = ((samples.detach().float().cpu() + 1) / 2).clamp(0, 1).expand(-1, 3, -1, -1)
    factor = math.ceil(MIN_SIDE / values.shape[-1])
    return list(values.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2))


def _write(picture: Image.Image, path: str | Path) -> None:
    if Path(path).suffix.lower() == ".webp":
        write_image(picture, path, lossless=True)
    else:
        write_image(picture, path)
