"""Sessions: what a task starts from, which settings have an effect, and samples that do not depend on the batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from small_flows import FLOW_NAMES, make, samples

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow
from latentinpaint.flows.sampling_tasks import TASKS
from latentinpaint.flows.session import Session, find_task, load_channels, load_holes, load_samples, sampler_config


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


def test_tasks_by_default():
    assert find_task(make("points"), None, from_noise=True) == "generate"
    assert find_task(make("points"), None, from_noise=False) == "transport"
    assert find_task(make("mask_conditioned"), None, from_noise=True) == "inpaint"
    assert find_task(make("hadamard"), "posterior", from_noise=True) == "posterior"


def test_settings_that_have_an_effect():
    chosen = session("mask_conditioned", "inpaint")
    assert chosen.effective_settings() == {"solver": "dopri5", "tolerance": 1e-2, "shared_steps": False}
    assert sampler_config(make("mask_conditioned"), shared_steps=True).shared_steps
    config = sampler_config(make("points"), "midpoint", steps=7)
    assert session("points", "generate").effective_settings() == {"solver": "rk4", "steps": 20}
    assert (config.solver, config.steps, config.tolerance) == ("midpoint", 7, make("points").sampler.tolerance)
    assert sampler_config(make("hadamard"), epsilon=0.4).epsilon == 0.4
    assert session("hadamard", "generate").effective_settings() == {"solver": "euler", "steps": 4, "epsilon": 0.0}


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("points", {"epsilon": 1.0}, "epsilon is for Hadamard and multichannel flows"),
        ("mask_conditioned", {"steps": 3}, "leave steps out"),
        ("points", {"tolerance": 0.1}, "tolerance is dopri5's"),
        ("points", {"shared_steps": True}, "shared_steps is dopri5's"),
        ("points", {"solver": "heun"}, "no solver 'heun'"),
        ("points", {"steps": 0}, "steps starts at 1"),
    ],
)
def test_settings_without_effect(name, settings, word):
    with pytest.raises(InputError, match=word):
        sampler_config(make(name), **settings)


def test_samples_that_a_task_starts_from(tmp_path):
    flow = make("points")
    assert torch.equal(load_samples(flow, "generate", None, 3), torch.zeros(3, 2))
    assert len(load_samples(flow, "generate", None)) == 64
    ring = load_samples(flow, "transport", "ring", 200, seed=1)
    assert ring.shape == (200, 2) and ring.norm(dim=1).mean().item() == pytest.approx(2, abs=0.1)
    assert not torch.equal(ring, load_samples(flow, "transport", "ring", 200, seed=2))
    with pytest.raises(InputError, match="transport needs data"):
        load_samples(flow, "transport", None)
    with pytest.raises(InputError, match="generate starts from noise: leave data out"):
        load_samples(flow, "generate", "ring")
    with pytest.raises(InputError, match=r"the flow takes samples of \(2,\)"):
        load_samples(flow, "transport", sheet(tmp_path), None)


def sheet(folder):
    """Two pictures of 32 x 32 beside each other."""
    Image.fromarray(np.full((32, 64, 3), 200, np.uint8)).save(folder / "sheet.png")
    return str(folder / "sheet.png")


def test_holes(tmp_path):
    flow = make("hadamard")
    assert load_holes(flow, "generate", 3, has_data=False) is None
    assert torch.equal(load_holes(flow, "sequential", 3, has_data=False), torch.ones(3, 1, 8, 8))
    drawn = load_holes(flow, "inpaint", 6, has_data=True, seed=4)
    assert drawn.shape == (6, 1, 8, 8) and len({hole.numpy().tobytes() for hole in drawn}) > 1
    assert torch.equal(drawn[:2], load_holes(flow, "inpaint", 2, has_data=True, seed=4))
    white = np.zeros((8, 8), np.uint8)
    white[2:5, 1:7] = 255
    Image.fromarray(white).save(tmp_path / "mask.png")
    given = load_holes(flow, "inpaint", 3, has_data=True, mask=str(tmp_path / "mask.png"))
    assert torch.equal(given, torch.from_numpy(white > 0).float().expand(3, 1, 8, 8))
    with pytest.raises(InputError, match="takes no hole"):
        load_holes(flow, "denoise", 3, has_data=True, preset="thin")
    with pytest.raises(InputError, match="needs pictures to be in: give data to"):
        load_holes(flow, "sequential", 3, has_data=False, preset="thin")
    Image.fromarray(white[:4]).save(tmp_path / "flat.png")
    with pytest.raises(InputError, match="is 8 x 4, the flow's are 8 x 8"):
        load_holes(flow, "inpaint", 3, has_data=True, mask=str(tmp_path / "flat.png"))


def test_channels():
    assert load_channels("restore", ["blur=.5", "noise=.1"]) == {"blur": 0.5, "noise": 0.1}
    assert load_channels("denoise", None) == {}
    with pytest.raises(InputError, match="restore needs the channels that are damaged: give channels"):
        load_channels("restore", None)
    with pytest.raises(InputError, match="denoise takes no channels: leave channels out"):
        load_channels("denoise", ["noise=.1"])


def test_shapes_of_pictures_are_opened_as_the_flow_takes_them():
    """The small flow has two channels, which no picture file has."""
    with pytest.raises(InputError, match="1 or 3 channels"):
        load_samples(make("hadamard"), "inpaint", "mnist")


def test_paths_take_no_data():
    flow = HadamardFlow((2, 10, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet")
    with pytest.raises(InputError, match="plan is the command"):
        load_samples(flow, "inpaint", "maze")
    assert load_samples(flow, "generate", None, 3).shape == (3, 2, 10, 1)
