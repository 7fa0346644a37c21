"""The velocity of normal pictures N(mean, std^2) in closed form, and what tests of restoration draw."""

import torch

from latentinpaint.restoration.observation_models import observe
from latentinpaint.restoration.observation_tasks import read_task
from latentinpaint.restoration.velocity_prior import VelocityPrior

SHAPE = (2, 4, 6)
MEAN = 0.3
STD = 0.7


def gaussian_prior(mean=MEAN, std=STD, shape=SHAPE):
    """v = mean + (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2) (x - t mean)."""

    def velocity(x, t):
        t = t.view(-1, *[1] * (x.ndim - 1))
        variance = (1 - t) ** 2 + t**2 * std**2
        return mean + (t * std**2 - (1 - t)) / variance * (x - t * mean)

    return VelocityPrior(velocity, shape)


def denoised(u, t, mean=MEAN, std=STD):
    """The data that are expected at u: mean + t s^2 / sigma_t^2 (u - t mean)."""
    return mean + t * std**2 / ((1 - t) ** 2 + t**2 * std**2) * (u - t * mean)


def generators(count, seed=0):
    return [torch.Generator().manual_seed(1000 * seed + number) for number in range(count)]


def draw(own, shape=SHAPE):
    """Normal numbers (B, *shape), float64, one generator an item."""
    return torch.stack([torch.randn(shape, generator=one, dtype=torch.float64) for one in own])


def pictures(count=3, seed=7):
    return MEAN + STD * draw(generators(count, seed))


def observed(task="random:0.4", noise=0.2, count=3, seed=1):
    """Pictures as a task shows them."""
    model = read_task(task).model(SHAPE, generators(count, seed))
    return observe(model, pictures(count), noise, generators(count, seed + 1))
