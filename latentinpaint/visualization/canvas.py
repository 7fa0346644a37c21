"""Matplotlib figures as pictures in memory; nothing is shown on a screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@contextmanager
def canvas(width: float, height: float, rows: int = 1, columns: int = 1) -> Iterator[tuple["Figure", list["Axes"]]]:
    """A figure at 100 pixels an inch and its axes, row after row; the program's own figures and backend stay.

    Args:
        width, height: of the whole figure, inches.
        rows, columns: of axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def as_picture(figure: "Figure") -> Image.Image:
    """What a figure of `canvas` shows, RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    assert isinstance(figure.canvas, FigureCanvasAgg)
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
