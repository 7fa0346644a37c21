"""Sessions: samples that do not depend on the batch, their errors, and the settings that had an effect."""

from dataclasses import replace

import pytest
import torch
from small_flows import FLOW_NAMES, make, samples

from latentinpaint.flows.sampling_tasks import TASKS
from latentinpaint.flows.session import Session


def silent(done):
    pass


def session(name, task, **changes):
    flow = make(name).eval()
    data, _ = samples(flow, 5)
    holes = None
    if TASKS[task].takes_hole:
        holes = (torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    settings = dict(reward=(-0.5, 0.3), has_data=TASKS[task].accepts_data, noise_std=0.3, batch_size=5)
    if TASKS[task].takes_channels:
        settings["channels"] = {"noise": 0.3}
    return Session(flow, task, flow.sampler, data, holes, **{**settings, **changes})


CASES = [(name, task) for name in FLOW_NAMES for task in make(name).tasks]


def test_every_task_is_tested():
    assert {task for _, task in CASES} == set(TASKS)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_batch_size_does_not_matter(name, task):
    whole, parts = (session(name, task, batch_size=size).run(silent) for size in (5, 2))
    torch.testing.assert_close(parts.samples, whole.samples, atol=1e-4, rtol=1e-4)
    assert whole.samples.shape == (5, *make(name).shape) and whole.nfe > 0
    if TASKS[task].accepts_data:
        assert torch.equal(parts.view, whole.view)
    other = session(name, task, seed=7).run(silent)
    assert torch.equal(other.samples, whole.samples) == (task == "transport")


@pytest.mark.parametrize(("name", "task"), CASES)
def test_what_the_flow_was_shown(name, task):
    """The data outside their holes, with noise where the task observes it, and 0 inside."""
    chosen = session(name, task)
    result = chosen.run(silent)
    if not TASKS[task].accepts_data:
        assert result.view is None and result.data is None
        return
    assert torch.equal(result.data, chosen.samples)
    visible = torch.ones_like(result.view) if chosen.holes is None else (chosen.holes == 0).expand_as(result.view)
    visible = visible > 0
    assert (result.view[~visible] == 0).all()
    noise = (result.view - chosen.samples)[visible]
    if TASKS[task].observes_noise:
        assert noise.std().item() == pytest.approx(0.3, rel=0.2)
    else:
        assert (noise == 0).all()


def test_shared_steps_give_the_same_fills_from_fewer_evaluations():
    """The network is evaluated for all items at once, and a fill differs from its own by the tolerance at most."""
    seen = []
    for shared in (False, True):
        chosen = session("mask_conditioned", "inpaint")
        chosen = replace(chosen, config=replace(chosen.config, shared_steps=shared, tolerance=1e-6))
        calls = []
        chosen.flow.velocity_network.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        seen.append((chosen.run(silent).samples, len(calls)))
    (alone, many), (together, few) = seen
    assert few < many / 3
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=0)


def test_progress_rises_to_one():
    seen = []
    session("hadamard", "generate", batch_size=2).run(seen.append)
    assert seen == sorted(seen) and seen[0] > 0 and seen[-1] == pytest.approx(1) and len(seen) == 3 * 4


def test_errors_are_those_inside_the_holes():
    chosen = session("mask_conditioned", "inpaint")
    result = chosen.run(silent)
    inside = (chosen.holes > 0).expand_as(result.samples)
    made, truth = ((part + 1) / 2 for part in (result.samples, chosen.samples))
    expected = (made.clamp(0, 1) - truth.clamp(0, 1))[inside].square().mean().item()
    assert result.errors["mse"] == pytest.approx(expected, rel=1e-4)
    assert f"inside the holes: PSNR {result.errors['psnr']:.2f} dB" in chosen.describe_errors(result)
    report = chosen.report(result)
    assert report["task"] == "inpaint" and report["rows"] == 5 and report["mse"] == result.errors["mse"]
    assert session("pictures", "transport").run(silent).errors == {}
    assert session("hadamard", "generate").run(silent).errors == {}


def test_settings_that_had_an_effect():
    chosen = session("mask_conditioned", "inpaint")
    assert chosen.effective_settings() == {"solver": "dopri5", "tolerance": 1e-2, "shared_steps": False}
    assert session("points", "generate").effective_settings() == {"solver": "rk4", "steps": 20}
    assert session("hadamard", "generate").effective_settings() == {"solver": "euler", "steps": 4, "epsilon": 0.0}


def test_settings_of_a_solver_of_paths_alone():
    chosen = session("hadamard", "generate")
    chosen = replace(chosen, config=replace(chosen.config, solver="heun"))
    assert chosen.effective_settings() == {"solver": "heun", "steps": 4, "epsilon": 0.0}
