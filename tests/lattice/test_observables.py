"""Observables against sums over sites, and the free field's two-point function against a matrix inverse."""

import numpy as np
import pytest
import torch

from latentinpaint.lattice import PhiFour
from latentinpaint.lattice.observables import (
    absolute_magnetisation,
    action_per_site,
    free_two_point,
    magnetisation,
    mean_square,
    two_point,
)

PHI = torch.randn(3, 1, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_magnetisations():
    means = PHI.numpy().mean(axis=(1, 2, 3))
    for observable, expected in (
        (magnetisation, means),
        (absolute_magnetisation, np.abs(means)),
        (mean_square, (PHI.numpy() ** 2).mean(axis=(1, 2, 3))),
    ):
        np.testing.assert_allclose(observable(PHI).numpy(), expected, atol=1e-12)


def test_the_action_per_site():
    energy = PhiFour(0.5, 1.0, 2.0)
    torch.testing.assert_close(action_per_site(energy)(PHI), energy.energy(PHI) / 36)


def test_the_two_point_function():
    values = PHI[:, 0].numpy()
    expected = [
        0.5 * sum((values * np.roll(values, -r, axis)).mean(axis=(1, 2)) for axis in (1, 2)) for r in range(4)
    ]
    np.testing.assert_allclose(two_point(PHI).numpy(), np.stack(expected, axis=1), atol=1e-12)


@pytest.mark.parametrize("side", [4, 6])
def test_the_free_field_s_two_point_function(side):
    """The inverse of the energy's matrix, which autograd finds."""
    energy = PhiFour(0.7, 0.4, 0.0)
    size = side * side
    matrix = torch.autograd.functional.hessian(
        lambda x: energy.energy(x.view(1, 1, side, side))[0], torch.zeros(size, dtype=torch.float64)
    )
    covariance = torch.linalg.inv(matrix).view(side, side, side, side)
    torch.testing.assert_close(free_two_point(energy, side), covariance[0, 0, 0, : side // 2 + 1], atol=1e-10, rtol=0)
