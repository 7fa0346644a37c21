"""The perceptual loss on latents: by hand, its gradient, channels of any scale, decoders without maps."""

import numpy as np
import pytest
import torch
from small_autoencoders import build

from latentinpaint.errors import InputError
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.training.losses.adversarial import LossWeights
from latentinpaint.training.losses.latent_perceptual import check_decoder_maps, latent_perceptual
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.weights import save_autoencoder


def residual():
    autoencoder = build("ResidualAutoencoder")
    autoencoder.measure_latents([torch.rand(3, 3, 32, 32)])
    return autoencoder.freeze()


def by_hand(maps, expected):
    """The formula in NumPy: squared differences over the variance of each channel of each target."""
    distances = []
    for found, wanted in zip(maps, expected, strict=True):
        variance = wanted.numpy().var(axis=(2, 3), keepdims=True, ddof=1)
        distances.append(np.mean((found.numpy() - wanted.numpy()) ** 2 / variance))
    return np.mean(distances)


@torch.no_grad()
def test_residual_blocks_of_the_decoder_by_hand():
    autoencoder = residual()
    prediction, target = torch.randn(2, 2, 6, 5, 4)
    std, mean = autoencoder.latent_std.view(6, 1, 1), autoencoder.latent_mean.view(6, 1, 1)
    first, *blocks = autoencoder.decoder[:5]  # a convolution and four blocks
    maps = []
    for latent in (prediction, target):
        features = first(latent * std + mean)
        maps.append([])
        for block in blocks:
            features = block(features)
            maps[-1].append(features)
    expected = by_hand(*maps)
    loss = latent_perceptual(autoencoder, prediction, target)
    assert loss.item() == pytest.approx(float(expected), rel=1e-5)
    assert latent_perceptual(fuse(autoencoder), prediction, target).item() == pytest.approx(loss.item(), rel=1e-4)


@torch.no_grad()
def test_the_taesd_family_shows_its_three_blocks():
    autoencoder = build("TaesdAutoencoder").freeze()
    latent = torch.randn(1, 5, 4, 6)
    maps = autoencoder.decoder_maps(latent)
    assert [tuple(each.shape) for each in maps] == 3 * [(1, 64, 4, 6)]
    _, rest = autoencoder.decoder
    torch.testing.assert_close(rest(maps[-1]).clamp(0, 1), autoencoder.decode(latent))
    assert latent_perceptual(autoencoder, latent, latent) == 0


def test_gradients_reach_the_prediction_alone():
    autoencoder = residual()
    prediction, target = torch.randn(2, 1, 6, 4, 4).requires_grad_().unbind(0)
    prediction.retain_grad()
    target.retain_grad()
    latent_perceptual(autoencoder, prediction, target).backward()
    assert prediction.grad.abs().max() > 0 and target.grad is None
    assert all(weight.grad is None for weight in autoencoder.parameters())


@pytest.mark.parametrize("name", ["LamaAutoencoder", "IdentityAutoencoder", "AutoencoderKL"])
def test_decoders_without_maps_are_refused(name):
    with pytest.raises(InputError, match="set model.weights.latent_perceptual to 0"):
        check_decoder_maps(build(name))


def test_a_step_of_adversarial_training_has_it(tmp_path):
    """Twice the weight is twice the loss; a loss of latents alone needs no discriminator."""
    from latentinpaint.refiners import FFCRefiner

    save_autoencoder(residual(), tmp_path / "autoencoder.safetensors")
    batch = {"image": torch.rand(2, 3, 32, 32), "mask": (torch.rand(2, 1, 32, 32) > 0.7).float()}
    losses = []
    for weight in (0.5, 1.0):
        torch.manual_seed(0)
        weights = LossWeights(
            known=0.0, adversarial=0.0, feature_matching=0.0, perceptual=0.0, latent_perceptual=weight
        )
        task = AdversarialTask(
            lambda channels: FFCRefiner(channels, blocks=1),
            str(tmp_path / "autoencoder.safetensors"),
            mask="control",
            trained="nothing",
            weights=weights,
        ).eval()
        output = task.generate(batch)
        inputs = task.domain.loss_inputs(task.fused_pipeline(), output)
        found = task.generator_losses(output, inputs, None)
        assert set(found) == {"loss", "latent_perceptual"} and found["loss"] == found["latent_perceptual"]
        losses.append(found["loss"].item())
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-6) and losses[0] > 0
