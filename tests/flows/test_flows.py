"""Flows: what every flow promises, and with exact drifts in the networks' place the exact laws."""

import inspect

import numpy as np
import pytest
import torch
from oracles import Gaussian
from scipy import stats
from scipy.linalg import sqrtm

from latentinpaint.errors import InputError
from latentinpaint.flows import FLOWS, HadamardFlow, MaskConditionedFlow, Sampling, ScheduledFlow
from latentinpaint.interpolants import SCHEDULES, Hadamard, Process
from latentinpaint.models.velocity import NETWORKS, build_network
from latentinpaint.weights import load_flow, save_flow

PICTURE = (2, 8, 8)
SMALL_UNET = dict(width=16, multipliers=(1, 2), blocks=1)


def make(name, **arguments):
    torch.manual_seed(0)
    flow = {
        "points": lambda: ScheduledFlow((2,), network_arguments={"width": 16}, **arguments),
        "pictures": lambda: ScheduledFlow(PICTURE, "add_unet", {"width": 8}, **arguments),
        "mask_conditioned": lambda: MaskConditionedFlow(PICTURE, base_channels=8, tolerance=1e-2, **arguments),
        "hadamard": lambda: HadamardFlow(PICTURE, **SMALL_UNET, block_side=3, steps=4, **arguments),
    }[name]()
    if name == "hadamard":
        torch.nn.init.normal_(flow.network.network.answer.weight, std=0.05)
    return flow


KINDS = ("points", "pictures", "mask_conditioned", "hadamard")


def rows(flow, count=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, *flow.shape, generator=g) for _ in range(2))


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


# What every flow promises ---------------------------------------------------------------------------------


def test_every_flow_is_tested():
    assert {type(make(name)) for name in KINDS} == set(FLOWS.values())


@pytest.mark.parametrize("name", KINDS)
def test_losses_are_seeded_numbers(name):
    flow = make(name)
    source, target = rows(flow)
    losses, again, other = (flow.loss(source, target, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(value.ndim == 0 and value.isfinite() for value in losses.values())
    assert losses["loss"] == again["loss"] and losses["loss"] != other["loss"]


@pytest.mark.parametrize("name", KINDS)
def test_every_parameter_learns(name):
    flow = make(name).train()
    source, target = rows(flow)
    before = {key: value.clone() for key, value in flow.named_parameters()}
    optimiser = torch.optim.Adam(flow.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = flow.loss(source, target, torch.Generator().manual_seed(0))["loss"]
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    assert all(not torch.equal(value, before[key]) for key, value in flow.named_parameters())


# Every argument other than its default.
OTHERS = [
    ScheduledFlow((3,), "mlp", {"width": 8}, "cosine", "midpoint", 7, 0.02),
    MaskConditionedFlow(PICTURE, "thin", 3.0, "mean", 8, "euler", 7, 0.02),
    HadamardFlow(
        *(PICTURE, 16, (1, 3), 2, False, 0.2, {"blocks": 2.0, "holes": 1.0}, 3, "patches", 0.6, 7, 0.4),
    ),
]


@pytest.mark.parametrize("flow", OTHERS, ids=lambda flow: type(flow).__name__)
def test_a_file_rebuilds_the_flow(flow, tmp_path):
    defaults = {n: p.default for n, p in inspect.signature(type(flow)).parameters.items()}
    assert set(defaults) == set(flow.arguments)
    # The network's default is the one that takes points.
    assert all(flow.arguments[name] != value for name, value in defaults.items() if name != "network")
    save_flow(flow, tmp_path / "flow.safetensors", {"steps": 3})
    again = load_flow(tmp_path)
    assert type(again) is type(flow) and again.arguments == flow.arguments and again.sampling == flow.sampling
    for name in ("measure", "masks", "hole_weight", "weighting", "block_side"):
        assert getattr(again, name, None) == getattr(flow, name, None)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in flow.state_dict().items())
    assert not again.training


@pytest.mark.parametrize("name", KINDS)
def test_what_is_shown(name):
    flow = make(name)
    source, target = rows(flow)
    with torch.no_grad():
        shown = flow.show(source, target, torch.Generator().manual_seed(0))
    assert len(shown) >= 3 and all(value.shape == target.shape for value in shown.values())


@pytest.mark.parametrize("name", KINDS)
def test_abilities_are_methods(name):
    flow = make(name)
    assert flow.abilities and all(callable(getattr(flow, ability)) for ability in flow.abilities)


@pytest.mark.parametrize(("name", "ability"), [(n, a) for n in KINDS for a in make(n).abilities])
def test_rows_do_not_depend_on_their_neighbours(name, ability):
    flow = make(name).eval()
    picture, _ = rows(flow, 3)
    hole = (torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.5).float()

    def ask(part):
        given, generators = picture[part], seeded(*range(10, 13)[part])
        calls = {
            "generate": lambda: flow.generate(len(given), generators),
            "transport": lambda: flow.transport(given),
            "inpaint": lambda: flow.inpaint(given, hole[part], generators),
            "sequential": lambda: flow.sequential(given, hole[part], generators),
            "denoise": lambda: flow.denoise(given, 0.3, generators),
            "posterior": lambda: flow.posterior(given, hole[part], 0.3, generators),
        }
        with torch.no_grad():
            return calls[ability]()

    together = ask(slice(0, 3))
    assert together.x.shape == (3, *flow.shape) and together.nfe > 0
    for row in range(3):
        alone = ask(slice(row, row + 1))
        torch.testing.assert_close(alone.x[0], together.x[row], atol=1e-4, rtol=1e-4)
    if ability in ("inpaint", "sequential"):
        known = (hole == 0).expand_as(picture)
        assert torch.equal(together.x[known], picture[known])
        assert not torch.equal(together.x[~known], picture[~known])


def test_impossible_flows():
    with pytest.raises(InputError, match="schedule 'quadratic'.*linear"):
        ScheduledFlow((2,), schedule="quadratic")
    with pytest.raises(InputError, match="network 'transformer'.*mlp"):
        ScheduledFlow((2,), "transformer")
    with pytest.raises(InputError, match="'mlp' does not take pictures"):
        ScheduledFlow(PICTURE)
    with pytest.raises(InputError, match="'add_unet' cannot be built.*depth"):
        ScheduledFlow(PICTURE, "add_unet", {"depth": 3})
    with pytest.raises(InputError, match="solver 'heun'"):
        ScheduledFlow((2,), solver="heun")
    for kind in (MaskConditionedFlow, HadamardFlow):
        with pytest.raises(InputError, match="takes pictures"):
            kind((2,))
    with pytest.raises(InputError, match="weighting one of exact, mean"):
        MaskConditionedFlow(PICTURE, weighting="none")
    with pytest.raises(InputError, match="measure 'rows'.*diagonal"):
        HadamardFlow(PICTURE, measure={"rows": 1.0})
    with pytest.raises(InputError, match="steps start at 1"):
        Sampling(steps=0)
    with pytest.raises(InputError, match="order 'spiral'.*morton"):
        make("hadamard").sequential(*rows(make("hadamard")), order="spiral")
    with pytest.raises(InputError, match="Euler"):
        make("hadamard").generate(1, sampling=Sampling("rk4"))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_answer_in_the_rows_shape(name):
    shape = (2,) if NETWORKS[name].dimensions == 1 else (2, 8, 8)
    arguments = {"mlp": {"width": 8}, "concat_unet": {"base_channels": 8}, "time_unet": {"width": 16}}.get(name)
    network = build_network(name, shape, arguments)
    assert network(torch.randn(3, *shape), torch.rand(3)).shape == (3, *shape)


# A schedule -----------------------------------------------------------------------------------------------

MEAN = torch.tensor([0.5, -1.0], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=torch.float64)


def exact_scheduled(schedule, **arguments):
    """A flow of points whose velocity is that of Gaussian data."""
    flow = ScheduledFlow((2,), schedule=schedule, **arguments).double()
    oracle = Gaussian(MEAN, COVARIANCE)

    def velocity(x, t):
        assert (t == t[0]).all()
        return flow.path.velocity(oracle(flow.path.at(t[0]), x), t[0])

    flow.velocity = velocity
    return flow


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_exact_velocity_carries_noise_to_the_data(schedule):
    """The map is mu + C^(1/2) x_0 for a pure source: every point is where it belongs."""
    flow = exact_scheduled(schedule, solver="rk4", steps=400)
    source = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    root = torch.from_numpy(np.real(sqrtm(COVARIANCE.numpy())))
    # The variance-preserving source still holds 0.0066 of the data, and its last step is an expectation.
    tolerance = 2e-2 if schedule == "variance_preserving" else 1e-6
    torch.testing.assert_close(flow.transport(source).x, MEAN + source @ root, atol=tolerance, rtol=0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_variance_on_the_way(schedule):
    """Between standard normal ends: (1 - t)^2 + t^2 for the linear schedule, 1 for the cosine one."""
    flow = ScheduledFlow((2,), schedule=schedule, solver="rk4", steps=40).double()
    oracle = Gaussian(torch.zeros(2).double() + 4, torch.eye(2).double())
    flow.velocity = lambda x, t: flow.path.velocity(oracle(flow.path.at(t[0]), x), t[0])
    # Rows whose variance is 1 exactly.
    source = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    times = torch.tensor([0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64)
    variances = flow.trajectory(source, times).var(dim=1, correction=0).mean(dim=1)
    expected = [1, 0.625, 0.5, 0.625, 1] if schedule == "linear" else [1] * 5
    assert variances.tolist() == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_a_schedule_by_hand():
    flow = make("points", schedule="cosine")
    source, target = rows(flow, 5)
    t = torch.rand(5, generator=torch.Generator().manual_seed(3))
    loss = flow.loss(source, target, torch.Generator().manual_seed(3))["loss"].item()
    angle = np.pi / 2 * t[:, None]
    x = angle.cos() * source + angle.sin() * target
    rate = np.pi / 2 * (-angle.sin() * source + angle.cos() * target)
    assert loss == pytest.approx((flow.network(x, t) - rate).square().mean().item(), rel=1e-5)


# A hole that is told --------------------------------------------------------------------------------------


def told(weighting):
    return make("mask_conditioned", weighting=weighting)


def test_the_losses_of_the_mask_conditioned_flow_by_hand():
    """Every row has its own hole, and both networks see it; with "mean" the weight is one number a batch."""
    for weighting in ("exact", "mean"):
        flow = told(weighting)
        source, target = rows(flow, 3)
        losses = flow.loss(source, target, torch.Generator().manual_seed(4))
        g = torch.Generator().manual_seed(4)
        hole = torch.stack([flow.masks(8, 8, g) for _ in range(3)])
        assert len({h.numpy().tobytes() for h in hole}) == 3
        t = torch.rand(3, generator=g).view(-1, 1, 1, 1)
        start = torch.where(hole > 0, source, target)
        x = (1 - t) * start + t * target
        seen = torch.cat([x, hole], dim=1)
        b, eta = flow.velocity_network(seen, t.flatten()), flow.noise_network(seen, t.flatten())
        velocity = 0.5 * b**2 - (target - start) * b
        noise = 0.5 * eta**2 + eta * start
        weight = (1 + 9 * hole).expand_as(b)
        for name, values in (("velocity", velocity), ("noise", noise)):
            if weighting == "exact":
                expected = 128 * (weight * values).sum() / weight.sum()
            else:
                expected = weight.mean() * values.flatten(1).sum(dim=1).mean()
            assert losses[name].item() == pytest.approx(expected.item(), rel=1e-4)
        assert losses["loss"].item() == pytest.approx((losses["velocity"] + losses["noise"]).item(), rel=1e-5)


def test_one_step_of_adam_knows_no_scale():
    """So the batch's mean weight hardly matters: the loss times 1 and times 3 lead to the same parameters."""
    ends, slopes = [], []
    for factor in (1.0, 3.0):
        flow = told("mean").double()
        optimiser = torch.optim.Adam(flow.parameters(), lr=1e-3)
        source, target = (part.double() for part in rows(flow))
        (factor * flow.loss(source, target, torch.Generator().manual_seed(0))["loss"]).backward()
        slopes.append(torch.cat([p.grad.flatten() for p in flow.parameters()]))
        optimiser.step()
        ends.append(torch.cat([p.detach().flatten() for p in flow.parameters()]))
    torch.testing.assert_close(slopes[1], 3 * slopes[0], atol=1e-10, rtol=1e-6)
    above_epsilon = slopes[0].abs() > 1e-4
    start = torch.cat([p.detach().flatten() for p in told("mean").double().parameters()])
    assert above_epsilon.float().mean() > 0.4 and (ends[0] - start)[above_epsilon].abs().min() > 9e-4
    torch.testing.assert_close(ends[0][above_epsilon], ends[1][above_epsilon], atol=1e-6, rtol=0)


def test_the_denoiser_is_the_velocity_again():
    """For the linear path eta = t b - x: "relation" is 0 where a denoiser keeps to it."""
    flow = make("mask_conditioned")
    flow.noise = lambda x, t, hole: t.view(-1, 1, 1, 1) * flow.velocity(x, t, hole) - x
    assert flow.loss(*rows(flow))["relation"].item() == pytest.approx(0, abs=1e-6)
    flow.noise = lambda x, t, hole: t.view(-1, 1, 1, 1) * flow.velocity(x, t, hole) - x + 0.5
    assert flow.loss(*rows(flow))["relation"].item() == pytest.approx(0.5, abs=1e-5)


def test_the_content_of_a_hole_does_not_matter():
    flow = make("mask_conditioned").eval()
    picture, other = rows(flow, 2)
    hole = torch.zeros(2, 1, 8, 8)
    hole[..., 2:6, 3:7] = 1
    with torch.no_grad():
        one = flow.inpaint(picture, hole, seeded(1, 2)).x
        two = flow.inpaint(torch.where(hole > 0, other, picture), hole, seeded(1, 2)).x
    assert torch.equal(one, two)


# Entrywise clocks -----------------------------------------------------------------------------------------


def exact_hadamard(**arguments):
    """A Hadamard flow of 1 x 2 x 3 pictures with the exact drifts of Gaussian data, and those data."""
    flow = HadamardFlow((1, 2, 3), **SMALL_UNET, block_side=2, **arguments).double()
    factor = torch.randn(6, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    covariance = factor @ factor.T / 6 + 0.2 * torch.eye(6).double()
    oracle = Gaussian(torch.linspace(-1, 1, 6, dtype=torch.float64), covariance)

    def drifts(process, x):
        alpha, beta = (operator.values for operator in (process.alpha, process.beta))
        assert (alpha == alpha[:1]).all()  # the oracle knows one process for all rows
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
    found = flow.inpaint(picture, HOLE, seeded(0), Sampling(steps=1)).x.flatten()
    hole = HOLE.flatten().bool()
    centre, _ = schur(oracle, picture.flatten()[~hole])
    torch.testing.assert_close(found[hole], centre, atol=1e-10, rtol=0)
    assert torch.equal(found[~hole], picture.flatten()[~hole])


def pushed(monkeypatch, ask, hole):
    """Mean and covariance that an affine sampler gives the hole, from noises of zero and of one at a time."""
    size = int(hole.sum())
    noises = torch.zeros(size + 1, 6, dtype=torch.float64)
    noises[1:, hole] = torch.eye(size).double()
    given = noises.view(size + 1, 1, 2, 3)
    monkeypatch.setattr("latentinpaint.flows.hadamard.draw_normal", lambda like, generator: given)
    ended = ask(size + 1).x.flatten(1)[:, hole]
    linear = (ended[1:] - ended[0]).T
    return ended[0], linear @ linear.T


@pytest.mark.parametrize("ability", ["inpaint", "sequential"])
def test_fills_of_a_hadamard_flow_have_the_conditional_law(ability, monkeypatch):
    """Euler's mean is exact, whatever the steps; its covariance is after Richardson's extrapolation to no step."""
    flow, oracle = exact_hadamard()
    one = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    hole = HOLE.flatten().bool()

    def ask(count, steps):
        given = one.expand(count, -1, -1, -1), HOLE.expand(count, -1, -1, -1)
        return getattr(flow, ability)(*given, seeded(*range(count)), Sampling(steps=steps))

    centre, covariance = schur(oracle, one.flatten()[~hole])
    assert (covariance / oracle.covariance[hole][:, hole] - 1).abs().max() > 0.3  # knowing matters here
    found = {}
    for steps in (100, 200, 400):
        mean, found[steps] = pushed(monkeypatch, lambda count, n=steps: ask(count, n), hole)
        torch.testing.assert_close(mean, centre, atol=1e-9, rtol=0)
    halved = [2 * found[200] - found[100], 2 * found[400] - found[200]]
    torch.testing.assert_close(halved[1] + (halved[1] - halved[0]) / 3, covariance, atol=1e-4, rtol=0)


def test_noise_on_the_way_changes_the_samples_and_not_their_law():
    flow, oracle = exact_hadamard()
    many = 600
    one = torch.randn(1, 1, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    picture, holes, hole = one.expand(many, -1, -1, -1), HOLE.expand(many, -1, -1, -1), HOLE.flatten().bool()
    plain, noisy = (
        flow.inpaint(picture, holes, seeded(*range(many)), Sampling(steps=80, epsilon=epsilon)).x.flatten(1)
        for epsilon in (0.0, 0.7)
    )
    assert (plain - noisy).abs()[:, hole].mean() > 0.05
    assert torch.equal(noisy[:, ~hole], picture.flatten(1)[:, ~hole])
    centre, covariance = schur(oracle, one.flatten()[~hole])
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), (noisy[:, hole] - centre).T, upper=False)
    assert stats.kstest(white.flatten().numpy(), "norm").statistic < 0.05


@pytest.mark.parametrize("order", ["raster", "morton"])
def test_blocks_have_their_turns(order):
    """On 4 x 4 with blocks of 1 the two orders part at the third entry."""
    flow = HadamardFlow((1, 4, 4), **SMALL_UNET, block_side=1)
    seen = []

    def watching(process, x):
        seen.append((process.alpha.values[0, 0] > 0).clone())
        return process.endpoints_from_difference(x, torch.zeros_like(x))

    flow.drifts = watching
    nothing, everywhere = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    flow.sequential(nothing, everywhere, seeded(0), Sampling(steps=1), order=order)
    done = [tuple((~after & before).nonzero()[0].tolist()) for before, after in zip(seen, seen[1:], strict=False)]
    expected = [(0, 0), (0, 1), (0, 2), (0, 3)] if order == "raster" else [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert done[:4] == expected and len(done) == 15


def test_generated_rows_have_the_datas_law():
    flow, oracle = exact_hadamard()
    found = flow.generate(500, seeded(*range(500)), Sampling(steps=80)).x.flatten(1)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(oracle.covariance), (found - oracle.mean).T, upper=False
    )
    assert stats.kstest(white.flatten().numpy(), "norm").statistic < 0.03


def test_the_posterior_of_a_hadamard_flow_is_exact_and_the_denoise_start_is_not():
    flow, oracle = exact_hadamard()
    deviation, many = 0.8, 400
    y = torch.tensor([1.5, -2.0, 0.5, 1.0, 0.0, -1.0], dtype=torch.float64)
    y = y.view(1, 1, 2, 3).expand(many, -1, -1, -1)
    precision = torch.linalg.inv(oracle.covariance) + torch.eye(6).double() / deviation**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (torch.linalg.inv(oracle.covariance) @ oracle.mean + y[0].flatten() / deviation**2)
    everything = torch.zeros(many, 1, 2, 3).double()
    generators = seeded(*range(many))
    exact = flow.posterior(y, everything, deviation, generators, Sampling(steps=200)).x.flatten(1)
    plain = flow.denoise(y, deviation, generators, Sampling(steps=200)).x.flatten(1)
    error = covariance.diagonal().sqrt() / many**0.5
    assert ((exact.mean(0) - mean).abs() < 5 * error + 0.02).all()
    assert abs(torch.cov(exact.T).trace() / covariance.trace() - 1) < 5 * (2 / many) ** 0.5
    assert ((plain.mean(0) - mean).abs() > 5 * error + 0.02).any() or plain.var(0).sum() < 0.5 * covariance.trace()


def test_what_a_hadamard_flow_learns():
    """Mean squared error of eta where there is noise, and nowhere else."""
    flow = make("hadamard", measure={"holes": 1.0}, known_noise=0.0)
    source, target = rows(flow)
    loss = flow.loss(source, target, torch.Generator().manual_seed(1))["loss"].item()
    alpha = flow.measure.draw(target.shape, torch.Generator().manual_seed(1))
    answer = flow.network(alpha * source + (1 - alpha) * target, alpha)
    noisy = (alpha > 0).expand_as(answer)
    assert 0.05 < noisy.float().mean() < 0.95
    expected = (answer - (source - target)).square()[noisy].mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)
    changed = torch.where(alpha > 0, source, source + 5)  # noise that leaves no trace
    again = flow.loss(changed, target, torch.Generator().manual_seed(1))["loss"].item()
    assert again == pytest.approx(loss, rel=1e-5)


def test_the_callers_own_order():
    """Blocks that have had their turn are data for the next."""
    flow, oracle = exact_hadamard()
    seen = []

    def watching(process, x):
        seen.append(process.alpha.values.flatten().tolist())
        return oracle(process, x)

    flow.drifts = watching
    turn = torch.tensor([[2, 2, 0], [1, 0, 2]])
    nothing, everywhere = torch.zeros(1, 1, 2, 3).double(), torch.ones(1, 1, 2, 3).double()
    flow.sequential(nothing, everywhere, seeded(0), Sampling(steps=1), turn=turn)
    assert seen == [[1, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1], [1, 1, 0, 0, 0, 1]]
