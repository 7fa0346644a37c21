"""Timing training steps side by side."""

import contextlib

import pytest
import torch

from latentinpaint.experiments import timing
from latentinpaint.refiners import FFCRefiner
from latentinpaint.training.losses.adversarial import LossWeights
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.latent_task import LatentTask


@pytest.fixture
def batch():
    mask = torch.zeros(2, 1, 32, 32)
    mask[..., 8:24] = 1
    return {"image": torch.rand(2, 3, 32, 32), "mask": mask}


def refiner(channels):
    return FFCRefiner(channels, blocks=1)


def trainable(task):
    return {name: p.detach().clone() for name, p in task.named_parameters() if p.requires_grad}


def moved(task, before):
    after = dict(task.named_parameters())
    return {name.split(".")[0] for name, value in before.items() if not torch.equal(after[name], value)}


def test_a_step_trains(model_files, batch):
    task = LatentTask(str(model_files["autoencoder"]), refiner)
    before = trainable(task)
    timing.latent_step(task, batch)()
    assert moved(task, before) == {"pipeline"}


def test_a_step_of_two_optimisers_trains_both(model_files, batch):
    weights = LossWeights(perceptual=0)
    task = AdversarialTask(refiner, str(model_files["autoencoder"]), weights=weights, discriminator_width=4)
    before = trainable(task)
    step = timing.adversarial_step(task, batch)
    step()
    step()
    assert moved(task, before) == {"pipeline", "discriminator"}


def test_median_of_rounds_in_turn_after_a_warm_up(monkeypatch):
    """Every call moves the clock by its own seconds; the first two rounds do not count."""
    now = [0.0]
    seconds = {"one": iter([50.0, 50.0, 1.0, 5.0, 3.0]), "other": iter([70.0, 70.0, 2.0, 2.0, 9.0])}
    order = []

    def step(name):
        order.append(name)
        now[0] += next(seconds[name])

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    found = timing.median_seconds({"one": lambda: step("one"), "other": lambda: step("other")}, rounds=3)
    assert found == {"one": 3.0, "other": 2.0}
    assert order == ["one", "other"] * 5


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("32-true", None), ("32", None), ("bf16-mixed", torch.bfloat16), ("bf16", torch.bfloat16)],
)
def test_autocast_is_what_a_precision_means(precision, dtype):
    context = timing.autocast(torch.device("cpu"), precision)
    assert isinstance(context, contextlib.nullcontext) == (dtype is None)
    with context:
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (dtype or torch.float32)
