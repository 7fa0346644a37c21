"""Latents that are optimised: they start where the model's own fill is, and gradients reach them."""

import pytest
import torch

from latentinpaint.inference.optimised_latent import LATENTS
from latentinpaint.runtime.randomness import numbered_generator

ALLOWED = [("ffc", "refined"), ("ffc", "conditioned"), ("flow", "refined"), ("noise", "refined")]


def inputs():
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., 8:20, 16:40] = 1
    return image, mask


@pytest.mark.parametrize(("refiner", "key"), ALLOWED)
def test_the_start_is_decoded_to_the_models_own_fill(build_pipeline, refiner, key):
    pipeline = build_pipeline(refiner)
    image, mask = inputs()
    with torch.no_grad():
        latent = LATENTS[key].make(pipeline, pipeline.condition(image, mask), numbered_generator(3, 1), 2)
        decoded = latent.decode(latent.start)
    expected = pipeline.sample(image, mask, 2, 3, 2)[:, 1]
    inside = (mask > 0).expand_as(image)
    torch.testing.assert_close(decoded[inside], expected[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize("key", LATENTS)
def test_one_pixel_depends_on_the_whole_latent_before_the_refiner_alone(build_pipeline, key):
    """The refiner, of Fourier convolutions, spreads a gradient over the picture; the decoder does not."""
    pipeline = build_pipeline("ffc")
    image, mask = inputs()
    latent = LATENTS[key].make(pipeline, pipeline.condition(image, mask), numbered_generator(0, 0), None)
    z = latent.start.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(latent.decode(z)[0, 0, 14, 28], z)
    reached = (gradient[0].abs().sum(dim=0) > 0).float().mean().item()
    assert (reached == 1) == (key == "conditioned")
    assert reached > 0
