"""The room around a picture: what sides mean, and where the picture lies."""

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.inference.outpainting import Margins


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        (7, (7, 7, 7, 7)),
        ("10%", (20, 10, 20, 10)),
        ((0, "12.5%", 0, "100%"), (0, 13, 0, 100)),  # 12.5 is rounded up
        ((0, 0, 0, "0.5%"), (0, 0, 0, 1)),
    ],
)
def test_sides(sides, expected):
    assert Margins.of(sides, height=100, width=200) == Margins(*expected)


@pytest.mark.parametrize(
    ("sides", "word"),
    [
        ((0, 0, 0, 0), "at least one"),
        (("0%", 0, 0, 0), "at least one"),
        ((201, 0, 0, 0), "on the left"),
        ((0, 0, 0, 101), "on the bottom"),
        ("101%", "too many"),
        ("9" * 400 + "%", "too many"),
        ((1, 2, 3), "not by 3"),
        ((1.5, 0, 0, 0), "whole number"),
        ((True, 0, 0, 0), "whole number"),
        (-1, "whole number"),
        ("much", "whole number"),
    ],
)
def test_sides_that_cannot_be(sides, word):
    with pytest.raises(InputError, match=word):
        Margins.of(sides, height=100, width=200)


def test_the_limit_of_pixels():
    assert Margins.of((10_000, 0, 0, 0), height=8_900, width=10_000).left == 10_000
    with pytest.raises(InputError, match="20000x9000"):
        Margins.of((10_000, 0, 0, 0), height=9_000, width=10_000)


@pytest.mark.parametrize("margins", [Margins(1, 2, 3, 4), Margins(0, 0, 5, 0), Margins(3, 0, 0, 2)])
def test_where_the_picture_lies(margins):
    painted = np.random.default_rng(0).random((6, 7)) < 0.3
    hole = margins.hole(painted)
    assert hole.shape == (6 + margins.top + margins.bottom, 7 + margins.left + margins.right)
    for row, column in np.ndindex(hole.shape):
        inside = 0 <= row - margins.top < 6 and 0 <= column - margins.left < 7
        assert hole[row, column] == (painted[row - margins.top, column - margins.left] if inside else True)
    np.testing.assert_array_equal(hole[margins.inside], painted)
