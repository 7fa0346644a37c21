"""What all methods have in common: batches, what a mask hides, other shapes, and settings."""

import pytest
import torch
from gaussian_prior import SHAPE, gaussian_prior, generators, observed
from quick_restorers import QUICK

from latentinpaint.errors import InputError
from latentinpaint.restoration import RESTORERS

OF_VELOCITIES = [name for name, method in RESTORERS.items() if not method.of_hadamard]


def test_every_method_is_here():
    assert RESTORERS.keys() == QUICK.keys()


@pytest.mark.parametrize("name", OF_VELOCITIES)
@pytest.mark.parametrize("task", ["random:0.4", "average:2"])
def test_a_picture_is_the_same_whatever_is_restored_beside_it(name, task):
    method = RESTORERS[name](**QUICK[name])
    seen = observed(task)
    together = method(gaussian_prior(), seen, generators(3, 9))
    for number in range(3):
        alone = method(gaussian_prior(), seen.item(number), generators(3, 9)[number : number + 1])
        torch.testing.assert_close(alone, together[number : number + 1], atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", OF_VELOCITIES)
def test_what_a_mask_hides_is_not_looked_at(name):
    method = RESTORERS[name](**QUICK[name])
    seen = observed("random:0.4")
    other = type(seen)(seen.model, seen.y + 5 * (1 - seen.model.known), seen.noise_std, seen.shape)
    one, two = (method(gaussian_prior(), found, generators(3, 9)) for found in (seen, other))
    torch.testing.assert_close(one, two, atol=1e-8, rtol=0)


@pytest.mark.parametrize("name", OF_VELOCITIES)
def test_a_prior_of_another_shape_is_refused(name):
    with pytest.raises(InputError, match="of pictures 3 x 8 x 8, what was seen of 2 x 4 x 6"):
        RESTORERS[name](**QUICK[name])(gaussian_prior(shape=(3, 8, 8)), observed(), generators(3))


@pytest.mark.parametrize("name", RESTORERS)
def test_values_of_the_grid_are_settings(name):
    method = RESTORERS[name]
    assert set(method.grid) <= set(method().settings())
    for setting, values in method.grid.items():
        for value in values:
            assert method(**{setting: value}).settings()[setting] == value


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 1.5}, {"exponent": -1.0}])
def test_settings_out_of_range(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        RESTORERS["pnp_flow"](**wrong)


def test_the_shape_is_that_of_the_pictures():
    found = RESTORERS["pnp_flow"](steps=2)(gaussian_prior(), observed("average:2"), generators(3))
    assert found.shape == (3, *SHAPE)
