"""Path search: a flow whose drifts are a Gaussian's, whose action is known in closed form."""

import math

import pytest
import torch
from scipy import integrate
from small_flows import SMALL_UNET

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow
from latentinpaint.flows.path_search import SearchSettings, compare_paths
from latentinpaint.interpolants import Endpoints

# Two blocks of 2 x 2: pixels that are known in advance, and pixels that are wide.
STD = torch.tensor([0.1, 0.1, 2.0, 2.0], dtype=torch.float64).expand(1, 1, 2, 4)


def gaussian_flow():
    flow = HadamardFlow((1, 2, 4), **SMALL_UNET, block_side=2).double()

    def drifts(process, x):
        alpha, beta = process.alpha.values, process.beta.values
        solved = x / (alpha**2 + beta**2 * STD**2)
        return Endpoints(alpha * solved, beta * STD**2 * solved)

    flow.drifts = drifts
    return flow


def pictures(count):
    return STD * torch.randn(count, 1, 2, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def speed(alpha, std):
    return abs(alpha - (1 - alpha) * std**2) / math.sqrt(alpha**2 + (1 - alpha) ** 2 * std**2)


def test_the_paths_have_the_actions_of_theory():
    """Straight: the mean of the squared speed. Least: the square of the way's length, 0.9 and 1, an entry."""
    found = compare_paths(gaussian_flow(), pictures(600), [0.0, 1.0], SearchSettings(knots=17, iterations=60))
    straight = 4 * sum(integrate.quad(lambda a, s: speed(a, s) ** 2, 0, 1, args=(std,))[0] for std in (0.1, 2.0))
    least = 4 * sum(integrate.quad(speed, 0, 1, args=(std,))[0] ** 2 for std in (0.1, 2.0))
    error = 5 * (2 / (300 * 4)) ** 0.5  # of a mean of squares of 4 entries and 300 pictures
    assert found["straight"].action == pytest.approx(straight, rel=error)
    # Both are measured on the same pictures, so that their ratio is known better.
    assert straight / least > 1.15
    assert found["straight"].action / found["least action"].action == pytest.approx(straight / least, abs=0.06)


def test_clocks_and_states():
    """Columns at the times that were asked for; the states begin as equal noise and end scaled to the data."""
    times = [0.0, 0.25, 1.0]
    settings = SearchSettings(knots=5, iterations=20)
    found = compare_paths(gaussian_flow(), pictures(6), times, settings, steps=200, shown=3)
    straight, least = found["straight"], found["least action"]
    torch.testing.assert_close(straight.clocks[:, 0, 0, 0], 1 - torch.tensor(times).double())
    assert least.clocks.shape == (3, 1, 2, 4) and least.states.shape == (3, 3, 1, 2, 4)
    assert torch.equal(least.clocks[1, 0, :, :2], least.clocks[1, 0, :1, :1].expand(2, 2))
    assert not torch.isclose(least.clocks[1, 0, 0, 0], least.clocks[1, 0, 0, 2], atol=0.02)
    assert torch.equal(straight.states[0], least.states[0])
    for path in (straight, least):
        torch.testing.assert_close(path.states[-1], STD * path.states[0], atol=0.05, rtol=0.05)


def test_too_few_pictures():
    with pytest.raises(InputError, match="give 2 or more"):
        compare_paths(gaussian_flow(), pictures(1), [0.0, 1.0], SearchSettings())
