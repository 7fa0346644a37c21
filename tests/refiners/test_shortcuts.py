"""Shortcuts: two in a row are one, the shortest copy the flow, and what is learnt is the exact map of a Gaussian."""

import math

import numpy as np
import pytest
import torch
from small_flow_refiners import SMALL

from latentinpaint.errors import InputError
from latentinpaint.refiners import Condition, FlowRefiner
from latentinpaint.refiners.shortcuts import draw_steps, follow_shortcuts, shortcut_counts, shortcut_target

FINEST = 8
VARIANCE = 0.3


def scale(t):
    """The standard deviation at time t of data N(0, VARIANCE) and standard normal noise."""
    return ((1 - t) ** 2 + VARIANCE * t**2).sqrt()


def shaped(numbers):
    return numbers.view(-1, 1, 1, 1)


def exact_jump(z, t, length):
    """The flow is linear, z_s = z_t scale(s) / scale(t); at length 0 its drift is E[z_1 | z_t]."""
    drift = VARIANCE * t / scale(t) ** 2
    after = scale(t + length) / scale(t)
    along = 1 + (1 - t) * (after - 1) / length.clamp(min=1e-12)
    return shaped(torch.where(length > 0, along, drift)) * z


def every_step():
    times, lengths = [], []
    for count in shortcut_counts(FINEST):
        times += [number / count for number in range(count)]
        lengths += [1 / count] * count
    return torch.tensor(times, dtype=torch.float64), torch.tensor(lengths, dtype=torch.float64)


def test_counts_are_powers_of_two():
    assert shortcut_counts(8) == [1, 2, 4, 8] and shortcut_counts(1) == [1] and shortcut_counts(0) == []


@pytest.mark.parametrize("steps", shortcut_counts(FINEST))
def test_exact_shortcuts_make_the_exact_map(steps):
    start = torch.randn(3, 2, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = follow_shortcuts(exact_jump, start, steps)
    torch.testing.assert_close(found.x, VARIANCE**0.5 * start, rtol=1e-12, atol=1e-12)
    assert found.nfe == steps


def test_two_shortcuts_are_one_of_twice_the_length():
    """arXiv 2410.12557, the self-consistency target: exact shortcuts are their own targets."""
    t, length = every_step()
    longer = length > 1 / FINEST
    t, length = t[longer], length[longer]
    z = torch.randn(len(t), 1, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    target = shortcut_target(exact_jump, z, t, length, FINEST)
    torch.testing.assert_close(target, exact_jump(z, t, length), rtol=1e-12, atol=1e-12)


def test_the_shortest_copy_the_midpoint_rule():
    """Its error in a step falls with the third power of the length, on a Gaussian with the fourth; Euler's with the
    second."""
    t = torch.tensor([0.25], dtype=torch.float64)
    z = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    counts, errors = (16, 32, 64, 128), []
    for count in counts:
        length = torch.tensor([1 / count], dtype=torch.float64)
        target = shortcut_target(exact_jump, z, t, length, count)
        end = z + shaped(length / (1 - t)) * (target - z)
        errors.append((end - scale(t + length) / scale(t)).abs().item())
    assert -np.polyfit(np.log(counts), np.log(errors), 1)[0] == pytest.approx(4, abs=0.1)


def test_every_length_and_every_step_of_it_is_drawn_alike():
    count = 40_000
    numbers = torch.rand(count, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    times, lengths = draw_steps(numbers, FINEST)
    for t, length in zip(*every_step(), strict=True):
        share = ((times == t) & (lengths == length)).double().mean().item()
        expected = length.item() / 4
        assert share == pytest.approx(expected, abs=5 * (expected / count) ** 0.5)


@pytest.mark.parametrize("finest", [3, 12, -1, 2.0])
def test_no_power_of_two(finest):
    with pytest.raises(InputError, match="shortcuts"):
        FlowRefiner(4, **SMALL, shortcuts=finest)


class Gain(torch.nn.Module):
    """A network for latents of independent numbers: for every length a polynomial of the time, times z."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(len(shortcut_counts(FINEST)) + 1, 8))

    def forward(self, x, time):
        t, length = time.unbind(1)
        polynomials = torch.cos(torch.arange(8) * torch.acos((2 * t - 1).clamp(-1, 1))[:, None])
        level = torch.where(length > 0, 1 - torch.log2(length.clamp(min=1 / FINEST)).round().long(), 0)
        return shaped((self.table[level] * polynomials).sum(dim=1)) * x[:, :1]


def holes(count, side):
    """Conditions that know nothing."""
    ones = torch.ones(count, 1, side, side)
    return Condition(torch.zeros_like(ones), ones, ones)


@pytest.mark.parametrize("variance", [0.2, 0.5])
def test_what_is_learnt_has_the_exact_map_s_spread_at_one_step(variance):
    """Trained by the refiner's own loss on data N(0, variance), whose map multiplies noise by the root of it.

    Within 4 % at any number of steps, where one Euler step of the same flow has less than two thirds of the spread.
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    options = dict(latent_weight=0.0, uniform_times=0.5, shortcuts=FINEST)
    refiner = FlowRefiner(1, width=16, multipliers=(1,), blocks=1, **options)
    refiner.network = Gain()
    optimizer = torch.optim.Adam(refiner.parameters(), lr=0.03)
    updates, condition = 400, holes(64, 4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 0.5 * (1 + math.cos(math.pi * n / updates)))
    for _ in range(updates):
        clean = variance**0.5 * torch.randn(64, 1, 4, 4, generator=generator)
        optimizer.zero_grad()
        refiner.loss(clean, condition, generator)["loss"].backward()
        optimizer.step()
        schedule.step()
    noise = refiner.start(holes(1, 2), torch.Generator().manual_seed(1))
    with torch.no_grad():
        for steps in shortcut_counts(FINEST):
            sample = refiner.sample(holes(1, 2), torch.Generator().manual_seed(1), steps)
            assert sample.nfe == steps
            torch.testing.assert_close(sample.x, variance**0.5 * noise, rtol=0.04, atol=0)
        euler = refiner.sample(holes(1, 2), torch.Generator().manual_seed(1), 1, "euler").x
    assert ((euler / noise).abs() < 0.67 * variance**0.5).all()
