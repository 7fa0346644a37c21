"""Samples with their density: affine flows of a free lattice field, and what correcting them gives."""

import numpy as np
import pytest
import torch
from scipy import stats
from small_flows import SMALL_UNET, seeded

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, SamplerConfig
from latentinpaint.flows.density import sample_with_density
from latentinpaint.interpolants.interpolant import Endpoints
from latentinpaint.lattice import PhiFour
from latentinpaint.lattice.correction import effective_fraction, log_weights, weighted_mean
from latentinpaint.lattice.estimates import Estimate, estimate_mean, standard_errors
from latentinpaint.lattice.observables import free_two_point, mean_square

SIDE = 4
FREE = PhiFour(chi=1.0, kappa=0.5, gamma=0.0)
SCALE = 0.6


def free_flow(network_error=0.0):
    """A flow whose drifts are those of the free field with this much error in the long waves."""
    flow = HadamardFlow((1, SIDE, SIDE), **SMALL_UNET, scale=SCALE).double()
    spectrum = 1 / FREE.quadratic_form(SIDE, SIDE, 0.5) / SCALE**2
    spectrum[..., 0, 0] *= 1 - network_error

    def drifts(process, x):
        alpha, beta = process.alpha.values.flatten()[0], process.beta.values.flatten()[0]
        wave = torch.fft.rfft2(x) / (alpha**2 + beta**2 * spectrum)
        back = [torch.fft.irfft2(part * wave, s=x.shape[-2:]) for part in (alpha, beta * spectrum)]
        return Endpoints(*back)

    flow.drifts = drifts
    return flow


def config(steps, count, solver="euler"):
    return SamplerConfig(solver, steps, generator=seeded(*range(count)))


@pytest.mark.parametrize("reward", [(0.0, 0.0), (0.0, 0.3), (-0.4, 0.3)])
@pytest.mark.parametrize("solver", ["euler", "midpoint"])
def test_the_density_of_a_flow_s_samples(reward, solver, monkeypatch):
    """The same samples as `generate` and `reward` make; their density is that of the normal law of an affine map."""
    flow, count, entries = free_flow(), 17, SIDE * SIDE

    def sample(noises):
        for module in ("hadamard", "density"):
            monkeypatch.setattr(f"latentinpaint.flows.{module}.sample_noise", lambda *_: noises)
        return sample_with_density(flow, len(noises), *reward, config(3, len(noises), solver))

    units = torch.cat([torch.zeros(1, entries), torch.eye(entries)]).double().view(count, 1, SIDE, SIDE)
    made = sample(units)
    if any(reward):
        plain = flow.reward(count, *reward, config(3, count, solver))
    else:
        plain = flow.generate(count, config(3, count, solver))
    torch.testing.assert_close(made.x, plain.x, atol=1e-10, rtol=0)
    ends = made.x.flatten(1)
    matrix = (ends[1:] - ends[0]).T.numpy()
    law = stats.multivariate_normal(ends[0].numpy(), matrix @ matrix.T)
    np.testing.assert_allclose(made.log_density.numpy(), law.logpdf(ends.numpy()), atol=1e-8)


def test_the_estimated_density():
    """Of second order in the step, so a little off on average, and hardly scattered with many probes. Without a
    config the flow's own counts."""
    flow = free_flow()
    made = {}
    for volume in ("exact", "hutchinson"):
        flow.sampler = config(40, 8)
        made[volume] = sample_with_density(flow, 8, -0.4, 0.3, volume=volume, probes=30)
    torch.testing.assert_close(made["hutchinson"].x, made["exact"].x)
    excess = made["hutchinson"].log_density - made["exact"].log_density
    assert 0.03 < excess.mean().abs() < 0.25 and excess.std() < 0.15


def test_weights_correct_steps_and_model():
    """<phi^2> of the free field from a flow with few steps and a wrong long wave: far off, and right with weights."""
    flow, count = free_flow(network_error=-1.0), 3000
    made = sample_with_density(flow, count, config=config(3, count, "midpoint"))
    exact = Estimate(free_two_point(FREE, SIDE)[0].item(), 0)
    values = mean_square(made.x)
    assert abs(standard_errors(estimate_mean(values[:, None]), exact)) > 8
    weights = log_weights(FREE.energy(made.x), made.log_density)
    found = weighted_mean(values, weights)
    assert abs(standard_errors(found, exact)) < 4
    assert found.error < 0.02 and 0.1 < effective_fraction(weights) < 0.95
    assert found.effective == pytest.approx(count * effective_fraction(weights))


def test_with_noise_there_is_no_density():
    with pytest.raises(InputError, match="epsilon is 0"):
        sample_with_density(free_flow(), 1, config=SamplerConfig(epsilon=0.1))
