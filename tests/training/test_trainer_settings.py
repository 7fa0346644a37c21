"""The trainer's settings: times are read, accelerators and devices that are not here are refused."""

import os

import pytest
import torch

from latentinpaint.errors import InputError
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
    settings = {"accelerator": "gpu", "devices": 64}
    assert trainer_settings(settings) == settings
