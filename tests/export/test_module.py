"""What is exported computes a pipeline's pictures, before any exporter has seen it."""

import pytest
import torch
from small_autoencoders import ADOPTED, build

from latentinpaint.errors import InputError
from latentinpaint.export.module import export_module
from latentinpaint.models import MaskControl
from latentinpaint.models.ffc import FourierUnit
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner

MODELS = ["control", "alpha", "none", "pixels"]


@pytest.mark.parametrize("size", [(16, 24), (37, 51), (3, 70)], ids=str)
@pytest.mark.parametrize("matrices", [True, False], ids=["matrices", "fft"])
@pytest.mark.parametrize("name", MODELS)
def test_the_same_pictures(name, matrices, size, exported_models):
    pipeline = exported_models[name]
    image, mask = torch.rand(2, 3, *size), (torch.rand(2, 1, *size) > 0.7).float()
    expected = pipeline(image, mask)
    assert (expected - image).abs().max() > 0.1
    module = export_module(pipeline, matrices)
    known = (mask < 0.5).expand_as(image)
    for content in (0.0, float("nan")):
        output = module(image.masked_fill(mask > 0.5, content), mask)
        assert torch.equal(output[known], image[known])
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=0)


def test_the_pipeline_stays_as_it_is(exported_models):
    pipeline = exported_models["control"]
    before = {name: value.clone() for name, value in pipeline.state_dict().items()}
    module = export_module(pipeline, matrices=True)
    assert any(isinstance(module, FourierUnit) for module in pipeline.modules())
    assert not any(isinstance(part, FourierUnit) for part in module.modules())
    for value in module.parameters():
        value.data.zero_()
    assert all(torch.equal(value, before[name]) for name, value in pipeline.state_dict().items())


def test_weights_are_whole(exported_models):
    """What is a view of a larger tensor would be written with all of it."""
    for value in export_module(exported_models["control"], matrices=True).parameters():
        assert value.is_contiguous()
        assert value.untyped_storage().nbytes() == value.numel() * value.element_size()


@pytest.mark.parametrize("name", ADOPTED)
def test_adopted_autoencoders(name):
    """The same pictures, or a sentence."""
    autoencoder = build(name)
    autoencoder.measure_latents([torch.rand(2, 3, 32, 32)])
    refiner = FFCRefiner(autoencoder.latent_channels, blocks=0)
    pipeline = InpaintPipeline(autoencoder, refiner, MaskControl(autoencoder)).eval()
    if name not in ("TaesdAutoencoder", "AutoencoderTiny"):
        with pytest.raises(InputError, match=f"diffusers' {name} .* cannot be exported"):
            export_module(pipeline, matrices=True)
        return
    image, mask = torch.rand(2, 3, 37, 51), (torch.rand(2, 1, 37, 51) > 0.7).float()
    output = export_module(pipeline, matrices=True)(image, mask)
    torch.testing.assert_close(output, pipeline(image, mask), atol=1e-5, rtol=0)


def test_a_flow_is_refused(build_pipeline):
    with pytest.raises(InputError, match="ffc"):
        export_module(build_pipeline("flow"), matrices=True)
