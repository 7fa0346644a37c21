"""Where losses are computed: prediction and target are alike in every domain."""

from dataclasses import replace

import pytest
import torch

from latentinpaint.training.losses.adversarial import LossWeights
from latentinpaint.training.losses.domains import DOMAINS


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_compares_like_with_like(adversarial_task, domain, batch):
    """A refiner that predicts the truth's latent is compared with the truth, or with what the decoder makes of it."""
    made = adversarial_task(space=domain, weights=LossWeights(latent=1))
    output = made.generate(batch)
    perfect = replace(output, refined=output.target_latents)
    inputs = made.domain.loss_inputs(made.pipeline, perfect)
    assert inputs.prediction.shape == inputs.target.shape
    assert inputs.mask.shape == (4, 1, *inputs.target.shape[-2:])
    assert inputs.target.shape[1] == made.domain.channels(made.pipeline)
    if domain == "latent":
        assert torch.equal(inputs.prediction, inputs.target)
    else:
        assert torch.equal(inputs.target, batch["image"])
        reconstruction = made.pipeline.autoencoder.decode(made.pipeline.autoencoder.encode(batch["image"]))
        assert torch.allclose(inputs.prediction, reconstruction, atol=1e-5)


def test_latents_that_were_not_computed_are_missed(adversarial_task, batch):
    made = adversarial_task(weights=LossWeights(perceptual=0))
    output = made.generate(batch)
    assert output.target_latents is None
    with pytest.raises(ValueError, match="were not computed"):
        DOMAINS["latent"]().loss_inputs(made.pipeline, output)
