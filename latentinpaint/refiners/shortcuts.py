r"""Shortcuts: long steps of a flow that one evaluation makes, learnt from pairs of shorter ones.

A *shortcut* of length d at time t is the prediction of clean data with which an Euler step of that length ends where
the flow itself would go. In the words of Frans, Hafner, Levine and Abbeel, "One Step Diffusion via Shortcut Models",
arXiv 2410.12557, with their direction s(z, t, d) in the place of ours,

.. math:: z_{t+d} = z_t + d\,s(z_t, t, d), \qquad s = (D - z) / (1 - t),

and two shortcuts in a row make one of twice the length (their self-consistency target),

.. math:: s(z_t, t, 2d) = \tfrac12 s(z_t, t, d) + \tfrac12 s(z_{t+d}, t + d, d),

where the right side is a constant to gradients. Their shortest length, 1/128, copies an Euler step of the flow, which
loses spread; ours is 1/8 or so and copies a step of the midpoint rule, which takes as many evaluations and is of
second order. With d = 0 the prediction is the flow's own. The network is never evaluated at time 1.

Why these, and not consistency or mean-flow training: one network, trained in one stage or from a trained flow, makes
1, 2, 4 and 8 steps and stays the flow that it was; nothing is differentiated but the loss (a mean flow, arXiv
2505.13447, needs derivatives in the time of every step), and steps add no noise (those of a consistency model, arXiv
2303.01469, do).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from latentinpaint.errors import InputError, whole_number
from latentinpaint.interpolants import Solution
from latentinpaint.interpolants.broadcasting import per_item
from latentinpaint.runtime.progress import report

# Predicts the clean latent from z (B, C, h, w), the time (B,) and the length of the step (B,).
Jump = Callable[[Tensor, Tensor, Tensor], Tensor]


def check_finest(finest: int) -> None:
    """Raise `InputError` unless the shortest shortcut is one of 1, 2, 4, … equal steps; 0 is none."""
    whole_number("shortcuts", finest, 0)
    if finest & (finest - 1):
        raise InputError(f"shortcuts is 0 or a power of two, such as 8, not {finest}")


def shortcut_counts(finest: int) -> list[int]:
    """The numbers of equal steps that shortcuts make: powers of two up to `finest`; none for 0."""
    counts = []
    count = 1
    while count <= finest:
        counts.append(count)
        count *= 2
    return counts


def draw_steps(numbers: Tensor, finest: int) -> tuple[Tensor, Tensor]:
    """Times and lengths (B,) of shortcuts to learn: every length as often as another, every step of it likewise.

    Args:
        numbers: (B, 2), uniform in [0, 1).
        finest: how many of the shortest lead from 0 to 1.
    """
    levels = finest.bit_length()
    count = 2.0 ** (numbers[:, 0] * levels).floor().clamp(max=levels - 1)
    position = (numbers[:, 1] * count).floor().clamp(max=count - 1)
    return position / count, 1 / count


def some_shortcuts(t: Tensor, numbers: Tensor, finest: int, share: float) -> tuple[Tensor, Tensor]:
    """Times and lengths (B,) of training samples: those of shortcuts to learn for a share of them, else t and 0.

    Args:
        t: (B,), times of the flow.
        numbers: (B, 3), uniform in [0, 1).
        finest: see `draw_steps`.
        share: of shortcuts, in [0, 1].
    """
    begin, length = draw_steps(numbers[:, :2], finest)
    is_shortcut = numbers[:, 2] < share
    return torch.where(is_shortcut, begin, t), torch.where(is_shortcut, length, 0.0)


@torch.no_grad()
def shortcut_aims(
    jump_of: Callable[[list[int]], Jump], z: Tensor, t: Tensor, length: Tensor, z_clean: Tensor, finest: int
) -> Tensor:
    """What is to be predicted (B, C, h, w): clean latents, and for shortcuts the data that two shorter ones lead to.

    Args:
        jump_of: the predictions for some of the items.
        z, z_clean: (B, C, h, w).
        t, length: (B,), as `some_shortcuts` draws them.
        finest: see `draw_steps`.
    """
    chosen = length.nonzero().squeeze(1)
    if len(chosen) == 0:
        return z_clean
    target = shortcut_target(jump_of(chosen.tolist()), z[chosen], t[chosen], length[chosen], finest)
    return z_clean.index_copy(0, chosen, target.to(z_clean))


def shortcut_target(jump: Jump, z: Tensor, t: Tensor, length: Tensor, finest: int) -> Tensor:
    """The data (B, C, h, w) that a shortcut from z at t has to predict, by two evaluations.

    Args:
        jump: the predictions.
        z: (B, C, h, w).
        t, length: (B,), with t + length at most 1.
        finest: see `draw_steps`; shortcuts of this length copy a midpoint step of the flow.
    """
    half = 0.5 * length
    is_finest = length * finest <= 1
    inner = torch.where(is_finest, 0.0, half)
    middle = z + per_item(half, z) * _direction(jump(z, t, inner), z, t)
    onward = _direction(jump(middle, t + half, inner), middle, t + half)
    copied = z + per_item(length, z) * onward
    joined = middle + per_item(half, z) * onward
    end = torch.where(per_item(is_finest, z), copied, joined)
    return z + per_item((1 - t) / length, z) * (end - z)


def follow_shortcuts(jump: Jump, start: Tensor, steps: int) -> Solution:
    """From the start (B, C, h, w) at time 0 to time 1 in equal steps, one evaluation each."""
    z = start
    length = torch.full((len(start),), 1 / steps, dtype=start.dtype, device=start.device)
    for number in range(steps):
        t = number * length
        z = z + per_item(length, z) * _direction(jump(z, t, length), z, t)
        report((number + 1) / steps)
    return Solution(z, steps)


def _direction(data: Tensor, z: Tensor, t: Tensor) -> Tensor:
    return (data - z) / per_item(1 - t, z)
