"""Training on the GPU in bfloat16: runs end, go on, and leave models that fill on the processor."""

import math

import numpy as np
import pytest
import torch
from checkpoints import checkpoint, equal
from safetensors.torch import load_file
from skimage import data

from latentinpaint import Inpainter
from latentinpaint.training.callbacks import RunProgress
from latentinpaint.training.cli import pretrain_ae, train_flow, train_lama, train_latent
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.weights import load_autoencoder, load_flow

pytestmark = pytest.mark.gpu

QUICK = ("--trainer.precision", "bf16-mixed", "--trainer.limit_val_batches", "1")
SMALL = {
    "ffc": ("--refiner", "ffc", "--model.refiner.blocks", "1"),
    "flow": ("--refiner", "flow", "--model.refiner.width", "16", "--model.refiner.multipliers", "[1,2]"),
}


def train(command, recipe, folder, *options, steps=3):
    """Train some steps by a recipe; returns the run's folder."""
    recipe = ("--config", str(CONFIGS / f"{recipe}.yaml"))
    length = ("--trainer.max_steps", str(steps), "--trainer.val_check_interval", "1")
    command([*recipe, "--output", str(folder), *QUICK, *length, *map(str, options)])
    return folder


def check_finite(path):
    tensors = load_file(path)
    assert tensors
    for name, values in tensors.items():
        assert values.isfinite().all(), name


def press_at_2(callback, trainer, *rest):
    """Ctrl-C, once two steps are done."""
    if trainer.global_step == 2:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    """The folder of a pretrained autoencoder."""
    return train(pretrain_ae, "smoke_pretrain_ae", tmp_path_factory.mktemp("runs") / "ae")


@pytest.fixture
def on_device(device):
    """Assert afterwards that the GPU's memory was used."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield
    assert torch.cuda.max_memory_allocated() > before


def test_an_autoencoder(autoencoder):
    check_finite(autoencoder / "autoencoder.safetensors")
    model = load_autoencoder(autoencoder)
    assert model.encode(torch.rand(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("refiner", SMALL)
def test_a_refiner_is_stopped_goes_on_and_fills(refiner, autoencoder, tmp_path, on_device, monkeypatch):
    options = (*SMALL[refiner], "--autoencoder", autoencoder)
    folder = tmp_path / "run"
    monkeypatch.setattr(RunProgress, "on_train_batch_start", press_at_2)
    with pytest.raises(SystemExit):
        train(train_latent, "smoke", folder, *options, steps=5)
    monkeypatch.undo()
    before = checkpoint(folder)
    train(train_latent, "smoke", folder, *options, "--ckpt_path", "last", steps=5)
    after = checkpoint(folder)
    assert (before["global_step"], after["global_step"]) == (2, 5)
    assert not equal(before["current_model_state"], after["current_model_state"])
    check_finite(folder / "model.safetensors")
    photo = data.astronaut()[:64, :64]
    hole = np.zeros((64, 64), bool)
    hole[20:40, 24:50] = True
    filled = Inpainter.from_pretrained(folder, device="cpu")(photo, hole)
    assert (filled[~hole] == photo[~hole]).all()


def test_losses_of_lama(autoencoder, tmp_path, monkeypatch, on_device):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    small = ("--model.discriminator_width", "4", "--model.discriminator_layers", "2")
    folder = tmp_path / "run"
    with pytest.warns(UserWarning, match="the perceptual loss is left out"):
        train(train_lama, "smoke", folder, *SMALL["ffc"], *small, "--autoencoder", autoencoder)
    check_finite(folder / "model.safetensors")


def test_a_flow_of_points(tmp_path, on_device):
    small = ("--data.batch_size", "64", "--data.shown", "64", "--model.flow.init_args.network_arguments.width", "16")
    folder = train(train_flow, "moons", tmp_path / "run", *small)
    check_finite(folder / "flow.safetensors")
    assert {path.name for path in folder.glob("*.png")} >= {"samples.png", "variance.png"}
    assert math.isfinite(load_flow(folder).velocity(torch.zeros(1, 2), torch.zeros(1)).sum().item())
