"""The trainer's settings: times are read, accelerators and devices that are not here are refused."""

import os

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.training import trainer_settings as trainer_settings_module
from latentinpaint.training.launch import Launch
from latentinpaint.training.sharded_strategy import ShardedStrategy
from latentinpaint.training.sync_batch_norm import SharedBatchNorm
from latentinpaint.training.trainer_settings import trainer_settings


def test_a_time_becomes_lightnings_own_and_the_rest_stays():
    given = {"max_time": "1h30m", "max_steps": 7, "accelerator": "cpu"}
    assert trainer_settings(given) == {"max_time": "00:01:30:00", "max_steps": 7, "accelerator": "cpu"}
    assert given["max_time"] == "1h30m"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"accelerator": "toaster"}, "trainer.accelerator is one of auto, cpu, .*, not toaster"),
        ({"accelerator": "gpu"}, "no gpu here: set trainer.accelerator to cpu or auto"),
        ({"accelerator": "cuda"}, "no cuda here"),
        ({"accelerator": "mps"}, "no mps here"),
        ({"accelerator": "cpu", "devices": (os.cpu_count() or 1) + 1}, "trainer.devices is"),
        ({"max_time": "later"}, "trainer.max_time is a time such as 45m"),
        ({"strategy": "dpp"}, "trainer.strategy is one of auto, ddp, fsdp, not dpp"),
        ({"strategy": "ddp_spawn"}, "trainer.strategy is one of auto, ddp, fsdp, not ddp_spawn"),
        ({"strategy": "fsdp", "gradient_clip_algorithm": "value"}, "leave trainer.gradient_clip_algorithm out"),
        ({"num_nodes": 2}, "trainer.num_nodes is 2, and this run was started on one machine: .* torchrun or srun"),
        ({"num_nodes": "2"}, "trainer.num_nodes is 2, and this run was started on one machine"),
        ({"num_nodes": 0}, "trainer.num_nodes"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(settings, sentence, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=sentence):
        trainer_settings(settings)


def test_a_gpu_that_is_there_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 64)
    found = trainer_settings({"accelerator": "gpu", "devices": 64})
    assert (found["accelerator"], found["devices"]) == ("gpu", 64)


def test_more_gpus_than_there_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="trainer.devices is 3, and torch finds 2 GPUs here"):
        trainer_settings({"accelerator": "gpu", "devices": 3})


@pytest.fixture
def torchrun(monkeypatch):
    """As if torchrun had started this, on each of three machines."""
    monkeypatch.setattr(trainer_settings_module, "launched", lambda: Launch("torchrun", 1, 3))


@pytest.mark.parametrize("settings", [{}, {"devices": "auto"}, {"devices": "-1"}, {"devices": "1", "num_nodes": 3}])
def test_a_launchers_processes_are_taken(settings, torchrun):
    found = trainer_settings({"accelerator": "cpu", **settings})
    assert (found["devices"], found["num_nodes"]) == (1, 3)


@pytest.mark.parametrize("settings", [{"devices": 2}, {"devices": "2"}, {"num_nodes": 2}])
def test_others_than_a_launchers_are_refused(settings, torchrun):
    sentence = "torchrun has started 1 processes on each of 3 machines: leave trainer.devices and"
    with pytest.raises(InputError, match=sentence):
        trainer_settings({"accelerator": "cpu", **settings})


def test_strategies_and_synchronised_batch_norm_are_this_packages():
    found = trainer_settings({"strategy": "fsdp", "sync_batchnorm": True, "plugins": "mine"})
    assert isinstance(found["strategy"], ShardedStrategy)
    assert found["sync_batchnorm"] is False
    assert found["plugins"][0] == "mine" and isinstance(found["plugins"][1], SharedBatchNorm)
    as_given = {"strategy": "ddp", "sync_batchnorm": False}
    assert trainer_settings(as_given) == as_given
