"""What refiners are trained towards, by hand: latents of the undamaged picture, or its pixels."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.refiners import FlowRefiner
from latentinpaint.training.losses.reconstruction import LatentObjective, PixelObjective
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.weights import load_autoencoder


def test_truth_is_encoded_by_the_autoencoder_as_it_was(model_files, batch, latent_task):
    """Were it the trained one, an encoder that says nothing would be perfect."""
    task = latent_task("alpha", "first", LatentObjective(), delta=True, width=16)  # starts at the identity
    plain = load_autoencoder(model_files["autoencoder"])
    with torch.no_grad():
        task.pipeline.autoencoder.encoder[0][0].weight.zero_()
    loss = task.objective(task.pipeline.eval(), task.truth, batch["image"], batch["mask"], None)["loss"]
    # The blocks' output is zero, so the loss is the distance of the encoder's constant to the true latents.
    constant = task.pipeline.autoencoder.encode(torch.zeros(1, 3, 32, 32))
    expected = (plain.encode(batch["image"]) - constant).abs().mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_pixel_loss_by_hand(weight, latent_task, batch):
    task = latent_task("control", "nothing", PixelObjective(weight))
    pipeline, image, mask = task.pipeline.eval(), batch["image"], batch["mask"]
    loss = task.objective(pipeline, pipeline.autoencoder, image, mask, None)["loss"]
    prediction = pipeline.autoencoder.decode(pipeline.refiner.refine(pipeline.condition(image, mask)))
    error = (prediction - image).abs()
    hole = mask.bool().expand_as(error)
    expected = (error[~hole].sum() + weight * error[hole].sum()) / ((~hole).sum() + weight * hole.sum())
    torch.testing.assert_close(loss, expected)


def test_a_pixel_loss_needs_a_prediction_of_one_pass(model_files):
    with pytest.raises(InputError, match="one fill of a hole"):
        LatentTask(
            str(model_files["autoencoder"]),
            lambda channels: FlowRefiner(channels, width=16),
            objective=PixelObjective(),
        )


def test_a_hole_weight_is_above_zero():
    with pytest.raises(InputError, match="above 0"):
        PixelObjective(0.0)
