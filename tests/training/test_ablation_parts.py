"""The parts the ablation compares: mask as a channel or by control, what is trained, latent or pixel loss."""

import pytest
import torch

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import IdentityAutoencoder
from latentinpaint.pipeline import mask_out
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.training.losses.reconstruction import LatentObjective, PixelObjective
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.weights import Model, load_autoencoder, load_pipeline, save_autoencoder, save_model

KINDS = {
    "1_pixel_alpha": ("alpha", "all", PixelObjective),
    "2_pixel_control": ("control", "nothing", PixelObjective),
    "3_latent_alpha": ("alpha", "first", LatentObjective),
    "4_latent_control": ("control", "nothing", LatentObjective),
}


@pytest.fixture
def batch():
    data = InpaintingDataModule("samples", size=32, batch_size=4, num_workers=0)
    data.setup("fit")
    return next(iter(data.train_dataloader()))


def make(model_files, mask, trained, objective, **options):
    torch.manual_seed(0)
    return LatentTask(
        str(model_files["autoencoder"]),
        lambda channels: FFCRefiner(channels, blocks=1, **options),
        mask=mask,
        trained=trained,
        objective=objective,
    )


def fit(task, batch, steps=6):
    """Losses of some steps on one batch."""
    task.train()
    optimizer = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(steps):
        truth = task.truth or task.pipeline.autoencoder
        loss = task.objective(task.pipeline, truth, batch["image"], batch["mask"], None)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_trained_moves_and_nothing_else(kind, model_files, batch):
    mask, trained, objective = KINDS[kind]
    task = make(model_files, mask, trained, objective())
    before = {name: value.clone() for name, value in task.state_dict().items()}
    losses = fit(task, batch)
    assert losses[-1] < losses[0]
    moved = {name for name, value in task.state_dict().items() if not torch.equal(value, before[name])}
    inside = {n.removeprefix("pipeline.autoencoder.") for n in moved if n.startswith("pipeline.autoencoder.")}
    everything = {n.removeprefix("pipeline.autoencoder.") for n in before if n.startswith("pipeline.autoencoder.")}
    if trained == "nothing":
        assert not inside
    elif trained == "first":
        assert inside == {"encoder.0.0.weight"}
    else:  # BatchNorm's running statistics too; the latents' own mean and deviation stay
        assert inside == everything - {"latent_mean", "latent_std"}
    assert not any(name.startswith("truth.") for name in moved)
    assert any(name.startswith("pipeline.refiner.") for name in moved)
    assert (task.pipeline.control is not None) == (mask == "control")


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_one_comes_back_from_its_file(kind, model_files, batch, tmp_path):
    mask, trained, objective = KINDS[kind]
    task = make(model_files, mask, trained, objective())
    fit(task, batch, steps=2)
    save_model(Model(task.pipeline), tmp_path / "model.safetensors")
    loaded = load_pipeline(tmp_path)
    pipeline = task.pipeline.eval()
    assert torch.equal(loaded(batch["image"], batch["mask"]), pipeline(batch["image"], batch["mask"]))
    assert not any(parameter.requires_grad for parameter in loaded.autoencoder.parameters())


def test_a_mask_channel_starts_without_a_word_and_is_then_heard(model_files, batch):
    plain = load_autoencoder(model_files["autoencoder"])
    wider = plain.with_mask_channel()
    image, mask = mask_out(batch["image"], batch["mask"]), batch["mask"]
    # To rounding: a convolution over four channels adds in another order.
    torch.testing.assert_close(wider.encode(image, mask=mask), plain.encode(image), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        wider.encoder[0][0].weight[:, 3] += 0.1
    assert (wider.encode(image, mask=mask) - wider.encode(image)).abs().max() > 0.01
    assert torch.equal(wider.encode(image), wider.encode(image, mask=torch.zeros_like(mask)))


def test_the_first_convolution_of_four_channels_is_the_sum_of_two(model_files, batch):
    """conv([x, m]) = conv(x) + conv(m), with the convolution of torch itself."""
    wider = load_autoencoder(model_files["autoencoder"]).with_mask_channel()
    torch.nn.init.normal_(wider.encoder[0][0].weight)
    weight, seen = wider.encoder[0][0].weight, []
    wider.encoder[0][0].register_forward_hook(lambda module, inputs, output: seen.append(output))
    wider.encode(batch["image"], mask=batch["mask"])
    padded = [torch.nn.functional.pad(x, (3, 3, 3, 3), mode="reflect") for x in (batch["image"], batch["mask"])]
    parts = [torch.nn.functional.conv2d(x, w) for x, w in zip(padded, (weight[:, :3], weight[:, 3:]), strict=True)]
    torch.testing.assert_close(seen[0], sum(parts), atol=1e-4, rtol=1e-4)


def test_truth_is_encoded_by_the_autoencoder_as_it_was(model_files, batch):
    """Were it the trained one, an encoder that answers nothing would be perfect."""
    task = make(model_files, "alpha", "first", LatentObjective(), delta=True, width=16)  # starts at the identity
    plain = load_autoencoder(model_files["autoencoder"])
    with torch.no_grad():
        task.pipeline.autoencoder.encoder[0][0].weight.zero_()
    loss = task.objective(task.pipeline.eval(), task.truth, batch["image"], batch["mask"], None)["loss"]
    # The blocks' answer is zero, so the loss is the distance of the encoder's constant to the true latents.
    constant = task.pipeline.autoencoder.encode(torch.zeros(1, 3, 32, 32))
    expected = (plain.encode(batch["image"]) - constant).abs().mean()
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_pixel_loss_by_hand(weight, model_files, batch):
    task = make(model_files, "control", "nothing", PixelObjective(weight))
    pipeline, image, mask = task.pipeline.eval(), batch["image"], batch["mask"]
    loss = task.objective(pipeline, pipeline.autoencoder, image, mask, None)["loss"]
    answer = pipeline.autoencoder.decode(pipeline.refiner.refine(pipeline.condition(image, mask)))
    error = (answer - image).abs()
    hole = mask.bool().expand_as(error)
    expected = (error[~hole].sum() + weight * error[hole].sum()) / ((~hole).sum() + weight * hole.sum())
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(mask="alpha"), "set trained to first"),
        (dict(objective=PixelObjective(), refiner=lambda channels: FlowRefiner(channels, width=16)), "one pass"),
    ],
)
def test_what_does_not_fit_is_one_sentence(options, sentence, model_files):
    refiner = options.pop("refiner", lambda channels: FFCRefiner(channels, blocks=1))
    with pytest.raises(InputError, match=sentence):
        LatentTask(str(model_files["autoencoder"]), refiner, **options)


@pytest.mark.parametrize("options", [{}, dict(mask="none", trained="all"), dict(mask="alpha", trained="first")])
def test_pixels_have_no_encoder_to_train(options, tmp_path):
    path = tmp_path / "autoencoder.safetensors"
    save_autoencoder(IdentityAutoencoder(), path)
    with pytest.raises(InputError, match="no encoder stages"):
        LatentTask(str(path), lambda channels: FFCRefiner(channels, blocks=1), **options)


@pytest.mark.parametrize("part", ["second", ""])
def test_there_is_no_other_part_to_train(part, model_files):
    with pytest.raises(ValueError, match="no part"):
        load_autoencoder(model_files["autoencoder"]).thaw(part)


def test_a_hole_weight_is_above_zero():
    with pytest.raises(InputError, match="above 0"):
        PixelObjective(0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_computed_with_a_folded_copy_of_what_is_frozen(kind, model_files, batch):
    """The same losses and gradients as with the autoencoder itself, which stays what is saved."""
    mask, trained, objective = KINDS[kind]
    task = make(model_files, mask, trained, objective())
    fit(task, batch, steps=2)  # so that the taps are not zero
    working, pipeline = task.fused_pipeline(), task.pipeline
    assert (working is pipeline) == (trained != "nothing")
    assert working.refiner is pipeline.refiner and working.control is pipeline.control
    assert task.fused_pipeline() is working
    gradients = []
    for made in (working, pipeline):
        task.zero_grad()
        truth = task.truth or made.autoencoder
        torch.manual_seed(0)
        task.objective(made, truth, batch["image"], batch["mask"], None)["loss"].backward()
        gradients.append({name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], gradient, atol=1e-4, rtol=1e-2)
    assert not any("folded" in name or "_fused" in name for name in task.state_dict())
    assert load_autoencoder(model_files["autoencoder"]).fingerprint() == task.fingerprint
    if trained == "nothing":
        assert pipeline.autoencoder.fingerprint() == task.fingerprint
        assert not [m for m in working.autoencoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_under_bfloat16_autocast_the_frozen_copy_is_bfloat16(model_files, batch):
    task = make(model_files, *KINDS["4_latent_control"][:2], LatentObjective())
    plain = task.losses(batch, None)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        working = task.fused_pipeline()
        low = task.losses(batch, None)["loss"]
    kinds = {p.dtype for p in working.autoencoder.parameters() if p.ndim == 4}
    assert kinds == {torch.bfloat16} and low.dtype == torch.float32
    torch.testing.assert_close(low, plain, atol=0, rtol=0.03)
    assert {p.dtype for p in task.parameters()} == {torch.float32}
    assert task.fused_pipeline().autoencoder.encoder[1].weight.dtype == torch.float32
