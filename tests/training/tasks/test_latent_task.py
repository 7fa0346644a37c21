"""Training through its command lines, on runs of some steps: what is left, what stays frozen, what goes on."""

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from checkpoints import checkpoint, compare, equal
from PIL import Image
from pytorch_lightning.callbacks import Callback, Timer
from safetensors.torch import load_file
from torch import nn

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.models import LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.training.callbacks import WeightEMA
from latentinpaint.training.cli import expand_aliases, pretrain_ae, train_latent
from latentinpaint.training.tasks import base, latent_task
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.weights import load_autoencoder, load_pipeline

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SMALL = {
    "ffc": ("--refiner", "ffc", "--model.refiner.blocks", "1"),
    "flow": ("--refiner", "flow", "--model.refiner.width", "16", "--model.refiner.multipliers", "[1,2]"),
}


@pytest.fixture
def latent(model_files, tmp_path):
    """Train a refiner with more options; answers the run's folder."""

    def call(*options, refiner="ffc", name="run", steps=2):
        folder = tmp_path / name
        train_latent(
            [
                *("--config", str(CONFIGS / "smoke.yaml"), *SMALL[refiner]),
                *("--autoencoder", str(model_files["autoencoder"]), "--output", str(folder)),
                *("--trainer.max_steps", str(steps), "--trainer.limit_val_batches", "0"),
                *map(str, options),
            ]
        )
        return folder

    return call


@pytest.fixture
def pretrain(tmp_path):
    """Pretrain an autoencoder with more options; answers the run's folder."""

    def call(*options, name="ae"):
        folder = tmp_path / name
        pretrain_ae(
            [
                *("--config", str(CONFIGS / "smoke_pretrain_ae.yaml"), "--output", str(folder)),
                *map(str, options),
            ]
        )
        return folder

    return call


# --- pretraining ------------------------------------------------------------------------------------------


def test_pretraining_leaves_standardised_latents(pretrain):
    folder = pretrain("--trainer.max_steps", 4, "--model.statistic_batches", 4)
    autoencoder = load_autoencoder(folder)
    data = InpaintingDataModule("samples", size=32, batch_size=4, epoch_length=16, num_workers=0)
    data.setup("fit")
    with torch.no_grad():
        latents = torch.cat([autoencoder.encode(batch["image"]) for batch in data.train_dataloader()])
    channels = latents.transpose(0, 1).flatten(1).double()
    deviation = channels.std(dim=1, correction=0)
    alive = deviation > 0
    assert alive.sum() > 16
    assert channels[alive].mean(dim=1).abs().max() < 1e-3
    assert (deviation[alive] - 1).abs().max() < 1e-3
    assert (folder / "config.yaml").is_file()


def test_pretraining_error_falls():
    torch.manual_seed(0)
    data = InpaintingDataModule("samples", size=32, batch_size=8, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    task = PretrainTask(LamaAutoencoder(base_channels=4))
    optimizer = torch.optim.AdamW(task.parameters(), lr=5e-3)
    errors = []
    for _ in range(50):
        error = task.squared_error(batch["image"]).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert np.mean(errors[-5:]) < 0.5 * np.mean(errors[:5])


# --- what is frozen, what learns --------------------------------------------------------------------------


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


# --- stopping and going on --------------------------------------------------------------------------------


EPOCH_OF_2 = ("--data.epoch_length", 8)  # two steps of four crops


@pytest.mark.parametrize(
    "epoch",
    [
        pytest.param(EPOCH_OF_2, id="between-epochs"),
        pytest.param(("--data.epoch_length", 16), id="within-an-epoch"),
    ],
)
@pytest.mark.parametrize("refiner", SMALL)
def test_interrupted_and_gone_on_equals_straight(refiner, epoch, latent, interrupt_at, monkeypatch, capsys):
    straight = latent(*epoch, name="straight", steps=4, refiner=refiner)
    interrupt_at(2)
    with pytest.raises(SystemExit):
        latent(*epoch, name="stopped", steps=4, refiner=refiner)
    monkeypatch.undo()
    stopped = straight.with_name("stopped")
    assert "stopped at step 2" in capsys.readouterr().err
    assert not (stopped / "model.safetensors").exists()
    assert checkpoint(stopped)["global_step"] == 2
    again = latent(*epoch, "--ckpt_path", "last", name="stopped", steps=4, refiner=refiner)
    compare(straight, again)
    assert equal(load_file(straight / "model.safetensors"), load_file(again / "model.safetensors"))


def test_a_resumed_pretraining_measures_the_same_latents(pretrain, interrupt_at, monkeypatch):
    """The statistics belong to the stream's first crops, not to those that a resumed run still has to see."""
    straight = pretrain("--trainer.max_steps", 3, "--trainer.limit_val_batches", 0, name="straight")
    interrupt_at(2)
    with pytest.raises(SystemExit):
        pretrain("--trainer.max_steps", 3, "--trainer.limit_val_batches", 0, name="stopped")
    monkeypatch.undo()
    options = ("--ckpt_path", "last", "--trainer.max_steps", 3, "--trainer.limit_val_batches", 0)
    again = pretrain(*options, name="stopped")
    assert equal(load_file(straight / "autoencoder.safetensors"), load_file(again / "autoencoder.safetensors"))


def test_two_processes_train_one_model(model_files, tmp_path):
    """As on two GPUs: the tool starts its own second process, and one of them writes the model."""
    tool = CONFIGS.parent / "tools" / "train_latent.py"
    options = ["--config", CONFIGS / "smoke.yaml", *SMALL["flow"], "--autoencoder", model_files["autoencoder"]]
    devices = ["--trainer.devices", 2, "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]
    command = [sys.executable, tool, *options, *devices, "--output", tmp_path / "run"]
    answer = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("the trained model is") == 1
    assert load_pipeline(tmp_path / "run").refiner.stochastic


def test_processes_and_steps_draw_different_noise(model_files):
    task = latent_task.LatentTask(str(model_files["autoencoder"]), FlowRefiner)
    drawn = set()
    for step, rank, batch in [(s, r, b) for s in range(2) for r in range(2) for b in range(3)]:
        task._trainer = SimpleNamespace(
            world_size=2,
            global_rank=rank,
            global_step=step,
            accumulate_grad_batches=3,
            datamodule=SimpleNamespace(seed=3),
        )
        drawn.add(torch.randn(1, generator=task.step_generator(3 * step + batch)).item())
    assert len(drawn) == 12


def test_an_autoencoder_without_weights_is_only_measured(pretrain, latent):
    folder = pretrain("--model.autoencoder", "IdentityAutoencoder")
    identity = load_autoencoder(folder)
    assert not torch.equal(identity.latent_mean, torch.full((3,), 0.5))
    with pytest.raises(InputError, match="no .*stages"):
        latent("--model.autoencoder", folder, name="controlled")


def test_a_finished_run_can_be_lengthened(latent):
    folder = latent(*EPOCH_OF_2)
    before = checkpoint(folder)
    shorter = load_file(folder / "model.safetensors")
    latent(*EPOCH_OF_2, "--ckpt_path", "last", steps=4)
    after = checkpoint(folder)
    assert (before["global_step"], after["global_step"]) == (2, 4)
    assert not equal(before["current_model_state"], after["current_model_state"])
    steps = {int(state["step"]) for state in after["optimizer_states"][0]["state"].values()}
    assert steps == {4}  # AdamW's own count went on
    assert not equal(load_file(folder / "model.safetensors"), shorter)
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.ckpt"]


def test_last_is_the_last_even_when_a_lengthened_run_is_interrupted(latent, interrupt_at, monkeypatch):
    folder = latent(*EPOCH_OF_2)
    interrupt_at(3)
    with pytest.raises(SystemExit):
        latent(*EPOCH_OF_2, "--ckpt_path", "last", steps=6)
    monkeypatch.undo()
    assert checkpoint(folder)["global_step"] == 3
    assert not list((folder / "checkpoints").glob("last-v*"))
    latent(*EPOCH_OF_2, "--ckpt_path", "last", steps=6)
    assert checkpoint(folder)["global_step"] == 6


def test_interrupted_during_validation_keeps_both_kinds_of_weights(latent, monkeypatch):
    """While validating, averaged weights stand in for the trained ones: the checkpoint must not mix them up."""
    options = (*EPOCH_OF_2, "--trainer.limit_val_batches", 1)
    straight = latent(*options, "--trainer.val_check_interval", 2, name="straight", steps=2)

    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(latent_task.LatentTask, "validation_step", press)
        latent(*options, "--trainer.val_check_interval", 2, name="stopped", steps=2)
    compare(straight, straight.with_name("stopped"))


def test_checkpoints_need_no_pickle(latent, interrupt_at, tmp_path):
    interrupt_at(1)
    with pytest.raises(SystemExit):
        latent()
    files = list(tmp_path.rglob("*.ckpt"))
    assert {path.name for path in files} == {"last.ckpt", "interrupted.ckpt"}
    for path in files:
        assert torch.load(path, weights_only=True)["global_step"] == 1


def test_time_limit_stops_and_leaves_the_model(latent):
    folder = latent("--trainer.max_time", "00:00:00:02", steps=1_000_000)
    assert 2 < checkpoint(folder)["global_step"] < 10_000
    load_pipeline(folder)


def test_a_checkpoint_of_another_autoencoder_is_refused_from_python(latent, model_files):
    from latentinpaint.errors import InputError

    folder = latent()
    task = latent_task.LatentTask(str(model_files["other"]), lambda channels: FFCRefiner(channels, blocks=1))
    with pytest.raises(InputError, match="another autoencoder"):
        task.on_load_checkpoint(checkpoint(folder))


# --- averaged weights -------------------------------------------------------------------------------------


class Line(pl.LightningModule):
    """A weight, a frozen weight and a buffer of awkward values."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, -1.7]))
        self.frozen = nn.Parameter(torch.tensor([1 / 3, 1e-30, 7e20]), requires_grad=False)
        self.register_buffer("count", torch.tensor(10**9 + 1))

    def training_step(self, batch, batch_idx):
        return (self.weight * batch[0].sum()).square().sum()

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], lr=0.01)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_average_by_hand(decay):
    seen = []

    class Record(Callback):
        def on_train_batch_end(self, trainer, module, *rest):
            seen.append(module.weight.detach().double().numpy().copy())

    model, frozen = Line(), Line().frozen.detach().clone()
    trainer = pl.Trainer(
        **dict(max_epochs=1, callbacks=[Record(), WeightEMA(decay)], logger=False, accelerator="cpu"),
        **dict(enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False),
    )
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(7, 1)), batch_size=1)
    trainer.fit(model, batches)
    assert len(seen) == 7
    average = seen[0]
    for updates, weight in enumerate(seen[1:], start=1):
        keep = min(decay, (1 + updates) / (10 + updates))
        average = keep * average + (1 - keep) * weight
    np.testing.assert_allclose(model.weight.detach().numpy(), average, rtol=1e-5)
    if decay:
        assert np.abs(average - seen[-1]).max() > 1e-4
    assert torch.equal(model.frozen, frozen) and int(model.count) == 10**9 + 1


# --- the learning rate ------------------------------------------------------------------------------------


def test_learning_rate_is_a_warm_up_and_a_cosine(latent, monkeypatch):
    rates = []
    original = base.TrainingTask.on_train_batch_start

    def record(task, *rest):
        original(task, *rest)
        rates.extend({group["lr"] for group in task.optimizers().param_groups})

    monkeypatch.setattr(base.TrainingTask, "on_train_batch_start", record)
    latent("--model.learning_rate", 0.01, "--model.warmup_steps", 4, steps=8)
    cosine = 0.5 * (1 + np.cos(np.pi * np.arange(8) / 8))
    rise = np.array([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(rates, 0.01 * rise * cosine, rtol=1e-6)


def trainer_at(step, max_steps=-1, max_epochs=None, batches=10, callbacks=()):
    return SimpleNamespace(
        global_step=step,
        max_steps=max_steps,
        max_epochs=max_epochs,
        num_training_batches=batches,
        callbacks=list(callbacks),
    )


def timer_at(elapsed, duration):
    timer = Timer(timedelta(seconds=duration))
    timer.time_elapsed = lambda stage=None: elapsed
    timer.time_remaining = lambda stage=None: duration - elapsed
    return timer


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        (trainer_at(0, 8), 0.0),
        (trainer_at(2, 8), 0.25),
        (trainer_at(9, 8), 1.0),
        (trainer_at(5, max_epochs=2), 0.25),
        (trainer_at(5, max_epochs=-1), 0.0),
        (trainer_at(5), 0.0),
        (trainer_at(5, callbacks=[timer_at(3.0, 12.0)]), 0.25),
        (trainer_at(2, 8, callbacks=[timer_at(6.0, 12.0)]), 0.5),
        (trainer_at(6, 8, callbacks=[timer_at(6.0, 12.0)]), 0.75),
        (trainer_at(1, 8, callbacks=[timer_at(13.0, 12.0)]), 1.0),
    ],
)
def test_progress(trainer, expected):
    assert base.fraction_done(trainer) == pytest.approx(expected)


# --- folders with bad files -------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_files_are_left_out_counted_and_named(workers, pretrain, tmp_path):
    root, val = tmp_path / "photos", tmp_path / "val"
    root.mkdir()
    for number in range(6):
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(root / f"good{number}.jpg")
    shutil.copytree(root, val)
    (root / "text.jpg").write_text("this is no picture")
    (root / "cut.jpg").write_bytes((root / "good0.jpg").read_bytes()[:-200])
    options = ("--data.root", root, "--data.val_root", val, "--data.num_workers", workers)
    with pytest.warns(UserWarning, match="2 pictures could not be read.*skipped") as caught:
        folder = pretrain(*options, "--trainer.max_steps", 4)
    message = next(str(w.message) for w in caught if "could not be read" in str(w.message))
    assert "cut.jpg" in message and "text.jpg" in message and "good" not in message
    load_autoencoder(folder)


# --- short forms ------------------------------------------------------------------------------------------


def test_short_forms():
    expanded = expand_aliases(["--refiner", "flow", "--autoencoder=a b", "--data.size", "64"])
    assert expanded[:2] == ["--model.refiner", "latentinpaint.refiners.FlowRefiner"]
    assert expanded[2:] == ["--model.autoencoder", "a b", "--data.size", "64"]
    config = str(CONFIGS / "latent_ffc.yaml")
    agreed = expand_aliases(["--refiner=ffc", "--config", config])
    assert agreed == ["--config", config]


@pytest.mark.parametrize("interpolant", ["cosine", "hadamard"])
def test_a_flow_of_another_interpolant(interpolant, latent):
    folder = latent("--model.refiner.interpolant", interpolant, refiner="flow")
    pipeline = load_pipeline(folder)
    assert pipeline.refiner.arguments["interpolant"] == interpolant
    image, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1
    one, other = pipeline.sample(image, mask, num_samples=2)[0]
    assert torch.equal(one[:, :8], image[0, :, :8]) and not torch.equal(one, other)
