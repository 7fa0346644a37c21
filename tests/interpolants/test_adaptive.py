"""Adaptive order: which block is next, and that the samples have the conditional law, whatever the choice."""

import pytest
import torch

from latentinpaint.interpolants import PATH_SOLVERS, Endpoints, integrate_path
from latentinpaint.interpolants.adaptive import integrate_adaptively, variance_bound
from latentinpaint.interpolants.paths import sequential

MEAN = torch.tensor([0.9, 0.1, -0.5], dtype=torch.float64)
FACTOR = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.3, 0.4, 0.7]], dtype=torch.float64)
COVARIANCE = FACTOR @ FACTOR.T
BLOCKS = torch.tensor([[0, 1, 2]])


def gaussian(process, x):
    """Exact drifts of N(MEAN, COVARIANCE) on (B, 1, 1, 3), each item at its own alpha."""
    alpha, beta = process.alpha.values.flatten(1), process.beta.values.flatten(1)
    sigma = torch.diag_embed(alpha**2) + beta[:, :, None] * COVARIANCE * beta[:, None, :]
    solved = torch.linalg.solve(sigma, x.flatten(1) - beta * MEAN)
    data = MEAN + (beta * solved) @ COVARIANCE
    return Endpoints((alpha * solved).view(x.shape), data.view(x.shape))


def watched(seen):
    def drifts(process, x):
        seen.append((process.alpha.values > 0).flatten(1).tolist())
        return gaussian(process, x)

    return drifts


def test_the_bound_is_reached_by_two_values():
    """Data that are -2 or 2 with mean m have the variance 4 - m^2; a mean beyond them is certain."""
    share = torch.tensor([0.1, 0.5, 0.9])
    mean = 2 * share - 2 * (1 - share)
    variance = share * (2 - mean) ** 2 + (1 - share) * (-2 - mean) ** 2
    torch.testing.assert_close(variance_bound(mean, 2.0), variance)
    assert variance_bound(torch.tensor([3.0]), 2.0).item() == 0


def test_the_least_certain_block_is_next():
    """Without anything known, the entry of mean 0.1 comes first; what it became decides on the next. The evaluation
    that chooses is the first of the block's two."""
    start = torch.randn(8, 1, 1, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = []
    solution = integrate_adaptively(watched(seen), start, torch.ones(8, 1, 1, 3), BLOCKS, 2)
    found = solution.x.flatten(1)
    assert seen[0] == [[True, True, True]] * 8 and seen[2] == [[True, False, True]] * 8
    assert solution.nfe == len(seen) == 6
    left = torch.tensor(seen[4])
    gain = COVARIANCE[[0, 2], 1] / COVARIANCE[1, 1]
    expected = MEAN[[0, 2]] + gain * (found[:, 1:2] - MEAN[1])
    is_first = (variance_bound(expected[:, 0]) >= variance_bound(expected[:, 1])).tolist()
    assert left.tolist() == [[not first, False, first] for first in is_first]
    assert 0 < sum(is_first) < 8


# Heun's last step of every block is Euler's, as each block is a path of its own.
@pytest.mark.parametrize("method", sorted(PATH_SOLVERS.keys() - {"heun"}))
def test_a_remembered_evaluation_changes_nothing(method):
    """Block by block in a fixed order, the same steps without it."""
    start = torch.randn(4, 1, 1, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)

    def reading_order(data):
        return torch.tensor([3.0, 2.0, 1.0]).to(data).expand_as(data)

    everywhere = torch.ones_like(start)
    found = integrate_adaptively(gaussian, start, everywhere, BLOCKS, 5, urgency=reading_order, method=method)
    path = sequential(everywhere, BLOCKS[None, None])
    expected = integrate_path(path, gaussian, start, 15, method=method)
    torch.testing.assert_close(found.x, expected.x, atol=1e-12, rtol=0)
    assert found.nfe == expected.nfe


def test_urgency_is_the_mean_over_what_waits_and_over_the_channels():
    """Block 0 has one entry to fill, block 1 two, whose sum is larger and whose mean is smaller; the first channel
    alone would say otherwise. What block 0 holds besides stays as it is."""
    hole = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4)
    urgent = torch.tensor([[1.0, 9.0, 2.0, 2.0], [5.0, 9.0, 2.0, 2.0]]).view(1, 2, 1, 4)
    seen = []

    def drifts(process, x):
        seen.append((process.alpha.values > 0).flatten().tolist())
        return Endpoints(x, torch.zeros_like(x))

    start = torch.full((1, 2, 1, 4), 0.7)
    solution = integrate_adaptively(
        drifts, start, hole, torch.tensor([[0, 0, 1, 1]]), 1, urgency=lambda data: urgent.to(data)
    )
    assert seen == [[True, False, True, True], [False, False, True, True]]
    torch.testing.assert_close(solution.x, start * (1 - hole))


def test_samples_have_the_law_of_the_data():
    """Though what was made first decides on the order of the others: mean, and covariance to a few steps' worth."""
    many, steps = 1500, 40
    start = torch.randn(many, 1, 1, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    seen = []
    solution = integrate_adaptively(watched(seen), start, torch.ones_like(start), BLOCKS, steps, epsilon=0.3)
    found = solution.x.flatten(1)
    assert solution.nfe == len(seen) == 3 * steps
    second = torch.tensor(seen[2 * steps])[:, 0].double().mean().item()
    assert 0.2 < second < 0.8
    error = 5 * (COVARIANCE.diagonal() / many).sqrt()
    assert ((found.mean(dim=0) - MEAN).abs() < error).all()
    scale = COVARIANCE.diagonal().max().item()
    torch.testing.assert_close(
        torch.cov(found.T), COVARIANCE, atol=scale * (5 * (2 / many) ** 0.5 + 2 / steps), rtol=0
    )


def test_items_do_not_depend_on_their_neighbours():
    """One whose hole is filled waits for the others as it is; noise comes from its own generator."""
    start = torch.randn(2, 1, 1, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    hole = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]).view(2, 1, 1, 3)

    def run(part):
        generators = [torch.Generator().manual_seed(seed) for seed in (7, 8)][part]
        return integrate_adaptively(gaussian, start[part], hole[part], BLOCKS, 5, epsilon=0.5, generator=generators)

    together = run(slice(0, 2))
    for item in range(2):
        alone = run(slice(item, item + 1))
        torch.testing.assert_close(alone.x[0], together.x[item], atol=1e-12, rtol=0)
    assert run(slice(1, 2)).nfe == 5 and together.nfe == 15


def test_progress_and_nothing_to_fill():
    seen = []
    start = torch.randn(1, 1, 1, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    integrate_adaptively(gaussian, start, torch.ones(1, 1, 1, 3), BLOCKS, 1, progress=seen.append)
    assert seen == pytest.approx([1 / 3, 2 / 3, 1])
    kept = integrate_adaptively(gaussian, start, torch.zeros(1, 1, 1, 3), BLOCKS, 1)
    assert torch.equal(kept.x, start) and kept.nfe == 0
