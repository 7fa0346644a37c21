"""The continuation of known cells: exact where it must be, and a mean of what surrounds it."""

import pytest
import torch

from latentinpaint.refiners import Condition, FFCRefiner, FlowRefiner
from latentinpaint.refiners.continuation import REACH, SMOOTHING, continue_known


def square_hole(side=12, first=3, last=9):
    """(1, 1, side, side), 1 in the cells first … last - 1."""
    hole = torch.zeros(1, 1, side, side)
    hole[..., first:last, first:last] = 1
    return hole


def test_a_constant_is_continued_whatever_the_hole_held():
    """Weights that sum to 1 reproduce a constant; what the encoder made of the hole does not count."""
    hole = square_hole()
    colour = torch.tensor([2.0, -0.5, 7.0]).view(1, 3, 1, 1)
    latent = torch.where(hole > 0, torch.full_like(colour, 1e6), colour)
    continued = continue_known(Condition(latent, hole, hole))
    torch.testing.assert_close(continued.latent, colour.expand_as(latent), atol=1e-5, rtol=1e-5)


def test_known_cells_stay_and_partial_ones_are_mixed_by_area():
    torch.manual_seed(1)
    hole = square_hole()
    area = hole.clone()
    area[..., 3, :] *= 0.25
    latent = torch.randn(1, 4, 12, 12)
    mixed = continue_known(Condition(latent, hole, area))
    whole = continue_known(Condition(latent, hole, hole))
    known = (hole == 0).expand_as(latent)
    assert torch.equal(mixed.latent[known], latent[known])
    torch.testing.assert_close(
        mixed.latent[..., 3, 3:9], 0.75 * latent[..., 3, 3:9] + 0.25 * whole.latent[..., 3, 3:9]
    )
    assert torch.equal(mixed.latent[..., 4:9, 3:9], whole.latent[..., 4:9, 3:9])
    assert torch.equal(mixed.hole, hole) and torch.equal(mixed.area, area)


def test_values_stay_between_those_that_are_continued_and_follow_the_nearer_side():
    """Left of the hole 0, right of it 1: inside it rises from left to right."""
    hole = square_hole()
    latent = torch.zeros(1, 1, 12, 12)
    latent[..., 6:] = 1
    row = continue_known(Condition(latent, hole, hole)).latent[0, 0, 5:7, 3:9].mean(0)
    assert row.min() >= 0 and row.max() <= 1
    assert (row.diff() > 0).all()
    assert row[0] < 0.3 and row[-1] > 0.7


def test_a_large_hole_is_reached_and_a_picture_without_known_cells_is_the_mean():
    hole = torch.ones(2, 1, 48, 48)
    hole[0, 0, :, 0] = 0
    latent = torch.full((2, 2, 48, 48), 3.0)
    continued = continue_known(Condition(latent, hole, hole)).latent
    reach = REACH - SMOOTHING  # beyond it the smoothing mixes in cells that nothing has reached
    torch.testing.assert_close(continued[0, ..., :reach], latent[0, ..., :reach], atol=1e-5, rtol=0)
    assert (continued[1] == 0).all()


@pytest.mark.parametrize("refiner", [FFCRefiner(4, blocks=1, width=6, delta=True), FlowRefiner(4, width=16)])
def test_refiners_that_start_from_it_give_it_back_before_training(refiner):
    """Their last layer starts at zero: without training the output is the continuation itself."""
    arguments = {**refiner.arguments, "continued": True}
    continued = type(refiner)(**arguments).eval()
    torch.manual_seed(2)
    hole = square_hole()
    condition = Condition(torch.randn(1, 4, 12, 12), hole, hole)
    expected = continue_known(condition).latent
    torch.testing.assert_close(continued.refine(condition, torch.Generator()), expected, atol=1e-5, rtol=0)
    plain = refiner.eval().refine(condition, torch.Generator())
    assert (plain - expected).abs().max() > 0.1
