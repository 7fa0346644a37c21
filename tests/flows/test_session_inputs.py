"""What a session starts from: tasks and settings that fit the flow, data, channels, rewards, holes, and refusals."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_flows import make

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow
from latentinpaint.flows.session_inputs import (
    find_task,
    load_channels,
    load_holes,
    load_reward,
    load_samples,
    sampler_config,
)


def test_tasks_by_default():
    assert find_task(make("points"), None, from_noise=True) == "generate"
    assert find_task(make("points"), None, from_noise=False) == "transport"
    assert find_task(make("mask_conditioned"), None, from_noise=True) == "inpaint"
    assert find_task(make("hadamard"), "posterior", from_noise=True) == "posterior"


def test_settings_that_have_an_effect():
    assert sampler_config(make("mask_conditioned"), shared_steps=True).shared_steps
    config = sampler_config(make("points"), "midpoint", steps=7)
    assert (config.solver, config.steps, config.tolerance) == ("midpoint", 7, make("points").sampler.tolerance)
    assert sampler_config(make("hadamard"), epsilon=0.4).epsilon == 0.4


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("points", {"epsilon": 1.0}, "epsilon is for Hadamard and multichannel flows"),
        ("mask_conditioned", {"steps": 3}, "leave steps out"),
        ("points", {"tolerance": 0.1}, "tolerance is dopri5's"),
        ("points", {"shared_steps": True}, "shared_steps is dopri5's"),
        ("points", {"solver": "heun"}, "no solver 'heun'"),
        ("hadamard", {"solver": "rk4"}, "no solver 'rk4': choose one of euler, midpoint, heun$"),
        ("hadamard", {"solver": "heun", "tolerance": 0.1}, "tolerance is dopri5's"),
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


def test_rewards():
    assert load_reward("reward", -1.0, None) == (-1.0, 0.0)
    assert load_reward("reward", None, 0.0) == (0.0, 0.0)
    assert load_reward("generate", None, None) == (0.0, 0.0)
    with pytest.raises(InputError, match="reward needs a reward: give quadratic, linear or both"):
        load_reward("reward", None, None)
    with pytest.raises(InputError, match="inpaint takes no reward: leave quadratic and linear out"):
        load_reward("inpaint", None, 0.0)
