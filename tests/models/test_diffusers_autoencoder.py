"""diffusers' autoencoders: what the library's own objects compute, means and not samples, and what is missing."""

import builtins

import pytest
import torch
from small_autoencoders import KL, OF_DIFFUSERS, build

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.models import DiffusersAutoencoder
from latentinpaint.models.diffusers_autoencoder import CONTROL_POINTS
from latentinpaint.models.fast.fuse import fuse

IMAGE = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))


def library_object(name):
    """The library's object, made by itself, and the adapter with its weights."""
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    torch.manual_seed(3)
    library = getattr(diffusers, name)(**OF_DIFFUSERS[name]).eval()
    adapter = build(name)
    adapter.network.load_state_dict(library.state_dict())
    return library, adapter.freeze()


def test_all_architectures_are_tested():
    assert set(OF_DIFFUSERS) == set(CONTROL_POINTS)


@pytest.mark.parametrize("name", OF_DIFFUSERS)
@torch.no_grad()
def test_the_same_function_as_the_library(name):
    library, adapter = library_object(name)
    encoded = library.encode(2 * IMAGE - 1)
    if name == "AutoencoderKL":
        expected = encoded.latent_dist.mode()
        assert not torch.allclose(encoded.latent_dist.sample(), expected, atol=0.01)
    elif name == "AutoencoderDC":
        expected = encoded.latent
    else:
        expected = encoded.latents
    features = adapter.encode_features(IMAGE)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)
    decoded = (library.decode(expected).sample + 1) / 2
    torch.testing.assert_close(adapter.decode_unclamped(features), decoded, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(adapter.decode_features(features), decoded.clamp(0, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", OF_DIFFUSERS)
@torch.no_grad()
def test_fused_copies_compute_the_same(name):
    """Hooks included: a copy takes the control too, in its own thread's encoding alone."""
    _, adapter = library_object(name)
    control = []
    for channels, stride in zip(adapter.stage_channels, adapter.stage_strides, strict=True):
        control.append(torch.randn(2, channels, 32 // stride, 48 // stride))
    for dtype in (None, torch.bfloat16):
        copy = fuse(adapter, dtype)
        difference = copy.encode_features(IMAGE, control) - adapter.encode_features(IMAGE, control)
        assert difference.abs().max() < 1e-4
    assert not torch.allclose(adapter.encode_features(IMAGE, control), adapter.encode_features(IMAGE))


@pytest.mark.parametrize("name", OF_DIFFUSERS)
def test_gradients_reach_the_control_and_the_latent(name):
    _, adapter = library_object(name)
    control = []
    for channels, stride in zip(adapter.stage_channels, adapter.stage_strides, strict=True):
        control.append(torch.zeros(2, channels, 32 // stride, 48 // stride, requires_grad=True))
    adapter.decode_unclamped(adapter.encode_features(IMAGE, control)).square().sum().backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in control)
    assert all(weight.grad is None for weight in adapter.parameters())


def test_without_diffusers_one_sentence_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "diffusers":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"pip install 'latentinpaint\[diffusers\]'"):
        DiffusersAutoencoder("AutoencoderKL", {})


def test_what_cannot_be_built_is_one_sentence():
    with pytest.raises(InputError, match="there is no architecture 'UNet2DModel'"):
        DiffusersAutoencoder("UNet2DModel", {})
    pytest.importorskip("diffusers", reason="diffusers is not installed")
    others = {
        "num_channels": {"block_out_channels": [5], "norm_num_groups": 4},
        "nothing of this kind": {"down_block_types": ["nothing of this kind"]},
        "Invalid channel dimensions": {**KL, "in_channels": 4},
    }
    for said, config in others.items():
        with pytest.raises(InputError, match=f"no AutoencoderKL of pictures can be built .*{said}"):
            DiffusersAutoencoder("AutoencoderKL", config)
    with pytest.raises(InputError, match="gives back pictures of another size or kind"):
        DiffusersAutoencoder("AutoencoderKL", {**KL, "out_channels": 1})
