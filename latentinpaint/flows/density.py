r"""Samples of a Hadamard flow with their density, so that what steps and model get wrong can be corrected.

Where the exact density is known up to a constant, as that of a lattice field theory, samples of a known density q are
corrected by weights :math:`e^{-E} / q` or by Metropolis's decision (`latentinpaint.lattice.correction`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Normal

from latentinpaint.errors import InputError, choose
from latentinpaint.flows.base import SamplerConfig, sample_noise
from latentinpaint.flows.hadamard import HadamardFlow
from latentinpaint.interpolants import Drifts
from latentinpaint.interpolants.likelihood import VOLUMES, carry_along_path
from latentinpaint.interpolants.paths import inpaint
from latentinpaint.runtime.randomness import split


@dataclass(frozen=True, eq=False)
class DensitySamples:
    """Samples (B, C, H, W) and the logarithm (B,) of their density, in float64."""

    x: Tensor
    log_density: Tensor


def sample_with_density(
    flow: HadamardFlow,
    count: int,
    quadratic: Tensor | float = 0.0,
    linear: Tensor | float = 0.0,
    config: SamplerConfig | None = None,
    volume: str = "exact",
    probes: int = 1,
) -> DensitySamples:
    """`HadamardFlow.generate`, or `HadamardFlow.reward` if there is a reward, with the density of the samples.

    Args:
        flow: what is sampled.
        count: B.
        quadratic, linear: of the reward, see `HadamardFlow.reward`; 0 and 0 are none.
        config: how it is sampled, without noise on the way.
        volume, probes: see `latentinpaint.interpolants.likelihood`.

    Raises:
        InputError: if noise is added on the way: the samples' density is not known then.
    """
    config = config or flow.sampler
    if config.epsilon > 0:
        raise InputError("the density of samples is known where epsilon is 0 alone")
    generators = split(config.generator, count)
    noise = sample_noise(flow, count, generators)
    log_density = Normal(0.0, 1.0).log_prob(noise.double()).flatten(1).sum(dim=1)
    path = inpaint(torch.ones_like(noise[:1, :1]))
    drifts: Drifts = flow.drifts
    if torch.as_tensor(quadratic).any() or torch.as_tensor(linear).any():
        rewarded = flow.rewarded_path(quadratic, linear)
        path = rewarded.path
        drifts = rewarded.drifts
        begun = choose(VOLUMES, volume, "volume")(probes, generators).carry(rewarded.begin, noise)
        noise = begun.x
        log_density = log_density - begun.log_volume
    carried = carry_along_path(
        path,
        drifts,
        noise,
        config.steps,
        method=config.solver,
        volume=volume,
        probes=probes,
        generator=generators,
    )
    log_density = log_density - carried.log_volume - noise[0].numel() * math.log(flow.scale)
    return DensitySamples(flow.scale * carried.x, log_density)
