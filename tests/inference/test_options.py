"""What may be asked of a fill, as a table of values, and what the defaults mean."""

from typing import get_type_hints

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.inference.crops import Box
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.options import FillArguments, FillOptions
from latentinpaint.inference.texture import PatchTexture

REFUSED = [
    ({"num_samples": 0}, "number of samples"),
    ({"steps": 0}, "number of steps"),
    ({"steps": -3}, "number of steps"),
    ({"crop": "centre"}, "crop is"),
    ({"crop": -1}, "crop is"),
    ({"crop": True}, "crop is"),
    ({"crop": 2.5}, "crop is"),
    ({"refine": 3}, "refine is"),
    ({"refine": "yes"}, "refine is"),
    ({"texture": "on"}, "texture is"),
    ({"texture": 1}, "texture is"),
    ({"dilate": -1}, "dilate"),
    ({"feather": -1}, "feather"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        FillOptions(**arguments)


def test_arguments_by_name_are_the_options():
    options = get_type_hints(FillOptions)
    assert options.pop("num_samples") is int
    assert get_type_hints(FillArguments) == options


@pytest.mark.parametrize("crop", ["auto", None, 0, 12, np.int64(7)])
def test_crops_that_are_taken(crop):
    assert FillOptions(crop=crop).crop == crop


def test_refinement_is_default_given_or_none():
    own = Refinement(iterations=3)
    assert FillOptions().refinement is None
    assert FillOptions(refine=True).refinement == Refinement()
    assert FillOptions(refine=own).refinement is own


def test_without_crops_the_whole_picture_is_filled():
    mask = np.zeros((300, 500), bool)
    mask[10:20, 10:20] = True
    assert FillOptions(crop=None).crops(mask, 8) == [Box(0, 0, 300, 500)]


def test_a_number_is_the_context_around_a_hole():
    mask = np.zeros((400, 600), bool)
    mask[200:240, 300:320] = True
    (box,) = FillOptions(crop=32).crops(mask, 8)
    assert box.top <= 200 - 32 and box.bottom >= 240 + 32 and box.left <= 300 - 32 and box.right >= 320 + 32
    assert box.bottom - box.top < 200 and box.right - box.left < 200


@pytest.mark.parametrize(
    ("texture", "own", "expected"),
    [
        (None, None, None),
        (None, PatchTexture(guidance=0.5), PatchTexture(guidance=0.5)),
        (False, PatchTexture(guidance=0.5), None),
        (True, PatchTexture(guidance=0.5), PatchTexture(guidance=0.5)),
        (True, None, PatchTexture()),
    ],
)
def test_texture_as_the_model_has_it_or_as_asked(texture, own, expected):
    assert FillOptions(texture=texture).choose_texture(own) == expected
