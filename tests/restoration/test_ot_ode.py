"""OT-ODE is exact for N(mu, 1): its velocity is the posterior's, and leads there. Other cases by hand."""

import numpy as np
import pytest
import torch
from gaussian_prior import MEAN, SHAPE, draw, gaussian_prior, generators, observed

from latentinpaint.errors import InputError
from latentinpaint.interpolants import integrate
from latentinpaint.restoration.ot_ode import OTODE

ENTRIES = SHAPE[0] * SHAPE[1] * SHAPE[2]


def posterior(seen):
    """Mean and covariance of pictures N(MEAN, 1) given what was seen of one of them, by dense matrices."""
    h = seen.model(torch.eye(ENTRIES).double().view(ENTRIES, *SHAPE)).flatten(1).T
    covariance = torch.linalg.inv(torch.eye(ENTRIES).double() + h.T @ h / seen.noise_std**2)
    mean = covariance @ (MEAN + h.T @ seen.y.flatten() / seen.noise_std**2)
    return mean, covariance


@pytest.mark.parametrize("task", ["random:0.4", "blur:0.6", "average:2"])
def test_the_velocity_is_that_of_the_posterior(task):
    """Of a normal N(m, C) at (1 - t) x_0 + t x_1: m + (t C - (1 - t)) ((1 - t)^2 + t^2 C)^-1 (x - t m)."""
    seen = observed(task, count=1)
    mean, covariance = posterior(seen)
    eye = torch.eye(ENTRIES).double()
    x = draw(generators(1, 4))
    for t in (0.1, 0.5, 0.9):
        at_time = (1 - t) ** 2 * eye + t**2 * covariance
        offset = torch.linalg.solve(at_time, x.flatten() - t * mean)
        exact = mean + (t * covariance - (1 - t) * eye) @ offset
        found = OTODE().guided_velocity(gaussian_prior(std=1.0), seen, x, t)
        torch.testing.assert_close(found.flatten(), exact, atol=1e-10, rtol=0)


def test_it_leads_from_the_posterior_at_its_start_to_the_posterior():
    """A linear flow: where the mean goes, and what becomes of a deviation, give mean and covariance to 1e-10."""
    seen = observed("random:0.4", count=1)
    mean, covariance = posterior(seen)
    start = 0.1
    root = torch.linalg.cholesky((1 - start) ** 2 * torch.eye(ENTRIES).double() + start**2 * covariance)
    points = torch.cat([torch.zeros(1, ENTRIES).double(), root.T]) + start * mean
    prior = gaussian_prior(std=1.0)

    def velocity(x, t):
        return OTODE().guided_velocity(prior, seen, x, t[0].item())

    states = integrate(
        velocity,
        points.view(-1, *SHAPE),
        method="dopri5",
        span=(start, 1.0),
        rtol=1e-13,
        atol=1e-13,
        shared_steps=True,
    ).x.flatten(1)
    torch.testing.assert_close(states[0], mean, atol=1e-10, rtol=0)
    deviations = (states[1:] - states[0]).T
    torch.testing.assert_close(deviations @ deviations.T, covariance, atol=1e-10, rtol=0)


@pytest.mark.parametrize("gamma", ["constant", "rising"])
def test_the_steps_are_eulers_with_the_correction(gamma):
    """For N(mu, s^2) and a mask every entry has its own recursion."""
    std = 0.7
    seen = observed("random:0.4")
    known = seen.model.known.numpy()
    y = seen.y.numpy()
    x = 0.2 * known * y + 0.8 * draw(generators(3, 9)).numpy()
    for t in (0.2, 0.4, 0.6, 0.8):
        variance = (1 - t) ** 2 + t**2 * std**2
        slope = (t * std**2 - (1 - t)) / variance
        v = MEAN + slope * (x - t * MEAN)
        spread = (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
        u = known * (y - (x + (1 - t) * v)) / (spread + seen.noise_std**2)
        factor = np.sqrt(t / (t**2 + (1 - t) ** 2)) if gamma == "rising" else 1
        x = x + 0.2 * (v + (1 - t) / t * factor * (1 + (1 - t) * slope) * u)
    found = OTODE(5, 0.2, gamma)(gaussian_prior(std=std), seen, generators(3, 9))
    np.testing.assert_allclose(found.numpy(), x, atol=1e-12, rtol=0)


@pytest.mark.parametrize("wrong", [{"start": 0.0}, {"start": 1.0}, {"gamma": "falling"}, {"steps": 1}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(InputError):
        OTODE(**wrong)
