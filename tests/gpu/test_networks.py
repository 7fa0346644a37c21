"""Networks and the continuation of known cells: values and gradients are the processor's."""

import pytest
import torch
from small_flow_refiners import make_condition
from two_devices import near, same_on

from latentinpaint.models import LamaAutoencoder, MaskControl
from latentinpaint.models.ffc import FFCResnetBlock
from latentinpaint.models.residual_autoencoder import ResidualAutoencoder
from latentinpaint.refiners import Condition
from latentinpaint.refiners.continuation import continue_known

pytestmark = pytest.mark.gpu

SMALL_RESIDUAL = {
    "latent_channels": 6,
    "encoder_widths": [4, 5, 6],
    "decoder_widths": [6, 5, 4],
    "encoder_blocks": [0, 1, 1],
}


def autoencoder(name="lama"):
    torch.manual_seed(0)
    made = LamaAutoencoder(base_channels=4) if name == "lama" else ResidualAutoencoder(**SMALL_RESIDUAL)
    made.measure_latents([torch.rand(3, 3, 32, 32)])
    return made


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(16, 16), (9, 15)])
def test_fourier_blocks(size, training, device):
    block = FFCResnetBlock(16).train(training)
    assert same_on(device, block, lambda module, x: module(x), torch.randn(2, 16, *size))


def test_fourier_blocks_in_bfloat16(device):
    """Transforms stay in float32; what is left is the rounding of eight bits in a handful of layers."""
    block = FFCResnetBlock(16).eval()
    x = torch.randn(2, 16, 16, 16)
    expected = block(x)
    with torch.autocast(device.type, torch.bfloat16):
        found = block.to(device)(x.to(device))
    assert near(found.float(), expected, 0.05)
    found.float().square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in block.parameters())


@pytest.mark.parametrize("name", ["lama", "residual"])
def test_an_autoencoder_encodes_and_decodes(name, device):
    model = autoencoder(name).eval()
    images = torch.rand(2, 3, 32, 40)
    latent = model.encode(images).detach()
    assert same_on(device, model, lambda module, x: module.encode(x), images)
    assert same_on(device, model, lambda module, z: module.decode(z), latent)


def test_an_autoencoder_measures_its_latents(device):
    batches = [torch.rand(2, 3, 32, 32) for _ in range(3)]
    here = autoencoder()
    there = autoencoder().to(device)
    here.measure_latents(batches)
    there.measure_latents(batches)
    assert near(there.latent_mean, here.latent_mean)
    assert near(there.latent_std, here.latent_std)


def test_a_mask_controls_an_encoder(device):
    model = autoencoder().freeze()
    control = MaskControl(model)
    for tap in control.taps:
        torch.nn.init.normal_(tap.weight, std=0.1)
    mask = torch.zeros(2, 1, 32, 40)
    mask[:, :, 8:20, 12:30] = 1

    def conditioned(module, image):
        return module["autoencoder"].encode(image, module["control"](mask.to(image)), mask.to(image))

    assert same_on(
        device, torch.nn.ModuleDict({"autoencoder": model, "control": control}), conditioned, torch.rand(2, 3, 32, 40)
    )


def test_known_cells_are_continued(device):
    condition = make_condition(2, height=12, width=10)
    weights = torch.randn_like(condition.latent)
    results = []
    for where in (torch.device("cpu"), device):
        latent = condition.latent.to(where).detach().requires_grad_()
        continued = continue_known(Condition(latent, condition.hole.to(where), condition.area.to(where))).latent
        (continued * weights.to(where)).sum().backward()
        results.append((continued, latent.grad))
    assert near(results[1][0], results[0][0])
    assert near(results[1][1], results[0][1])
    known = (condition.hole == 0).expand_as(condition.latent)
    assert torch.equal(results[1][0].cpu()[known], condition.latent[known])
