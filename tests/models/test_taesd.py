"""The TAESD family: the same function as diffusers' AutoencoderTiny, names of files that differ, real photographs."""

import pytest
import torch
from safetensors.torch import load_file

from latentinpaint.data.photos import SamplePhotos
from latentinpaint.errors import InputError
from latentinpaint.models import TaesdAutoencoder


def upstream_weights(latent_channels=4, seed=0):
    """Random weights of diffusers' object of this architecture, and the object."""
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    torch.manual_seed(seed)
    library = diffusers.AutoencoderTiny(latent_channels=latent_channels).eval()
    return library, library.state_dict()


def renumbered(weights, shift, prefix=""):
    """The weights as other files name them: layers counted from `shift`, with a prefix before the numbers."""
    renamed = {}
    for name, value in weights.items():
        half, _, number, rest = name.split(".", 3)
        by = shift if half == "decoder" else 0
        renamed[f"{half}.{prefix}{int(number) + by}.{rest}"] = value
    return renamed


@pytest.mark.parametrize("latent_channels", [4, 16])
def test_the_same_function_as_diffusers(latent_channels):
    library, weights = upstream_weights(latent_channels)
    autoencoder = TaesdAutoencoder.from_weights(weights, "0f").freeze()
    assert autoencoder.arguments == dict(latent_channels=latent_channels, pooled=False, sha256="0f")
    image = torch.rand(2, 3, 48, 32)
    with torch.no_grad():
        latents = library.encode(2 * image - 1).latents
        torch.testing.assert_close(autoencoder.encode_features(image), latents, atol=1e-5, rtol=1e-5)
        decoded = library.decode(5 * latents).sample / 2 + 0.5
        torch.testing.assert_close(autoencoder.decode_unclamped(5 * latents), decoded, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("prefix", ["", "layers."])
def test_names_of_other_files(shift, prefix):
    _, weights = upstream_weights()
    expected = TaesdAutoencoder.from_weights(weights).state_dict()
    halved = {name: value.half() for name, value in renumbered(weights, shift, prefix).items()}
    read = TaesdAutoencoder.from_weights(halved).state_dict()
    for name, value in expected.items():
        assert torch.equal(read[name], value.half().float()), name


def test_other_weights_are_refused():
    _, weights = upstream_weights()
    name = "decoder.layers.6.weight"
    others = {
        "nothing": {},
        "one layer less": {key: value for key, value in weights.items() if key != name},
        "one more": {**weights, "decoder.layers.19.weight": torch.zeros(3, 64, 3, 3)},
        "another shape": {**weights, name: torch.zeros(64, 32, 3, 3)},
    }
    for other in others.values():
        with pytest.raises(InputError, match="not the weights of a TAESD"):
            TaesdAutoencoder.from_weights(other)


@pytest.mark.parametrize("name", ["taesd3_fp8", "taef2"])
def test_real_weights_give_photographs_back(name, shared_data):
    """Above 27 dB on the middle of three photographs together."""
    weights = load_file(shared_data / "weights" / f"{name}.safetensors")
    autoencoder = TaesdAutoencoder.from_weights(weights).freeze()
    source = SamplePhotos("val")
    squared = []
    for index in range(len(source)):
        pixels = torch.from_numpy(source.read(index)).permute(2, 0, 1)[None].float() / 255
        image = pixels[..., 80:208, 120:248]
        squared.append((autoencoder.decode_features(autoencoder.encode_features(image)) - image).square().mean())
    assert -10 * torch.stack(squared).mean().log10() > 27
