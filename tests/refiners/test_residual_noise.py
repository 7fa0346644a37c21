"""Noise with the covariance of what the continuation misses: its spectrum, measuring it, and a few steps from it."""

import itertools

import pytest
import torch

from latentinpaint.refiners import Condition, FlowRefiner
from latentinpaint.refiners import residual_noise as module
from latentinpaint.refiners.residual_noise import LAGS, SCALES, ResidualNoise, blurs, fitted, lagged_products

CHANNELS = 3
MIXING = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.2]])  # a symmetric root of a covariance


def lag(field, cells):
    """The mean product of values (…, h, w) that lie so many cells apart in a row, on a torus."""
    return (field * field.roll(cells, -1)).mean().item()


@pytest.mark.parametrize("size", [(8, 8), (24, 17), (1, 5)])
def test_blurs_keep_the_variance_and_reach_ever_further(size):
    responses = blurs(*size, torch.device("cpu"))
    assert responses.shape == (SCALES, *size) and (responses >= 0).all()
    torch.testing.assert_close(responses.square().mean(dim=(1, 2)), torch.ones(SCALES))
    assert (responses[1:, 0, 0] > responses[:-1, 0, 0] - 1e-6).all()  # the mean's share grows


def test_it_is_white_until_it_is_measured():
    noise = ResidualNoise(CHANNELS)
    assert not noise.measured
    field = noise.draw(torch.zeros(40, CHANNELS, 24, 20), torch.Generator().manual_seed(0))
    covariance = torch.cov(field.movedim(1, 0).flatten(1))
    torch.testing.assert_close(covariance, torch.eye(CHANNELS), atol=0.03, rtol=0)
    for cells in (1, 2, 5):
        assert abs(lag(field, cells)) < 0.02


def test_items_depend_on_their_own_draws_alone():
    noise = ResidualNoise(CHANNELS)
    noise.roots.copy_(torch.randn(noise.roots.shape, generator=torch.Generator().manual_seed(1)))
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    together = noise.draw(torch.zeros(3, CHANNELS, 9, 7), generators)
    alone = noise.draw(torch.zeros(1, CHANNELS, 9, 7), torch.Generator().manual_seed(2))
    assert torch.equal(together[2:], alone)
    half = noise.draw(torch.zeros(1, CHANNELS, 9, 7, dtype=torch.bfloat16), torch.Generator().manual_seed(2))
    assert half.dtype == torch.bfloat16


def examples_of(residuals, hole):
    for residual in residuals.split(8):
        yield residual, hole.expand(len(residual), -1, -1, -1)


@pytest.mark.parametrize("shape", ["all", "part"])
def test_the_covariance_of_what_was_measured_comes_back(shape):
    """White fields with a covariance over channels: that covariance at lag 0, and nothing beyond it."""
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 6:28, 4:25] = 1
    if shape == "all":
        hole[:] = 1
    white = torch.randn(64, CHANNELS, 32, 32, generator=torch.Generator().manual_seed(0))
    residuals = hole * torch.einsum("cd,bdhw->bchw", MIXING, white)
    noise = ResidualNoise(CHANNELS)
    noise.measure(examples_of(residuals, hole))
    assert noise.measured
    field = noise.draw(torch.zeros(64, CHANNELS, 32, 32), torch.Generator().manual_seed(1))
    covariance = torch.cov(field.movedim(1, 0).flatten(1))
    torch.testing.assert_close(covariance, MIXING @ MIXING, atol=0.15, rtol=0.05)
    for cells in (1, 3):
        assert abs(lag(field, cells)) < 0.05 * field.square().mean()


@pytest.mark.parametrize("shape", ["all", "part"])
def test_smooth_residuals_have_smooth_noise(shape):
    """A field of correlation 0.9 a cell, 0.9 to the power of the distance along an axis."""
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 20:45, 10:50] = 1
    if shape == "all":
        hole[:] = 1
    generator = torch.Generator().manual_seed(0)
    decay = (1 - 0.81) / (1 + 0.81 - 1.8 * torch.cos(2 * torch.pi * torch.fft.fftfreq(64)))
    amplitude = torch.outer(decay, decay).sqrt()
    fields = torch.fft.ifft2(torch.fft.fft2(torch.randn(128, 1, 64, 64, generator=generator)) * amplitude).real
    noise = ResidualNoise(1)
    noise.measure(examples_of(hole * fields, hole))
    drawn = noise.draw(torch.zeros(128, 1, 64, 64), generator)
    for cells in (0, 1, 2, 4, 8):
        assert lag(drawn, cells) == pytest.approx(0.9**cells, abs=0.08)


def test_products_are_those_of_pairs_in_the_hole():
    """Beside a loop over all pairs of cells."""
    generator = torch.Generator().manual_seed(0)
    hole = (torch.rand(2, 1, 5, 7, generator=generator) < 0.6).double()
    residual = hole * torch.randn(2, CHANNELS, 5, 7, generator=generator, dtype=torch.float64)
    for cells, (products, count) in zip(LAGS, lagged_products(residual, hole), strict=True):
        wanted = torch.zeros(CHANNELS, CHANNELS, dtype=torch.float64)
        pairs = 0
        for item, row, column in itertools.product(range(2), range(5), range(7)):
            for down, right in ((cells, 0), (0, cells)):
                if row + down < 5 and column + right < 7:
                    first, second = residual[item, :, row, column], residual[item, :, row + down, column + right]
                    wanted += torch.outer(first, second)
                    pairs += int(hole[item, 0, row, column] * hole[item, 0, row + down, column + right])
        torch.testing.assert_close(products, (wanted + wanted.T) / 2)
        assert count == pairs


def test_the_fit_finds_the_model_that_made_the_covariances():
    """A sum of three scales, one of them of rank 1; and of covariances of no model, matrices that can be ones."""
    correlations = torch.tensor([[1, 0, 0, 0], [1, 0.7, 0.2, 0], [1, 0.9, 0.7, 0.3]], dtype=torch.float64)
    vector = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    model = torch.stack([(MIXING @ MIXING).double(), torch.outer(vector, vector), torch.eye(3, dtype=torch.float64)])
    covariances = torch.einsum("sl,scd->lcd", correlations, model)
    torch.testing.assert_close(fitted(covariances, correlations), model, atol=0.02, rtol=0)
    assert (torch.linalg.eigvalsh(fitted(-covariances, correlations)) >= -1e-12).all()


def test_examples_without_holes_are_an_error():
    with pytest.raises(ValueError, match="takes examples with holes"):
        ResidualNoise(CHANNELS).measure(examples_of(torch.zeros(2, CHANNELS, 8, 8), torch.zeros(1, 1, 8, 8)))


def flow(**options):
    return FlowRefiner(CHANNELS, width=8, multipliers=(1,), attention=False, **options)


def test_a_flow_starts_from_the_continuation_and_this_noise(monkeypatch):
    refiner = flow(noise="residual", continued=True)
    latent = torch.randn(2, CHANNELS, 6, 6, generator=torch.Generator().manual_seed(0))
    hole = torch.zeros(2, 1, 6, 6)
    hole[..., 2:5, 1:4] = 1
    added = torch.full_like(latent, 3.0)
    monkeypatch.setattr(module.ResidualNoise, "draw", lambda *arguments: added)
    start = refiner.start(Condition(latent, hole, hole))
    assert torch.equal(start, latent + 3 * hole)


def test_it_is_measured_once_and_kept():
    refiner = flow(noise="residual", continued=True)
    assert refiner.needs_measuring and not flow().needs_measuring
    residuals = torch.randn(16, CHANNELS, 8, 8, generator=torch.Generator().manual_seed(0))
    hole = torch.ones(16, 1, 8, 8)
    refiner.measure([(residuals, Condition(torch.zeros_like(residuals), hole, hole))])  # which continues as 0
    directly = ResidualNoise(CHANNELS)
    directly.measure([(residuals, hole)])
    assert torch.equal(refiner.residual_noise.roots, directly.roots)
    assert not refiner.needs_measuring
    other = flow(noise="residual", continued=True)
    other.load_state_dict(refiner.state_dict())
    assert not other.needs_measuring and torch.equal(other.residual_noise.roots, refiner.residual_noise.roots)


@pytest.mark.parametrize(
    "options",
    [{"noise": "residual"}, {"noise": "residual", "continued": True, "churn": 0.5}, {"noise": "pink"}],
)
def test_arguments_that_exclude_each_other_are_one_sentence(options):
    from latentinpaint.errors import InputError

    with pytest.raises(InputError, match="noise"):
        flow(**options)


def spread_after(steps, noise_variance, data_variance):
    """The variance, over the data's, of Euler's steps along the cosine path of a Gaussian with the exact drift."""
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    scale = torch.tensor(noise_variance, dtype=torch.float64).sqrt()  # of the state, which stays a multiple of z_0
    for now, then in zip(times[:-1], times[1:], strict=True):
        alpha, beta = torch.cos(now * torch.pi / 2), torch.sin(now * torch.pi / 2)
        variance = alpha**2 * noise_variance + beta**2 * data_variance
        # E[z_0 | z] and E[z_1 | z] are these multiples of z; the step is the operators' own difference.
        source, data = alpha * noise_variance / variance, beta * data_variance / variance
        turned = torch.cos(then * torch.pi / 2) * source + torch.sin(then * torch.pi / 2) * data
        scale = scale * turned
    return (scale**2 / data_variance).item()


@pytest.mark.parametrize("data_variance", [60.0, 1.0, 0.01])
def test_noise_of_the_data_s_own_variance_keeps_the_spread_in_any_number_of_steps(data_variance):
    """What the module is for: against white noise a few steps lose much of it, unless the variances are alike."""
    for steps in (2, 4):
        matched = spread_after(steps, data_variance, data_variance)
        white = spread_after(steps, 1.0, data_variance)
        assert matched == pytest.approx(spread_after(steps, 1.0, 1.0), rel=1e-9)
        assert white <= matched + 1e-9
        if data_variance != 1:
            assert white < 0.8 * matched
