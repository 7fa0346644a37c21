"""Every task of every flow, the training of flows, and plans through a maze: as on the processor."""

import copy
from dataclasses import replace

import pytest
import torch
from small_flows import FLOW_NAMES, SMALL_UNET, make, samples
from two_devices import NEAR, near, same_on

from latentinpaint.flows import HadamardFlow
from latentinpaint.flows.path_search import SearchSettings, compare_paths
from latentinpaint.flows.sampling_tasks import TASKS
from latentinpaint.flows.session import Session
from latentinpaint.maze.planning import Planner, SearchConfig
from latentinpaint.maze.walls import MAZES, Maze
from latentinpaint.visualization.flows import draw_paths, draw_side_by_side

pytestmark = pytest.mark.gpu

CASES = [(name, task) for name in FLOW_NAMES for task in make(name).tasks]


def session(flow, task, **changes):
    data, _ = samples(flow, 3)
    holes = None
    if TASKS[task].takes_hole:
        holes = (torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    channels = {"noise": 0.3} if TASKS[task].takes_channels else {}
    settings = {"reward": (-0.5, 0.3), "has_data": TASKS[task].accepts_data, "channels": channels, **changes}
    return Session(flow, task, settings.pop("config", flow.sampler), data, holes, **settings)


def run_on(device, flow, task, **changes):
    return session(copy.deepcopy(flow).to(device).eval(), task, **changes).run(lambda done: None)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_every_task_samples_as_on_the_processor(name, task, device):
    flow = make(name)
    expected = run_on("cpu", flow, task)
    found = run_on(device, flow, task)
    assert found.samples.device.type == "cpu" and found.nfe > 0
    # An adaptive solver may take other steps where its estimate of the error is near the tolerance, 1e-2 here.
    assert near(found.samples, expected.samples, 0.05 if name == "mask_conditioned" else 10 * NEAR)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "heun"])
def test_every_solver_of_a_hadamard_flow_with_noise(solver, device):
    flow = make("hadamard")
    config = replace(flow.sampler, solver=solver, epsilon=0.5)
    expected, found = (run_on(where, flow, "inpaint", config=config) for where in ("cpu", device))
    assert near(found.samples, expected.samples, 10 * NEAR)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4", "dopri5"])
@pytest.mark.parametrize("shared_steps", [False, True])
def test_every_solver_of_a_scheduled_flow(solver, shared_steps, device):
    flow = make("points")
    config = replace(flow.sampler, solver=solver, steps=5, shared_steps=shared_steps)
    expected, found = (run_on(where, flow, "generate", config=config) for where in ("cpu", device))
    assert near(found.samples, expected.samples, 10 * NEAR)


@pytest.mark.parametrize("name", FLOW_NAMES)
def test_the_loss_and_its_gradients(name, device):
    flow = make(name)
    source, target = samples(flow)

    def loss(module, noise, data):
        return module.loss(noise, data, torch.Generator().manual_seed(3))["loss"]

    assert same_on(device, flow, loss, source, target, share=10 * NEAR)


def grey_flow():
    return HadamardFlow((1, 8, 8), **SMALL_UNET, block_side=4, steps=4)


@pytest.mark.parametrize("build", [lambda: make("points"), grey_flow], ids=["points", "pictures"])
def test_what_is_drawn_of_a_trained_flow(build, device):
    """Its picture of samples, from tensors that are still there."""
    flow = build().to(device).eval()
    source, target = samples(flow)
    preview = flow.preview(source.to(device), target.to(device), torch.Generator().manual_seed(0))
    assert all(column.device.type == device.type for column in preview.values())
    assert min(draw_side_by_side(preview).size) > 60


def test_the_path_of_least_action(device):
    pictures, _ = samples(grey_flow())
    compared = []
    for where in ("cpu", device):
        torch.manual_seed(0)
        flow = grey_flow().to(where).eval()
        settings = SearchSettings(knots=3, iterations=2)
        compared.append(compare_paths(flow, pictures.to(where), [0.0, 0.5, 1.0], settings, steps=2))
    here, there = compared
    for name, path in here.items():
        assert near(there[name].states, path.states, 10 * NEAR)
        assert near(there[name].clocks, path.clocks, 10 * NEAR)
        assert there[name].action == pytest.approx(path.action, rel=1e-3)
    assert min(draw_paths(list(there.values()), [0.0, 0.5, 1.0]).size) > 60


def test_plans_through_a_maze(device):
    torch.manual_seed(0)
    flow = HadamardFlow((2, 50, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet", steps=3)
    torch.nn.init.normal_(flow.network.answer.weight, std=0.05)
    stops = torch.tensor([[[-1.0, 1.0], [1.0, -1.0]]]).expand(2, -1, -1)
    plans = []
    for where in ("cpu", device):
        planner = Planner(copy.deepcopy(flow).to(where).eval(), Maze(MAZES["small"]), 1.5, SearchConfig((10, 20)))
        plans.append(planner.plan(stops, seed=3))
    assert near(plans[1].paths, plans[0].paths, 10 * NEAR)
    assert torch.equal(plans[1].last, plans[0].last) and plans[1].sampled == plans[0].sampled
