"""Figures in memory: their size in pixels, and that none stays open."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from latentinpaint.visualization.canvas import as_picture, canvas


def test_axes_row_after_row_and_the_size_in_pixels():
    with canvas(4.0, 3.0, rows=2, columns=3) as (figure, axes):
        assert len(axes) == 6
        axes[5].set_facecolor("red")
        picture = as_picture(figure)
    assert picture.size == (400, 300) and picture.mode == "RGB"
    red = (np.asarray(picture) == (255, 0, 0)).all(axis=-1)
    down, right = red.nonzero()
    assert down.min() > 150 and right.min() > 400 * 2 / 3


def test_figures_are_closed_after_a_mistake_too():
    before = plt.get_fignums()
    with pytest.raises(ZeroDivisionError), canvas(1.0, 1.0):
        _ = 1 / 0
    assert plt.get_fignums() == before
