"""The room around a picture: what sides mean, and where the picture lies."""

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.inference.outpainting import Padding


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
    assert Padding.of(sides, height=100, width=200) == Padding(*expected)


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
        Padding.of(sides, height=100, width=200)


def test_the_limit_of_pixels():
    assert Padding.of((10_000, 0, 0, 0), height=8_900, width=10_000).left == 10_000
    with pytest.raises(InputError, match="20000x9000"):
        Padding.of((10_000, 0, 0, 0), height=9_000, width=10_000)


@pytest.mark.parametrize("padding", [Padding(1, 2, 3, 4), Padding(0, 0, 5, 0), Padding(3, 0, 0, 2)])
def test_where_the_picture_lies(padding):
    painted = np.random.default_rng(0).random((6, 7)) < 0.3
    hole = padding.pad_mask(painted)
    assert hole.shape == (6 + padding.top + padding.bottom, 7 + padding.left + padding.right)
    for row, column in np.ndindex(hole.shape):
        inside = 0 <= row - padding.top < 6 and 0 <= column - padding.left < 7
        assert hole[row, column] == (painted[row - padding.top, column - padding.left] if inside else True)
    np.testing.assert_array_equal(hole[padding.interior], painted)
