"""Short training runs through the command lines, tasks to be trained by hand, and interrupting a run."""

import pytest
import torch

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.refiners import FFCRefiner
from latentinpaint.training.callbacks import RunProgress
from latentinpaint.training.cli import pretrain_ae, train_lama, train_latent
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.latent_task import LatentTask

SMALL = {
    "ffc": ("--refiner", "ffc", "--model.refiner.blocks", "1"),
    "flow": ("--refiner", "flow", "--model.refiner.width", "16", "--model.refiner.multipliers", "[1,2]"),
}
SMALL_DISCRIMINATOR = ("--model.discriminator_width", "4", "--model.discriminator_layers", "2")


@pytest.fixture
def interrupt_at(monkeypatch):
    """Call it with a step after which Ctrl-C is pressed once."""

    def call(step):
        def press(callback, trainer, *rest):
            if trainer.global_step == step:
                raise KeyboardInterrupt

        monkeypatch.setattr(RunProgress, "on_train_batch_start", press)

    yield call
    monkeypatch.undo()


@pytest.fixture
def latent(model_files, tmp_path):
    """Train a refiner with more options; returns the run's folder."""

    def call(*options, refiner="ffc", name="run", steps=2):
        folder = tmp_path / name
        train_latent(
            [
                *("--config", str(CONFIGS / "smoke.yaml"), *SMALL[refiner]),
                *("--autoencoder", str(model_files["autoencoder"]), "--output", str(folder)),
                *("--trainer.max_steps", str(steps), "--trainer.limit_val_batches", "0"),
                *map(str, options),
            ]
        )
        return folder

    return call


@pytest.fixture
def pretrain(tmp_path):
    """Pretrain an autoencoder with more options; returns the run's folder."""

    def call(*options, name="ae"):
        folder = tmp_path / name
        smoke = ("--config", str(CONFIGS / "smoke_pretrain_ae.yaml"))
        pretrain_ae([*smoke, "--output", str(folder), *map(str, options)])
        return folder

    return call


@pytest.fixture
def lama(model_files, tmp_path, monkeypatch):
    """Train with LaMa's losses and more options; returns the run's folder. There are no perceptual weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def call(*options, name="run", steps=2, start=None):
        folder = tmp_path / name
        start = start or ("--autoencoder", str(model_files["autoencoder"]))
        train_lama(
            [
                *("--config", str(CONFIGS / "smoke.yaml"), *SMALL["ffc"], *SMALL_DISCRIMINATOR, *start),
                *("--output", str(folder), "--trainer.max_steps", str(steps), "--trainer.limit_val_batches", "0"),
                *map(str, options),
            ]
        )
        return folder

    return call


@pytest.fixture
def batch():
    """Four photographs with holes."""
    data = InpaintingDataModule("samples", size=32, batch_size=4, num_workers=0)
    data.setup("fit")
    return next(iter(data.train_dataloader()))


@pytest.fixture
def latent_task(model_files):
    """Make a small latent task."""

    def call(mask, trained, objective, **options):
        torch.manual_seed(0)
        return LatentTask(
            str(model_files["autoencoder"]),
            lambda channels: FFCRefiner(channels, blocks=1, **options),
            mask=mask,
            trained=trained,
            objective=objective,
        )

    return call


@pytest.fixture
def adversarial_task(model_files, tmp_path, monkeypatch):
    """Make a small adversarial task; there are no perceptual weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def call(**options):
        torch.manual_seed(0)
        small = {"discriminator_width": 4, "discriminator_layers": 2, "mask": "control", "trained": "nothing"}
        refiner = lambda channels: FFCRefiner(channels, blocks=1)  # noqa: E731
        return AdversarialTask(refiner, str(model_files["autoencoder"]), **{**small, **options})

    return call
