"""What every flow promises: losses, files, previews, and tasks that treat every item by itself."""

import inspect
from dataclasses import replace

import pytest
import torch
from small_flows import FLOW_NAMES, PICTURE, make, samples, seeded

from latentinpaint.errors import InputError
from latentinpaint.flows import (
    FLOWS,
    HadamardFlow,
    MaskConditionedFlow,
    MultichannelFlow,
    SamplerConfig,
    ScheduledFlow,
)
from latentinpaint.weights import load_flow, save_flow


def test_every_flow_is_tested():
    assert {type(make(name)) for name in FLOW_NAMES} == set(FLOWS.values())


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_losses_are_seeded_numbers(name):
    flow = make(name)
    source, target = samples(flow)
    losses, again, other = (flow.loss(source, target, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(value.ndim == 0 and value.isfinite() for value in losses.values())
    assert losses["loss"] == again["loss"] and losses["loss"] != other["loss"]


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_every_parameter_learns(name):
    flow = make(name).train()
    source, target = samples(flow)
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
        *(PICTURE, 16, (1, 3), 2, False, 0.2, {"blocks": 2.0, "holes": 1.0}, 3, "patches", 0.6, "items", 5, 7, 0.4),
        *("midpoint", 0.5, "circular", (1.0, 10.0)),
    ),
    MultichannelFlow(PICTURE, 16, (1, 3), 2, False, 0.2, 1.0, 5.0, 0.3, 0.9, 2.0, 0.7, 1.0, 7, 0.4),
]


@pytest.mark.parametrize("flow", OTHERS, ids=lambda flow: type(flow).__name__)
def test_a_file_rebuilds_the_flow(flow, tmp_path):
    defaults = {n: p.default for n, p in inspect.signature(type(flow)).parameters.items()}
    assert set(defaults) == set(flow.arguments)
    # The network's default is the one that takes points.
    assert all(flow.arguments[name] != value for name, value in defaults.items() if name != "network")
    save_flow(flow, tmp_path / "flow.safetensors", {"steps": 3})
    again = load_flow(tmp_path)
    assert type(again) is type(flow) and again.arguments == flow.arguments and again.sampler == flow.sampler
    for name in ("stages", "masks", "hole_weight", "weighting", "block_side"):
        assert getattr(again, name, None) == getattr(flow, name, None)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in flow.state_dict().items())
    assert not again.training


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_previews(name):
    flow = make(name)
    source, target = samples(flow)
    with torch.no_grad():
        shown = flow.preview(source, target, torch.Generator().manual_seed(0))
    assert len(shown) >= 3 and all(value.shape == target.shape for value in shown.values())


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_abilities_are_methods(name):
    flow = make(name)
    assert flow.tasks and all(callable(getattr(flow, task)) for task in flow.tasks)


@pytest.mark.parametrize(("name", "task"), [(n, a) for n in FLOW_NAMES for a in make(n).tasks])
def test_items_do_not_depend_on_their_neighbours(name, task):
    flow = make(name).eval()
    picture, _ = samples(flow, 3)
    hole = (torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.5).float()

    def sample(part):
        pictures = picture[part]
        config = replace(flow.sampler, generator=seeded(*range(10, 13)[part]))
        calls = {
            "generate": lambda: flow.generate(len(pictures), config),
            "transport": lambda: flow.transport(pictures),
            "inpaint": lambda: flow.inpaint(pictures, hole[part], config),
            "sequential": lambda: flow.sequential(pictures, hole[part], config),
            "adaptive": lambda: flow.adaptive(pictures, hole[part], config),
            "denoise": lambda: flow.denoise(pictures, 0.3, config),
            "posterior": lambda: flow.posterior(pictures, hole[part], 0.3, config),
            "reward": lambda: flow.reward(len(pictures), -0.4, 0.3, config),
            "restore": lambda: flow.restore(pictures, {"blur": 0.6, "noise": 0.3}, config),
        }
        with torch.no_grad():
            return calls[task]()

    together = sample(slice(0, 3))
    assert together.x.shape == (3, *flow.shape) and together.nfe > 0
    for item in range(3):
        alone = sample(slice(item, item + 1))
        torch.testing.assert_close(alone.x[0], together.x[item], atol=1e-4, rtol=1e-4)
    if task in ("inpaint", "sequential", "adaptive"):
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
    for flow_class in (MaskConditionedFlow, HadamardFlow, MultichannelFlow):
        with pytest.raises(InputError, match="takes pictures"):
            flow_class((2,))
    with pytest.raises(InputError, match="no weighting .*: choose one of exact, items, mean"):
        MaskConditionedFlow(PICTURE, weighting="none")
    with pytest.raises(InputError, match="measure 'rows'.*diagonal"):
        HadamardFlow(PICTURE, measure={"rows": 1.0})
    with pytest.raises(InputError, match="steps starts at 1"):
        SamplerConfig(steps=0)
    with pytest.raises(InputError, match="order 'spiral'.*morton"):
        make("hadamard").sequential(*samples(make("hadamard")), order="spiral")
    with pytest.raises(InputError, match="euler, midpoint, heun"):
        make("hadamard").generate(1, SamplerConfig("rk4"))
