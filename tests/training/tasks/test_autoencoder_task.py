"""Pretraining autoencoders: the error falls, and the latents are standardised."""

import numpy as np
import pytest
import torch
from checkpoints import equal
from safetensors.torch import load_file

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import LamaAutoencoder
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.weights import load_autoencoder


def test_pretraining_leaves_standardised_latents(pretrain):
    folder = pretrain("--trainer.max_steps", 4, "--model.statistic_batches", 4)
    autoencoder = load_autoencoder(folder)
    data = InpaintingDataModule("samples", size=32, batch_size=4, epoch_length=16, num_workers=0)
    data.setup("fit")
    with torch.no_grad():
        latents = torch.cat([autoencoder.encode(batch["image"]) for batch in data.train_dataloader()])
    channels = latents.transpose(0, 1).flatten(1).double()
    deviation = channels.std(dim=1, correction=0)
    alive = deviation > 0
    assert alive.sum() > 16
    assert channels[alive].mean(dim=1).abs().max() < 1e-3
    assert (deviation[alive] - 1).abs().max() < 1e-3
    assert (folder / "config.yaml").is_file()


def test_pretraining_error_falls():
    torch.manual_seed(0)
    data = InpaintingDataModule("samples", size=32, batch_size=8, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    task = PretrainTask(LamaAutoencoder(base_channels=4))
    optimizer = torch.optim.AdamW(task.parameters(), lr=5e-3)
    errors = []
    for _ in range(50):
        error = task.squared_error(batch["image"]).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert np.mean(errors[-5:]) < 0.5 * np.mean(errors[:5])


def test_a_resumed_pretraining_measures_the_same_latents(pretrain, interrupt_at, monkeypatch):
    """The statistics belong to the stream's first crops, not to those that a resumed run still has to see."""
    straight = pretrain("--trainer.max_steps", 3, "--trainer.limit_val_batches", 0, name="straight")
    interrupt_at(2)
    with pytest.raises(SystemExit):
        pretrain("--trainer.max_steps", 3, "--trainer.limit_val_batches", 0, name="stopped")
    monkeypatch.undo()
    options = ("--ckpt_path", "last", "--trainer.max_steps", 3, "--trainer.limit_val_batches", 0)
    again = pretrain(*options, name="stopped")
    assert equal(load_file(straight / "autoencoder.safetensors"), load_file(again / "autoencoder.safetensors"))


def test_an_autoencoder_without_weights_is_only_measured(pretrain, latent):
    folder = pretrain("--model.autoencoder", "IdentityAutoencoder")
    identity = load_autoencoder(folder)
    assert not torch.equal(identity.latent_mean, torch.full((3,), 0.5))
    with pytest.raises(InputError, match="no .*stages"):
        latent("--model.autoencoder", folder, name="controlled")


def test_a_new_run_begins_at_the_patches_and_a_resumed_one_goes_on(pretrain):
    """After one step it reproduces the photographs, which a random start does not."""
    widths = ["--model.autoencoder.init_args.encoder_widths", "[12,48,64]"]
    widths += ["--model.autoencoder.init_args.decoder_widths", "[64,48,12]"]
    residual = ["--model.autoencoder", "latentinpaint.models.ResidualAutoencoder", *widths]
    residual += ["--model.learning_rate", "1e-5", "--model.statistic_batches", 4]
    folder = pretrain(*residual, "--trainer.max_steps", 1)
    data = InpaintingDataModule("samples", size=32, batch_size=4, epoch_length=16, num_workers=0)
    data.setup("fit")
    image = next(iter(data.train_dataloader()))["image"]
    autoencoder = load_autoencoder(folder)
    error = (autoencoder.decode(autoencoder.encode(image)) - image).square().mean()
    assert error < 2e-3
    pretrain(*residual, "--trainer.max_steps", 2, "--ckpt_path", "last")
    went_on = load_autoencoder(folder).encoder[0][2].weight
    first = autoencoder.encoder[0][2].weight
    assert 0 < float((went_on - first).abs().max()) < 0.1
