"""All checks of a mask together: clean masks, tiny ones, and what advice names."""

import inspect
import re

import numpy as np
import pytest
from mask_pictures import SIDE, box, codes, picture_of
from PIL import Image

from latentinpaint.doctor import ArgumentNames, FindingCode, examine, mask_checks


def test_a_clean_mask_has_its_hole_noted_and_nothing_else(photo):
    (only,) = examine(picture_of(photo, "photo"), picture_of(box(), "mask"))
    assert (only.severity.value, only.code.value, only.about) == ("note", "hole", "mask")
    assert only.figure == pytest.approx(100 * 1600 / SIDE**2) and "11.1 %" in only.seen


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_tiny_masks(size):
    for pixels in (np.zeros(size, bool), np.ones(size, bool), np.arange(size[0] * size[1]).reshape(size) % 2 > 0):
        assert codes(pixels, Image.new("RGB", size[::-1]))


def test_advice_names_the_callers_arguments():
    """Python's names unless the caller has others."""
    island = picture_of(~box(40, 80, 40, 80), "m")
    for names, expected in (
        (ArgumentNames(), "give invert_mask if"),
        (ArgumentNames("--invert"), "give --invert if"),
    ):
        (found,) = [f for f in examine(None, island, names=names) if f.code is FindingCode.LIKELY_INVERTED]
        assert found.advice.startswith(expected)
    (found,) = [f for f in examine(None, picture_of(box(), "m"), True) if f.code is FindingCode.LIKELY_INVERTED]
    assert found.advice.startswith("leave out invert_mask if")


def test_checks_that_are_left_out_before_a_fill_find_no_problem():
    checks = {*mask_checks.FILE_CHECKS, *mask_checks.MASK_CHECKS, *mask_checks.HOLE_CHECKS}
    finding_problems = set()
    for check in checks:
        if re.search(r"\.problem\(|Severity\.PROBLEM", inspect.getsource(check)):
            finding_problems.add(check)
    assert finding_problems == set(mask_checks.PROBLEM_CHECKS)


def test_problems_only():
    mask = picture_of(box(0, 60, 0, 30), "m")
    assert examine(None, mask) and examine(None, mask, problems_only=True) == []
