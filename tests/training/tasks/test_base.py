"""What all tasks share: the learning rate's schedule, how far a run is, and a step's random numbers."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Timer

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.models import LamaAutoencoder
from latentinpaint.refiners import FlowRefiner
from latentinpaint.training.tasks import base
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.latent_task import LatentTask


def test_learning_rate_is_a_warm_up_and_a_cosine(latent, monkeypatch):
    rates = []
    original = base.TrainingTask.on_train_batch_start

    def record(task, *rest):
        original(task, *rest)
        rates.extend({group["lr"] for group in task.optimizers().param_groups})

    monkeypatch.setattr(base.TrainingTask, "on_train_batch_start", record)
    latent("--model.learning_rate", 0.01, "--model.warmup_steps", 4, steps=8)
    cosine = 0.5 * (1 + np.cos(np.pi * np.arange(8) / 8))
    rise = np.array([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(rates, 0.01 * rise * cosine, rtol=1e-6)


def trainer_at(step, max_steps=-1, max_epochs=None, batches=10, callbacks=()):
    return SimpleNamespace(
        global_step=step,
        max_steps=max_steps,
        max_epochs=max_epochs,
        num_training_batches=batches,
        callbacks=list(callbacks),
    )


def timer_at(elapsed, duration):
    timer = Timer(timedelta(seconds=duration))
    timer.time_elapsed = lambda stage=None: elapsed
    timer.time_remaining = lambda stage=None: duration - elapsed
    return timer


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        (trainer_at(0, 8), 0.0),
        (trainer_at(2, 8), 0.25),
        (trainer_at(9, 8), 1.0),
        (trainer_at(5, max_epochs=2), 0.25),
        (trainer_at(5, max_epochs=-1), 0.0),
        (trainer_at(5), 0.0),
        (trainer_at(5, callbacks=[timer_at(3.0, 12.0)]), 0.25),
        (trainer_at(2, 8, callbacks=[timer_at(6.0, 12.0)]), 0.5),
        (trainer_at(6, 8, callbacks=[timer_at(6.0, 12.0)]), 0.75),
        (trainer_at(1, 8, callbacks=[timer_at(13.0, 12.0)]), 1.0),
    ],
)
def test_fraction_done(trainer, expected):
    assert base.fraction_done(trainer) == pytest.approx(expected)


def test_processes_and_steps_draw_different_noise(model_files):
    task = LatentTask(str(model_files["autoencoder"]), FlowRefiner)
    drawn = set()
    for step, rank, batch in [(s, r, b) for s in range(2) for r in range(2) for b in range(3)]:
        task._trainer = SimpleNamespace(
            world_size=2,
            global_rank=rank,
            global_step=step,
            accumulate_grad_batches=3,
            datamodule=SimpleNamespace(seed=3),
        )
        drawn.add(torch.randn(1, generator=task.step_generator(3 * step + batch)).item())
    assert len(drawn) == 12


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize(("algorithm", "order"), [("norm", 2), ("value", float("inf"))])
def test_gradients_are_clipped_in_every_precision(algorithm, order, precision, tmp_path):
    found = []

    class Sizes(pl.Callback):
        def on_train_batch_end(self, trainer, task, *_):
            gradients = [p.grad.flatten() for p in task.parameters() if p.grad is not None]
            found.append(torch.linalg.vector_norm(torch.cat(gradients), order).item())

    data = InpaintingDataModule("samples", size=32, batch_size=2, num_workers=0)
    trainer = pl.Trainer(
        accelerator="cpu",
        precision=precision,
        gradient_clip_val=1e-4,
        gradient_clip_algorithm=algorithm,
        max_steps=2,
        limit_val_batches=0,
        callbacks=[Sizes()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(PretrainTask(LamaAutoencoder(base_channels=4)), datamodule=data)
    assert found == pytest.approx([1e-4] * 2, rel=1e-3)
