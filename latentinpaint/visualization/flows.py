"""What a flow does, drawn: rows side by side, paths through the plane, and the variance along the way."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.flows import Flow, ScheduledFlow
from latentinpaint.visualization.grid import picture_grid

SHOWN_DOWN = 8  # rows under each other: more stand in blocks side by side
SHOWN_SIDE = 64  # pixels: smaller pictures are enlarged to at least this


def draw_rows(columns: dict[str, Tensor]) -> Image.Image:
    """Named rows side by side: points (B, 2) as clouds, pictures (B, C, H, W) in [-1, 1] as a grid.

    More than eight rows stand in blocks side by side.
    """
    if next(iter(columns.values())).ndim == 2:
        return _clouds(columns)
    shown = list(zip(*(_enlarged(rows) for rows in columns.values()), strict=True))
    down = min(len(shown), SHOWN_DOWN)
    blocks = -(-len(shown) // down)
    blank = (torch.ones_like(shown[0][0]),) * len(columns)
    shown += [blank] * (blocks * down - len(shown))
    rows = [sum((shown[block * down + row] for block in range(blocks)), ()) for row in range(down)]
    return picture_grid(rows, list(columns) * blocks)


def draw_sheet(rows: Tensor, across: int | None = None) -> Image.Image:
    """Pictures (B, C, H, W) in [-1, 1] as one sheet of tiles without gaps, `across` side by side."""
    across = across or min(len(rows), max(1, round(len(rows) ** 0.5)))
    tiles = ((rows.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    tiles = tiles.permute(0, 2, 3, 1).numpy()
    count, height, width, channels = tiles.shape
    down = -(-count // across)
    sheet = np.zeros((down * across, height, width, channels), np.uint8)
    sheet[:count] = tiles
    sheet = sheet.reshape(down, across, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(down * height, across * width, channels)
    return Image.fromarray(sheet[..., 0] if channels == 1 else sheet)


@torch.no_grad()
def report(flow: Flow, source: Tensor, target: Tensor) -> dict[str, Image.Image]:
    """What is drawn once a flow is trained, by name: its samples; and along a schedule the variance on the way and,
    for points, the trajectories.

    Args:
        flow: the trained flow.
        source, target: (B, *shape), held back.
    """
    sheets = {"samples": draw_rows(flow.show(source, target, torch.Generator().manual_seed(0)))}
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

    In theory it is ``alpha^2 Var(x_0) + beta^2 Var(x_1)``, for independent ends.

    Args:
        flow: whose schedule it is.
        states: (T, B, *shape), where the flow was at the times.
        source, target: (B, *shape), whose variances are the ends'.
        times: (T,).
    """
    measured = states.var(dim=1).flatten(1).mean(dim=1)
    schedule = flow.path.schedule
    ends = source.var(dim=0).mean(), target.var(dim=0).mean()
    return measured, schedule.alpha(times) ** 2 * ends[0] + schedule.beta(times) ** 2 * ends[1]


def draw_variance(times: Tensor, measured: Tensor, theory: Tensor) -> Image.Image:
    """Both variances (T,) over the time."""
    with _Figure(1, 5.0, 3.6) as (figure, (axis,)):
        axis.plot(times, theory, color="black", label="theory: α² Var(x₀) + β² Var(x₁)")
        axis.plot(times, measured, "o", color="tab:red", label="along the flow")
        top = 1.25 * float(torch.cat([theory, measured]).max())
        axis.set(xlabel="time t", ylabel="variance of an entry", ylim=(0, top))
        axis.legend(frameon=False)
        return _picture(figure)


def draw_trajectories(states: Tensor, target: Tensor) -> Image.Image:
    """Paths (T, B, 2) through the plane, from grey to red, over the target's points (N, 2)."""
    with _Figure(1, 5.0, 5.0) as (figure, (axis,)):
        axis.scatter(*target.T, s=3, color="tab:blue", alpha=0.3, linewidths=0, label="target")
        for path in states.transpose(0, 1):
            axis.plot(*path.T, color="grey", linewidth=0.5, alpha=0.6)
        axis.scatter(*states[0].T, s=6, color="black", linewidths=0, label="source")
        axis.scatter(*states[-1].T, s=8, color="tab:red", linewidths=0, label="carried over")
        axis.set_aspect("equal")
        axis.legend(frameon=False, markerscale=2)
        return _picture(figure)


def _clouds(columns: dict[str, Tensor]) -> Image.Image:
    points = {name: rows.detach().float().cpu() for name, rows in columns.items()}
    everything = torch.cat(list(points.values()))
    low, high = (everything.quantile(q, dim=0) for q in (0.001, 0.999))
    margin = 0.1 * (high - low)
    with _Figure(len(points), 3.2, 3.4) as (figure, axes):
        for axis, (name, rows) in zip(axes, points.items(), strict=True):
            axis.scatter(*rows.T, s=3, alpha=0.5, linewidths=0)
            axis.set(title=name, xlim=_pair(low, high, margin, 0), ylim=_pair(low, high, margin, 1))
            axis.set_aspect("equal")
        return _picture(figure)


def _pair(low: Tensor, high: Tensor, margin: Tensor, axis: int) -> tuple[float, float]:
    return float(low[axis] - margin[axis]), float(high[axis] + margin[axis])


class _Figure:
    """Matplotlib axes side by side, closed at the end; nothing is shown on a screen."""

    def __init__(self, count: int, width: float, height: float) -> None:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        self.plt = plt
        size = (width * count, height)
        self.figure, axes = plt.subplots(1, count, figsize=size, dpi=100, squeeze=False, constrained_layout=True)
        self.axes = axes[0]

    def __enter__(self) -> tuple:
        return self.figure, self.axes

    def __exit__(self, *raised: object) -> None:
        self.plt.close(self.figure)


def _picture(figure: object) -> Image.Image:
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())


def _enlarged(rows: Tensor) -> Sequence[Tensor]:
    """Pictures (B, C, H, W) in [-1, 1] as RGB in [0, 1], every pixel a square if they are small."""
    values = ((rows.detach().float().cpu() + 1) / 2).clamp(0, 1).expand(-1, 3, -1, -1)
    factor = -(-SHOWN_SIDE // values.shape[-1])
    return list(values.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2))
