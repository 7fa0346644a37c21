"""A run whose numbers are lost stops before a step is made with them, and leaves its batch."""

import pytest
import torch
from checkpoints import checkpoint
from safetensors import safe_open
from safetensors.torch import load_file

from latentinpaint.errors import InputError
from latentinpaint.training.tasks.adversarial_task import AdversarialTask

FRAMEWORK = ("--model.mask", "control", "--model.trained", "nothing", "--model.weights.latent", "1")


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("where", ["generator_losses", "discriminator_losses"])
def test_lost_numbers_stop_the_run_and_leave_their_batch(where, lama, monkeypatch):
    right = getattr(AdversarialTask, where)

    def wrong(task, *arguments):
        losses = right(task, *arguments)
        name = "loss" if where == "generator_losses" else "discriminator"
        return {**losses, name: losses[name] * (float("nan") if task.global_step == 3 else 1)}

    monkeypatch.setattr(AdversarialTask, where, wrong)
    kind = (*FRAMEWORK, "--save_minutes", "0.000001")
    with pytest.raises(InputError, match=r"stopped at step \d, where the loss is nan: its batch is in .*diverged"):
        lama(*kind, steps=6)
    monkeypatch.undo()
    folder = lama(*kind, name="other", steps=1).with_name("run")
    batch = load_file(folder / "diverged.safetensors")
    assert batch["image"].shape == (4, 3, 32, 32)
    assert batch["mask"].shape == (4, 1, 32, 32)
    with safe_open(folder / "diverged.safetensors", framework="pt") as file:
        assert file.metadata()["step"] in ("3", "4")
    assert not (folder / "model.safetensors").exists()
    saved = checkpoint(folder)
    assert saved["global_step"] <= 3
    numbers = [value for value in saved["current_model_state"].values() if value.is_floating_point()]
    assert all(torch.isfinite(value).all() for value in numbers)


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_a_lost_gradient_stops_before_the_step(lama, monkeypatch):
    def spoil(task, loss, **options):
        loss.backward(**options)
        task.generator_parameters()[0].grad.fill_(float("inf"))

    monkeypatch.setattr(AdversarialTask, "manual_backward", spoil)
    with pytest.raises(InputError, match="a gradient is not finite.*start again"):
        lama(*FRAMEWORK)
