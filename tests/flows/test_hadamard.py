"""Hadamard flows with exact drifts in the network's place: the exact laws of every path."""

import pytest
import torch
from oracles import Gaussian
from scipy import stats
from small_flows import SMALL_UNET, make, samples, seeded

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, SamplerConfig
from latentinpaint.interpolants import PATH_SOLVERS, Hadamard, Process


class Constant:
    """A distribution that always draws the same alphas."""

    def __init__(self, alpha):
        self.alpha = alpha

    def draw(self, shape, generator=None):
        assert len(self.alpha) == shape[0]
        return self.alpha


def config(steps, seeds, epsilon=0.0):
    """Euler's steps, and a generator for each item."""
    return SamplerConfig(steps=steps, epsilon=epsilon, generator=seeded(*seeds))


def exact_hadamard(**arguments):
    """A Hadamard flow of 1 x 2 x 3 pictures with the exact drifts of Gaussian data, and those data."""
    flow = HadamardFlow((1, 2, 3), **SMALL_UNET, block_side=2, **arguments).double()
    factor = torch.randn(6, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    covariance = factor @ factor.T / 6 + 0.2 * torch.eye(6).double()
    oracle = Gaussian(torch.linspace(-1, 1, 6, dtype=torch.float64), covariance)

    def drifts(process, x):
        alpha, beta = (operator.values for operator in (process.alpha, process.beta))
        assert (alpha == alpha[:1]).all()  # the oracle knows one process for all items
        return oracle(Process(Hadamard(alpha[:1]), Hadamard(beta[:1])), x)

    flow.drifts = drifts
    return flow, oracle


HOLE = torch.tensor([[1, 0, 1], [0, 1, 1]]).view(1, 1, 2, 3).double()


def schur(oracle, known_values):
    hole = HOLE.flatten().bool()
    c, mean = oracle.covariance, oracle.mean
    gain = torch.linalg.solve(c[~hole][:, ~hole], c[~hole][:, hole]).T
    return mean[hole] + gain @ (known_values - mean[~hole]), c[hole][:, hole] - gain @ c[~hole][:, hole]


def test_one_step_of_a_hadamard_flow_is_the_conditional_mean():
    flow, oracle = exact_hadamard()
    picture = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = flow.inpaint(picture, HOLE, config(1, [0])).x.flatten()
    hole = HOLE.flatten().bool()
    centre, _ = schur(oracle, picture.flatten()[~hole])
    torch.testing.assert_close(found[hole], centre, atol=1e-10, rtol=0)
    assert torch.equal(found[~hole], picture.flatten()[~hole])


def pushed(monkeypatch, sample, hole):
    """Mean and covariance that an affine sampler gives the hole, from noises of zero and of one at a time."""
    size = int(hole.sum())
    noises = torch.zeros(size + 1, 6, dtype=torch.float64)
    noises[1:, hole] = torch.eye(size).double()
    inputs = noises.view(size + 1, 1, 2, 3)
    monkeypatch.setattr("latentinpaint.flows.hadamard.draw_normal", lambda like, generator: inputs)
    ended = sample(size + 1).x.flatten(1)[:, hole]
    linear = (ended[1:] - ended[0]).T
    return ended[0], linear @ linear.T


@pytest.mark.parametrize("task", ["inpaint", "sequential"])
def test_fills_of_a_hadamard_flow_have_the_conditional_law(task, monkeypatch):
    """Euler's mean is exact, whatever the steps; its covariance is after Richardson's extrapolation to no step."""
    flow, oracle = exact_hadamard()
    one = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    hole = HOLE.flatten().bool()

    def sample(count, steps):
        inputs = one.expand(count, -1, -1, -1), HOLE.expand(count, -1, -1, -1)
        return getattr(flow, task)(*inputs, config(steps, range(count)))

    centre, covariance = schur(oracle, one.flatten()[~hole])
    assert (covariance / oracle.covariance[hole][:, hole] - 1).abs().max() > 0.3  # knowing matters here
    found = {}
    for steps in (100, 200, 400):
        mean, found[steps] = pushed(monkeypatch, lambda count, n=steps: sample(count, n), hole)
        torch.testing.assert_close(mean, centre, atol=1e-9, rtol=0)
    halved = [2 * found[200] - found[100], 2 * found[400] - found[200]]
    torch.testing.assert_close(halved[1] + (halved[1] - halved[0]) / 3, covariance, atol=1e-4, rtol=0)


def test_noise_on_the_way_changes_the_samples_and_not_their_law():
    flow, oracle = exact_hadamard()
    many = 600
    one = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    picture, holes, hole = one.expand(many, -1, -1, -1), HOLE.expand(many, -1, -1, -1), HOLE.flatten().bool()
    plain, noisy = (
        flow.inpaint(picture, holes, config(80, range(many), epsilon)).x.flatten(1) for epsilon in (0.0, 0.7)
    )
    assert (plain - noisy).abs()[:, hole].mean() > 0.05
    assert torch.equal(noisy[:, ~hole], picture.flatten(1)[:, ~hole])
    centre, covariance = schur(oracle, one.flatten()[~hole])
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), (noisy[:, hole] - centre).T, upper=False)
    assert stats.kstest(white.flatten().numpy(), "norm").statistic < 0.05


@pytest.mark.parametrize("order", ["raster", "morton"])
def test_the_order_of_blocks(order):
    """On 4 x 4 with blocks of 1 the two orders part at the third entry."""
    flow = HadamardFlow((1, 4, 4), **SMALL_UNET, block_side=1)
    seen = []

    def watching(process, x):
        seen.append((process.alpha.values[0, 0] > 0).clone())
        return process.endpoints_from_difference(x, torch.zeros_like(x))

    flow.drifts = watching
    nothing, everywhere = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    flow.sequential(nothing, everywhere, config(1, [0]), order=order)
    done = [tuple((~after & before).nonzero()[0].tolist()) for before, after in zip(seen, seen[1:], strict=False)]
    expected = [(0, 0), (0, 1), (0, 2), (0, 3)] if order == "raster" else [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert done[:4] == expected and len(done) == 15


def test_generated_rows_have_the_datas_law():
    flow, oracle = exact_hadamard()
    found = flow.generate(500, config(80, range(500))).x.flatten(1)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(oracle.covariance), (found - oracle.mean).T, upper=False
    )
    assert stats.kstest(white.flatten().numpy(), "norm").statistic < 0.03


def test_the_posterior_of_a_hadamard_flow_is_exact_and_the_denoise_start_is_not():
    flow, oracle = exact_hadamard()
    noise_std, many = 0.8, 400
    y = torch.tensor([1.5, -2.0, 0.5, 1.0, 0.0, -1.0], dtype=torch.float64)
    y = y.view(1, 1, 2, 3).expand(many, -1, -1, -1)
    precision = torch.linalg.inv(oracle.covariance) + torch.eye(6).double() / noise_std**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (torch.linalg.inv(oracle.covariance) @ oracle.mean + y[0].flatten() / noise_std**2)
    everything = torch.zeros(many, 1, 2, 3).double()
    exact = flow.posterior(y, everything, noise_std, config(200, range(many))).x.flatten(1)
    plain = flow.denoise(y, noise_std, config(200, range(many))).x.flatten(1)
    error = covariance.diagonal().sqrt() / many**0.5
    assert ((exact.mean(0) - mean).abs() < 5 * error + 0.02).all()
    assert abs(torch.cov(exact.T).trace() / covariance.trace() - 1) < 5 * (2 / many) ** 0.5
    assert ((plain.mean(0) - mean).abs() > 5 * error + 0.02).any() or plain.var(0).sum() < 0.5 * covariance.trace()


def test_what_a_hadamard_flow_learns():
    """Mean squared error of eta where there is noise, and nowhere else."""
    flow = make("hadamard", measure={"holes": 1.0}, known_noise=0.0)
    source, target = samples(flow)
    loss = flow.loss(source, target, torch.Generator().manual_seed(1))["loss"].item()
    alpha = flow.training_distribution.draw(target.shape, torch.Generator().manual_seed(1))
    prediction = flow.network(alpha * source + (1 - alpha) * target, alpha)
    noisy = (alpha > 0).expand_as(prediction)
    assert 0.05 < noisy.float().mean() < 0.95
    expected = (prediction - (source - target)).square()[noisy].mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)
    changed = torch.where(alpha > 0, source, source + 5)  # noise that leaves no trace
    again = flow.loss(changed, target, torch.Generator().manual_seed(1))["loss"].item()
    assert again == pytest.approx(loss, rel=1e-5)


def test_the_measures_weights_are_shares_of_the_loss():
    """Holes of a quarter of the picture and whole pictures, equally often, with errors 1 and 3 (in the square): by
    items 2, by entries (1 / 4 + 3) / (1 / 4 + 1) = 2.6."""
    for weighting, expected in (("items", 2.0), ("exact", 2.6)):
        flow = make("hadamard", weighting=weighting)
        alpha = torch.ones(4, 1, 8, 8)
        alpha[:2, :, 4:] = 0
        alpha[:2, :, :, 4:] = 0
        errors = torch.tensor([1.0, 1.0, 3.0, 3.0]).sqrt().view(4, 1, 1, 1).expand(4, 2, 8, 8)
        flow.stages = [Constant(alpha)]
        flow.difference = lambda x, alpha: torch.zeros_like(x)
        loss = flow.loss(errors, torch.zeros(4, 2, 8, 8))["loss"].item()
        assert loss == pytest.approx(expected, rel=1e-6)


def test_slices_are_all_pairs_of_pictures_and_alphas():
    """Algorithm 1: m alphas, and each of them for all n pictures."""
    flow = make("hadamard", slices=3)
    source, target = samples(flow, 2)
    alphas = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    flow.stages = [Constant(alphas)]
    seen = []

    def watching(x, alpha):
        seen.extend(zip(x, alpha, strict=True))
        return torch.zeros_like(x)

    flow.difference = watching
    loss = flow.loss(source, target)["loss"].item()
    assert len(seen) == 6
    for alpha in alphas:
        for x_0, x_1 in zip(source, target, strict=True):
            point = alpha * x_0 + (1 - alpha) * x_1
            found = [x for x, its_alpha in seen if torch.equal(its_alpha, alpha) and torch.allclose(x, point)]
            assert len(found) == 1
    assert loss == pytest.approx((source - target).square().mean().item(), rel=1e-5)


def test_stages_follow_one_another():
    """Each has an equal part of the training: one alpha a picture, then one a pixel, then one a block."""
    flow = make("hadamard", measure=[{"diagonal": 1.0}, {"entrywise": 1.0}, {"blocks": 1.0}])
    source, target = samples(flow)
    counts = []

    def watching(x, alpha):
        counts.append([len(item.unique()) for item in alpha])
        return torch.zeros_like(x)

    flow.difference = watching
    for progress in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0):
        flow.progress = progress
        flow.loss(source, target, torch.Generator().manual_seed(0))
    assert counts == [[1] * 4, [1] * 4, [64] * 4, [64] * 4, [9] * 4, [9] * 4]
    with pytest.raises(InputError, match="measure 'rows'"):
        make("hadamard", measure=[{"diagonal": 1.0}, {"rows": 1.0}])
    with pytest.raises(InputError, match="one stage or more"):
        make("hadamard", measure=[])


def test_the_callers_own_order():
    """Blocks that are done are data for the next."""
    flow, oracle = exact_hadamard()
    seen = []

    def watching(process, x):
        seen.append(process.alpha.values.flatten().tolist())
        return oracle(process, x)

    flow.drifts = watching
    order = torch.tensor([[2, 2, 0], [1, 0, 2]])
    nothing, everywhere = torch.zeros(1, 1, 2, 3).double(), torch.ones(1, 1, 2, 3).double()
    flow.sequential(nothing, everywhere, config(1, [0]), block_order=order)
    assert seen == [[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1], [1, 1, 0, 0, 0, 1]]


@pytest.mark.parametrize("quadratic", [0.0, -2.5])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_samples_under_a_reward_have_the_tilted_law(quadratic, scale, monkeypatch):
    """Data scale x: precision C^-1 / scale^2 - A, mean that of C^-1 mu / scale + b; the start's error is 0.02^2."""
    flow, oracle = exact_hadamard(scale=scale, solver="midpoint")
    linear = torch.tensor([0.4, -0.2, 0.0, 0.1, 0.3, 0.5], dtype=torch.float64)
    precision = torch.linalg.inv(oracle.covariance) / scale**2
    covariance = torch.linalg.inv(precision - quadratic * torch.eye(6).double())
    mean = covariance @ (precision @ oracle.mean * scale + linear)
    noises = torch.cat([torch.zeros(1, 6), torch.eye(6)]).double().view(7, 1, 2, 3)
    monkeypatch.setattr("latentinpaint.flows.hadamard.sample_noise", lambda flow, count, generator: noises)
    settings = SamplerConfig("midpoint", 200, generator=seeded(*range(7)))
    ended = flow.reward(7, quadratic, linear.view(1, 1, 2, 3), settings).x.flatten(1)
    matrix = (ended[1:] - ended[0]).T
    torch.testing.assert_close(ended[0], mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(matrix @ matrix.T, covariance, atol=2e-3, rtol=0)
    assert (mean - scale * oracle.mean).abs().max() > 0.05


def test_a_reward_that_no_path_leads_to():
    with pytest.raises(InputError, match="0 or below"):
        exact_hadamard()[0].reward(1, 0.1)


def test_a_quadratic_reward_is_that_of_all_channels():
    flow = make("hadamard")
    with pytest.raises(InputError, match="all channels"):
        flow.reward(1, -torch.tensor([1.0, 2.0]).view(1, 2, 1, 1))
    assert flow.reward(1, -1.0, torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)).x.shape == (1, 2, 8, 8)


@pytest.mark.parametrize("task", ["inpaint", "denoise", "posterior", "generate", "sequential"])
def test_the_scale_is_a_change_of_units(task):
    """A flow of data twice as large, given data and noise twice as large, makes twice what the other makes."""
    g = torch.Generator().manual_seed(2)
    picture = torch.randn(3, 1, 2, 3, generator=g, dtype=torch.float64)
    made = []
    for scale in (1.0, 2.0):
        flow, _ = exact_hadamard(scale=scale)
        settings = config(10, range(3))
        inputs = {
            "inpaint": (scale * picture, HOLE.expand(3, -1, -1, -1)),
            "sequential": (scale * picture, HOLE.expand(3, -1, -1, -1)),
            "denoise": (scale * picture, 0.3 * scale),
            "posterior": (scale * picture, HOLE.expand(3, -1, -1, -1), 0.3 * scale),
            "generate": (3,),
        }[task]
        made.append(getattr(flow, task)(*inputs, settings).x / scale)
    torch.testing.assert_close(made[0], made[1], atol=1e-10, rtol=0)


def test_the_scale_divides_what_is_learnt():
    plain, scaled = make("hadamard"), make("hadamard", scale=0.5)
    source, target = samples(plain)
    losses = [
        flow.loss(source, data, torch.Generator().manual_seed(1))["loss"].item()
        for flow, data in ((plain, target), (scaled, 0.5 * target))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_known_entries_are_kept_bit_for_bit_whatever_the_scale():
    flow = make("hadamard", scale=0.3)
    picture, _ = samples(flow)
    hole = (torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    made = flow.inpaint(picture, hole, config(3, range(4))).x
    known = (hole == 0).expand_as(made)
    assert torch.equal(made[known], picture[known]) and (made != picture)[~known].all()


@pytest.mark.parametrize("solver", PATH_SOLVERS)
def test_the_solver_of_a_flow(solver):
    """Every one that messages offer; Heun's last step is Euler's."""
    flow = make("hadamard", solver=solver)
    assert flow.generate(2).nfe == {"euler": 4, "midpoint": 8, "heun": 7}[solver]


def test_what_a_hadamard_flow_cannot_be():
    for wrong, word in (
        ({"solver": "rk4"}, "solver"),
        ({"scale": 0.0}, "scale"),
        ({"estimates": [-1.0]}, "variances"),
    ):
        with pytest.raises(InputError, match=word):
            make("hadamard", **wrong)
    with pytest.raises(InputError, match="euler, midpoint, heun, not rk4"):
        make("hadamard").generate(1, SamplerConfig("rk4"))


def test_a_path_is_a_picture_of_one_column():
    """Points have clocks of their own: the first is pinned, is shown and stays; the others are shown as nothing."""
    flow = HadamardFlow((2, 10, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet", steps=3)
    torch.nn.init.normal_(flow.network.answer.weight, std=0.1)
    source, target = samples(flow)
    shown = flow.preview(source, target, torch.Generator().manual_seed(0))
    pinned = ~shown["hole"].isnan()
    assert pinned[:, :, 0].all() and not pinned.all(dim=2).any()
    assert torch.equal(shown["hole"][pinned], target[pinned])
    assert torch.equal(shown["fill"][pinned], target[pinned])
    assert (shown["fill"] != target)[~pinned].all()
    assert flow.loss(source, target)["loss"] > 0


def test_a_network_that_is_not_there():
    with pytest.raises(InputError, match="alpha_unet, path_unet"):
        HadamardFlow((2, 10, 1), network="transformer")
