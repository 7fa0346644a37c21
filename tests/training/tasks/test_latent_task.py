"""Training refiners: what of the pipeline moves, what stays frozen, what comes back from a file or a checkpoint."""

import json
import math
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from checkpoints import checkpoint, equal
from safetensors.torch import load_file

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models import IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline, mask_out
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.runtime.processes import leave_group
from latentinpaint.training.losses.reconstruction import LatentObjective, PixelObjective
from latentinpaint.training.tasks import base
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.weights import Model, load_autoencoder, load_model, load_pipeline, save_autoencoder, save_model

KINDS = {
    "1_pixel_alpha": ("alpha", "all", PixelObjective),
    "2_pixel_control": ("control", "nothing", PixelObjective),
    "3_latent_alpha": ("alpha", "first", LatentObjective),
    "4_latent_control": ("control", "nothing", LatentObjective),
}


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
def test_what_is_trained_moves_and_nothing_else(kind, latent_task, batch):
    mask, trained, objective = KINDS[kind]
    task = latent_task(mask, trained, objective())
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
def test_a_trained_one_comes_back_from_its_file(kind, latent_task, batch, tmp_path):
    mask, trained, objective = KINDS[kind]
    task = latent_task(mask, trained, objective())
    fit(task, batch, steps=2)
    save_model(Model(task.pipeline), tmp_path / "model.safetensors")
    loaded = load_pipeline(tmp_path)
    pipeline = task.pipeline.eval()
    assert torch.equal(loaded(batch["image"], batch["mask"]), pipeline(batch["image"], batch["mask"]))
    assert not any(parameter.requires_grad for parameter in loaded.autoencoder.parameters())


@pytest.mark.parametrize("refiner", ["ffc", "flow"])
def test_frozen_means_bit_equal(refiner, latent, model_files, monkeypatch):
    start = {}
    fit_start = base.TrainingTask.on_fit_start

    def remember(task):
        start.update({name: value.clone() for name, value in task.pipeline.state_dict().items()})
        fit_start(task)

    monkeypatch.setattr(base.TrainingTask, "on_fit_start", remember)
    options = ("--ema", 0.9, "--trainer.limit_val_batches", 1, "--trainer.val_check_interval", 4)
    folder = latent(*options, refiner=refiner, steps=20)
    before = load_file(model_files["autoencoder"])
    after = load_file(folder / "model.safetensors")
    assert equal({name: after[name] for name in after if name.startswith("autoencoder.")}, before)
    saved = checkpoint(folder)
    for state in (saved["state_dict"], saved["current_model_state"]):
        frozen = {name.removeprefix("pipeline."): value for name, value in state.items()}
        assert equal({name: frozen[name] for name in before}, before)
    for part in ("refiner.", "control."):
        names = [name for name in after if name.startswith(part) and after[name].is_floating_point()]
        changed = [name for name in names if not torch.equal(after[name], start[name])]
        assert len(changed) > 0.9 * len(names), set(names) - set(changed)
    assert all(after[name].abs().sum() > 0 for name in after if name.startswith("control.taps"))
    # The file holds the averaged weights, the checkpoint both.
    assert equal({name: saved["state_dict"][f"pipeline.{name}"] for name in after}, after)
    assert not equal({name: saved["current_model_state"][f"pipeline.{name}"] for name in after}, after)


@pytest.mark.parametrize("mask", ["control", "none"])
def test_without_control(mask, latent):
    pipeline = load_pipeline(latent("--model.mask", mask))
    assert (pipeline.control is not None) == (mask == "control")


def test_refiner_overfits_a_batch():
    torch.manual_seed(0)
    autoencoder = LamaAutoencoder(base_channels=4, final_relu=False)
    data = InpaintingDataModule("samples", size=32, batch_size=4, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    autoencoder.measure_latents([batch["image"]])
    pipeline = InpaintPipeline(autoencoder, FFCRefiner(32, blocks=2), MaskControl(autoencoder)).train()
    assert not pipeline.autoencoder.training
    optimizer = torch.optim.AdamW([p for p in pipeline.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(60):
        loss = pipeline.loss(batch["image"], batch["mask"])["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.5 * losses[0]


def test_a_checkpoint_of_another_autoencoder_is_refused_from_python(latent, model_files):
    folder = latent()
    task = LatentTask(str(model_files["other"]), lambda channels: FFCRefiner(channels, blocks=1))
    with pytest.raises(InputError, match="another autoencoder"):
        task.on_load_checkpoint(checkpoint(folder))


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


def test_a_mask_channel_has_to_be_learnt(model_files):
    with pytest.raises(InputError, match="set model.trained to first"):
        LatentTask(str(model_files["autoencoder"]), lambda channels: FFCRefiner(channels, blocks=1), mask="alpha")


@pytest.mark.parametrize("options", [{}, dict(mask="none", trained="all"), dict(mask="alpha", trained="first")])
def test_pixels_have_no_encoder_to_train(options, tmp_path):
    path = tmp_path / "autoencoder.safetensors"
    save_autoencoder(IdentityAutoencoder(), path)
    with pytest.raises(InputError, match="no encoder stages.* set model.mask to none and model.trained to nothing"):
        LatentTask(str(path), lambda channels: FFCRefiner(channels, blocks=1), **options)


@pytest.mark.parametrize("part", ["second", ""])
def test_there_is_no_other_part_to_train(part, model_files):
    with pytest.raises(ValueError, match="no part"):
        load_autoencoder(model_files["autoencoder"]).thaw(part)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_computed_with_a_fused_copy_of_what_is_frozen(kind, model_files, batch, latent_task):
    """The same losses and gradients as with the autoencoder itself, which stays what is saved."""
    mask, trained, objective = KINDS[kind]
    task = latent_task(mask, trained, objective())
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


def test_under_bfloat16_autocast_the_frozen_copy_is_bfloat16(latent_task, batch):
    task = latent_task(*KINDS["4_latent_control"][:2], LatentObjective())
    plain = task.losses(batch, None)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        working = task.fused_pipeline()
        low = task.losses(batch, None)["loss"]
    kinds = {p.dtype for p in working.autoencoder.parameters() if p.ndim == 4}
    assert kinds == {torch.bfloat16} and low.dtype == torch.float32
    torch.testing.assert_close(low, plain, atol=0, rtol=0.03)
    assert {p.dtype for p in task.parameters()} == {torch.float32}
    assert task.fused_pipeline().autoencoder.encoder[1].weight.dtype == torch.float32


@pytest.mark.parametrize("interpolant", ["cosine", "hadamard"])
def test_a_flow_of_another_interpolant(interpolant, latent):
    folder = latent("--model.refiner.interpolant", interpolant, refiner="flow")
    pipeline = load_pipeline(folder)
    assert pipeline.refiner.arguments["interpolant"] == interpolant
    image, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1
    one, other = pipeline.sample(image, mask, num_samples=2)[0]
    assert torch.equal(one[:, :8], image[0, :, :8]) and not torch.equal(one, other)


def test_it_goes_on_from_a_model_as_it_is_built_there(model_files):
    """Neither autoencoder nor refiner has to be described; all weights are the model's at the first step."""
    start = str(model_files["ffc"])
    task = LatentTask(start=start)
    expected = load_pipeline(start)
    assert task.pipeline.refiner.arguments == expected.refiner.arguments
    assert equal(task.pipeline.state_dict(), expected.state_dict())
    assert task.pipeline.autoencoder.frozen and task.pipeline.control is not None


@pytest.mark.parametrize("trained", ["nothing", "all"])
def test_noise_is_measured_before_training_and_never_again(trained, model_files):
    """From what the masks hide of the first crops; nothing else changes, and a model keeps what it has."""
    from latentinpaint.data.datamodule import InpaintingDataModule

    def task():
        return LatentTask(
            str(model_files["autoencoder"]),
            lambda channels: FlowRefiner(channels, width=8, multipliers=(1,), noise="residual", continued=True),
            trained=trained,
        )

    data = InpaintingDataModule("samples", size=32, batch_size=4, epoch_length=16, num_workers=0)
    begun = task()
    before = {name: value.clone() for name, value in begun.state_dict().items()}
    begun.begin(data)
    changed = {name for name, value in begun.state_dict().items() if not torch.equal(value, before[name])}
    prefix = "pipeline.refiner.residual_noise"
    assert changed == {f"{prefix}.roots", f"{prefix}.measured"} and begun.training
    again = task()
    again.begin(data)
    noise = begun.pipeline.refiner.residual_noise
    assert torch.equal(again.pipeline.refiner.residual_noise.roots, noise.roots)
    noise.roots.fill_(3)
    begun.begin(data)
    assert (noise.roots == 3).all()


def test_shortcuts_are_learnt_from_a_flow_that_has_none(model_files, batch):
    """At the first step the model fills as the flow did; the loss then moves what reads the steps' lengths."""
    flow = load_pipeline(str(model_files["flow"]))
    arguments = {**flow.refiner.arguments, "shortcuts": 4, "shortcut_share": 1.0}
    task = LatentTask(start=str(model_files["flow"]), refiner=lambda _: FlowRefiner(**arguments))
    picture = batch["image"][:1], batch["mask"][:1]
    torch.testing.assert_close(task.pipeline.sample(*picture, steps=3), flow.sample(*picture, steps=3))
    losses = task.losses(batch, torch.Generator().manual_seed(0))
    losses["loss"].backward()
    lengths = task.pipeline.refiner.network.embed[0].weight.grad.chunk(2, dim=1)[1]
    assert lengths.abs().max() > 0


def test_a_flow_is_trained_on_the_first_fill_of_a_model(model_files, latent):
    """What makes the first fill, mask control included, stays as it was, and the run's model fills from its file."""
    options = ("--model.start", model_files["ffc"], "--model.refiner.first", "{blocks: 1}", "--model.mask", "control")
    folder = latent(*options, "--model.refiner.noise", "residual", refiner="flow")
    start, trained = load_pipeline(str(model_files["ffc"])), load_pipeline(folder)
    assert equal(trained.refiner.origin.refiner.state_dict(), start.refiner.state_dict())
    assert equal(trained.control.state_dict(), start.control.state_dict())
    assert trained.refiner.residual_noise.measured
    image, mask = torch.rand(1, 3, 40, 56), torch.zeros(1, 1, 40, 56)
    mask[..., 8:30, 8:40] = 1
    first, second = trained.sample(image, mask, num_samples=2)[0]
    assert torch.equal(first[:, mask[0, 0] == 0], image[0][:, mask[0, 0] == 0])
    assert (first - second).abs().max() > 1e-3


def test_the_texture_of_the_model_it_went_on_from_stays(build_pipeline, tmp_path):
    texture = PatchTexture(radius=1, guidance=0.25)
    save_model(Model(build_pipeline("ffc"), texture), tmp_path / "first" / "model.safetensors")
    task = LatentTask(start=str(tmp_path / "first"))
    task.save_model(tmp_path / "second", None)
    assert load_model(tmp_path / "second").texture == texture


def on_first_fill(channels):
    return FlowRefiner(channels, width=8, multipliers=(1,), first={"blocks": 1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(), "model.start"),
        (dict(autoencoder="autoencoder"), "model.start"),
        (dict(start="ffc", mask="none"), "built otherwise"),
        (dict(start="ffc", refiner=lambda channels: FFCRefiner(channels, blocks=0)), "built otherwise"),
        (dict(start="ffc", autoencoder="other"), "another autoencoder|built otherwise"),
        (dict(autoencoder="autoencoder", refiner=on_first_fill), "set model.start to it, such as default"),
        (dict(start="ffc", refiner=on_first_fill, trained="all"), "and model.trained to nothing"),
        (dict(start="flow", refiner=on_first_fill), "built otherwise"),
    ],
)
def test_what_does_not_fit_the_model_to_go_on_from(arguments, message, model_files):
    for name in ("start", "autoencoder"):
        if name in arguments:
            arguments[name] = str(model_files[arguments[name]])
    with pytest.raises(InputError, match=message):
        LatentTask(**arguments)


# ---- two processes

# Of four pictures every second one is the second process's: whether they have a hole, and the mean PSNR of those.
HOLES = {
    "of one of its two": ((1, 1, 1, 0), 80 / 3),
    "of none": ((1, 0, 1, 0), 30),
    "of no process": ((0,) * 4, math.nan),
}


def black_fills(image, mask, batch_size):
    return torch.zeros_like(image)[:, None]


def validated(autoencoder: Path, folder: Path) -> dict[str, float]:
    """What one of two processes logs, of pictures of grey 0.1 (a black fill has 20 dB) and 0.01 (40 dB)."""
    task = LatentTask(str(autoencoder), lambda channels: FFCRefiner(channels, blocks=1))
    task.fused_pipeline = lambda: SimpleNamespace(sample=black_fills)
    strategy = pl.strategies.DDPStrategy(process_group_backend="gloo", timeout=timedelta(seconds=60))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(accelerator="cpu", devices=2, strategy=strategy, default_root_dir=folder, **quiet)
    found = {}
    for case, (holes, _) in HOLES.items():
        items = []
        for hole, grey in zip(holes, (0.1, 0.1, 0.01, 0.01), strict=True):
            items.append({"image": torch.full((3, 16, 16), grey), "mask": torch.full((1, 16, 16), float(hole))})
        logged = trainer.validate(task, torch.utils.data.DataLoader(items, batch_size=1), verbose=False)
        found[case] = logged[0]["val/psnr_hole"]
    return found


def test_two_processes_log_the_mean_over_all_pictures_that_have_a_hole(model_files, tmp_path):
    command = [sys.executable, __file__, str(model_files["autoencoder"]), str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert result.returncode == 0, result.stderr
    expected = {case: mean for case, (_, mean) in HOLES.items()}
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found == pytest.approx(expected, rel=1e-4, nan_ok=True)


if __name__ == "__main__":
    figures = validated(Path(sys.argv[1]), Path(sys.argv[2]))
    leave_group()
    (Path(sys.argv[2]) / f"{os.environ.get('LOCAL_RANK', 0)}.json").write_text(json.dumps(figures))
