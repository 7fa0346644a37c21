"""The checks that speak to a person."""

from pathlib import Path

import numpy as np
import pytest
import torch

from latentinpaint.errors import (
    InputError,
    check_above_zero,
    check_at_least,
    check_counts,
    check_has_hole,
    check_same_size,
    check_suffix,
    choose,
    count_of,
    listed,
    missing_package,
    printable,
)


def test_choose():
    registry = {"euler": 1, "rk4": 2}
    assert choose(registry, "rk4", "solver") == 2
    with pytest.raises(InputError, match=r"^there is no solver 'heun': choose one of euler, rk4$"):
        choose(registry, "heun", "solver")


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize(("value", "smallest"), [(1, 1), (2, 1), (0.5, 0)])
def test_large_enough(value, smallest):
    check_at_least("steps", value, smallest)


@pytest.mark.parametrize(("value", "smallest"), [(0, 1), (-0.1, 0), (float("nan"), 0)])
def test_too_small(value, smallest):
    with pytest.raises(InputError, match=f"^steps starts at {smallest}, not at {value}$"):
        check_at_least("steps", value, smallest)


def test_above_zero():
    check_above_zero("step_size", 1e-9)
    for value in (0, -0.5, float("nan")):
        with pytest.raises(InputError, match=f"^step_size is above 0, not {value}$"):
            check_above_zero("step_size", value)


def test_counts_start_at_one():
    check_counts({"steps": None, "jobs": 1})
    with pytest.raises(InputError, match="^--jobs starts at 1, not at 0$"):
        check_counts({"steps": None, "--jobs": 0})


def test_suffixes():
    check_suffix("output", "a/b.PNG", ".png")
    check_suffix("output", "b.tif", ".png", ".tif")
    for path in ("b.png.jpg", "png", ".png", "a.png/b", ""):
        with pytest.raises(InputError, match=rf"^output ends in .png or .tif, not like {path}$"):
            check_suffix("output", path, ".png", ".tif")


def test_sizes_are_named_as_width_times_height():
    check_same_size((40, 50), torch.Size([40, 50]))
    with pytest.raises(InputError, match="^the mask is 50x40 pixels, the picture 51x40: they have to be equal$"):
        check_same_size((40, 50), (40, 51))
    with pytest.raises(InputError, match="^m.png is 1x2 pixels, p.png 2x1: "):
        check_same_size((2, 1), (1, 2), "m.png", "p.png")


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_a_mask_has_a_hole(make):
    mask = make((3, 4))
    with pytest.raises(InputError, match="^m.png has no hole"):
        check_has_hole(mask, "m.png")
    mask[1, 2] = 1
    check_has_hole(mask, "m.png")


def test_what_is_listed_is_counted():
    assert listed(["a.png", Path("b\n.png")]) == r"a.png, b\n.png"
    assert listed(range(22)) == ", ".join(map(str, range(20))) + ", and 2 more"
    assert listed("abc", 2, "; ") == "a; b; and 1 more"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("café 日本 a  b.png", "café 日本 a  b.png"),
        ("two\nlines.png", r"two\nlines.png"),
        ("red\x1b[31m.png", r"red\x1b[31m.png"),
        ("\x9b2J", r"\x9b2J"),
        ("turned\u202egnp.", r"turned\u202egnp."),
        ("lost\udce9.png", r"lost\udce9.png"),
    ],
)
def test_a_message_is_one_line_that_any_terminal_can_show(name, shown):
    assert printable(name) == shown
    message = str(InputError(f"there is no file {name}"))
    assert message == f"there is no file {shown}" and len(message.splitlines()) == 1
    message.encode("utf-8")


def test_a_missing_package_is_named_but_a_module_of_this_one_is_a_fault():
    assert "the package skimage, which" in missing_package(ModuleNotFoundError("…", name="skimage.data"))
    with pytest.raises(ModuleNotFoundError, match="gone"):
        missing_package(ModuleNotFoundError("gone", name="latentinpaint.gone"))


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 masks are"), (1, "1 mask is"), (2, "2 masks are"), (1234, "1,234 masks are")]
)
def test_numbers_stand_with_their_nouns_and_verbs(number, text):
    assert count_of(number, "mask", "is/are") == text
    assert count_of(number, "mask") == text.rsplit(" ", 1)[0]
