"""Sizes from shapes; the refusals of whole files are in `test_conversion`."""

import pytest
from oracles_lama import random_state

from latentinpaint.errors import InputError
from latentinpaint.lama.layout import Dimensions
from latentinpaint.lama.tensor_shapes import check_shapes, read_dimensions


def shapes_of(*arguments, **options):
    return {name: tuple(x.shape) for name, x in random_state(*arguments, prefix="model.", **options).items()}


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        ((4, 2, 0.75), {}, Dimensions(4, 32, 2, 24)),
        ((4, 0, 0.5), {}, Dimensions(4, 32, 0, 16)),
        ((3, 1, 0.0), {}, Dimensions(3, 24, 1, 0)),
        ((3, 1, 1.0), {}, Dimensions(3, 24, 1, 24)),
        ((8, 1, 0.75), {"most": 40}, Dimensions(8, 40, 1, 30)),
    ],
)
def test_the_sizes(arguments, options, expected):
    assert read_dimensions(shapes_of(*arguments, **options)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"a": None}, "it has no a (nor 1 more)"),
        ({"c": (1,)}, "it has a tensor that LaMa has not: c"),
        ({"a": (2, 3)}, "a is 2x3, where 2x2 fits the other tensors"),
        ({"a": ()}, "a is a single number, where 2x2 fits the other tensors"),
    ],
)
def test_other_shapes(change, message):
    expected = {"a": (2, 2), "b": (3,)}
    found = {name: shape for name, shape in {**expected, **change}.items() if shape is not None}
    if message is None:
        check_shapes(found, expected)
        return
    if "nor" in message:
        del found["b"]
    with pytest.raises(InputError) as error:
        check_shapes(found, expected)
    assert str(error.value) == message
