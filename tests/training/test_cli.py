"""The training commands: resuming, time limits, several processes, bad files."""

import contextlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from checkpoints import checkpoint, compare, equal
from PIL import Image
from safetensors.torch import load_file

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.errors import InputError
from latentinpaint.training.callbacks import RunProgress
from latentinpaint.training.cli import train
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.weights import load_autoencoder, load_pipeline

EPOCH_OF_2 = ("--data.epoch_length", 8)  # two steps of four crops
FLOW = ("--refiner", "flow", "--model.refiner.width", "16", "--model.refiner.multipliers", "[1,2]")


@pytest.mark.parametrize(
    "epoch",
    [
        pytest.param(EPOCH_OF_2, id="between-epochs"),
        pytest.param(("--data.epoch_length", 16), id="within-an-epoch"),
    ],
)
@pytest.mark.parametrize("refiner", ["ffc", "flow"])
def test_interrupted_and_resumed_equals_straight(refiner, epoch, latent, interrupt_at, monkeypatch, capsys):
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


STREAM = 9  # batches of 4 that every case draws; an epoch of 14 crops has 3 of them, and 2 crops are never used


@pytest.mark.parametrize(
    ("parts", "workers"),
    [
        pytest.param([("max_steps", 4)], 0, id="within an epoch"),
        pytest.param([("max_steps", 6)], 0, id="at an epoch's end"),
        pytest.param([("max_epochs", 2)], 0, id="by epochs"),
        pytest.param([("max_steps", 2), ("max_steps", 3), ("max_steps", 7)], 0, id="thrice"),
        pytest.param([("max_steps", 4)], 2, id="within an epoch, in workers"),
    ],
)
def test_a_lengthened_run_goes_on_in_the_stream(parts, workers, latent, monkeypatch):
    drawn = []
    record = lambda callback, trainer, module, batch, index: drawn.append(batch["image"].sum().item())  # noqa: E731
    monkeypatch.setattr(RunProgress, "on_train_batch_start", record)
    stream = ("--data.epoch_length", 14, "--data.num_workers", workers)
    latent("--data.epoch_length", 14, name="straight", steps=STREAM)
    straight = drawn.copy()
    drawn.clear()
    for number, (option, value) in enumerate([*parts, ("max_steps", STREAM)]):
        resume = ("--ckpt_path", "last") if number else ()
        steps = ("--trainer.max_steps", -1) if option == "max_epochs" else ()
        latent(*stream, *resume, *steps, f"--trainer.{option}", value)
    assert drawn == straight
    assert len(set(straight)) == STREAM


def test_a_run_that_goes_on_in_other_batches_goes_on_in_the_stream(latent, monkeypatch):
    drawn = []
    record = lambda callback, trainer, module, batch, index: drawn.extend(batch["image"].sum((1, 2, 3)).tolist())  # noqa: E731
    monkeypatch.setattr(RunProgress, "on_train_batch_start", record)
    epoch = ("--data.epoch_length", 14, "--data.batch_size")
    latent(*epoch, 2, name="straight", steps=13)
    straight = drawn.copy()
    drawn.clear()
    latent(*epoch, 4, steps=2)  # 8 crops
    latent(*epoch, 2, "--ckpt_path", "last", steps=5)  # the epoch's other 6
    latent(*epoch, 3, "--ckpt_path", "last", steps=9)  # 12 of the next one
    assert drawn == pytest.approx(straight) and len(set(straight)) == 26


WORKING = [("ffc", "32"), ("autoencoder", "bf16-mixed"), ("lama", "bf16-mixed")]
REFUSED = {
    **dict.fromkeys(("64-true", "64"), "of 32 bits: set trainer.precision to"),
    **dict.fromkeys(("16-true", "bf16-true"), "too coarse to be trained: set trainer.precision to"),
}
if find_spec("transformer_engine") is None:
    REFUSED["transformer-engine"] = "not met"


@pytest.mark.parametrize(("task", "precision"), WORKING)
@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_a_precision_works(task, precision, train_task):
    assert list(train_task(task, precision).glob("*.safetensors"))


@pytest.mark.parametrize(("precision", "sentence"), REFUSED.items())
@pytest.mark.parametrize("task", ["ffc", "autoencoder", "lama"])
@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
def test_a_precision_is_refused(task, precision, sentence, train_task, tmp_path):
    with pytest.raises(InputError, match=sentence):
        train_task(task, precision)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def train_task(pretrain, latent, lama):
    """Train one step of a task in a precision; returns the run's folder."""

    def call(task, precision):
        options = ("--trainer.precision", precision, "--trainer.max_steps", 1)
        run = {"autoencoder": pretrain, "ffc": latent, "lama": lama}[task]
        return run(*options, name="run")

    return call


@pytest.mark.parametrize("limit", [(), ("--trainer.max_time", "00:00:00:01")], ids=["steps", "time"])
def test_a_resumed_run_without_steps_left_says_so(limit, latent, capsys):
    steps = 1_000_000 if limit else 2
    latent(*limit, steps=steps)
    assert "nothing was trained" not in capsys.readouterr().err
    latent(*limit, "--ckpt_path", "last", steps=steps)
    assert "the run's steps or its time are used up" in capsys.readouterr().err


def test_time_limit_stops_and_leaves_the_model(latent):
    folder = latent("--trainer.max_time", "2s", steps=1_000_000)
    assert 2 < checkpoint(folder)["global_step"] < 10_000
    load_pipeline(folder)


def test_two_processes_train_one_model(model_files, tmp_path):
    """As on two GPUs: the tool starts its own second process, and one of them writes the model."""
    tool = Path(__file__).resolve().parents[2] / "tools" / "train_latent.py"
    options = ["--config", CONFIGS / "smoke.yaml", *FLOW, "--autoencoder", model_files["autoencoder"]]
    devices = ["--trainer.devices", 2, "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu"]
    command = [sys.executable, tool, *options, *devices, "--output", tmp_path / "run"]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("the trained model is") == 1
    assert load_pipeline(tmp_path / "run").refiner.stochastic


def test_shared_out_weights_have_no_average(latent):
    with pytest.raises(InputError, match="set --ema 0 beside --trainer.strategy fsdp, or --trainer.strategy ddp"):
        latent("--trainer.strategy", "fsdp")


KNOWN = ("callbacks", "strategy", "world_size", "precision", "max_steps", "max_epochs")


def built(folder, is_first, fit, trained=True):
    """What a command line builds, in the first of several processes or in another one: a run without a step."""
    weights = torch.nn.Parameter(torch.zeros(1), requires_grad=trained)
    model = SimpleNamespace(
        begin=lambda data: None,
        model_file="model",
        parameters=lambda: [weights],
        save_model=lambda *to: print("saved"),
        check_trainer=str,
    )
    trainer = pl.Trainer(
        **dict(accelerator="cpu", logger=False, max_steps=9, callbacks=[RunProgress()], enable_checkpointing=False),
        **dict(enable_progress_bar=False, enable_model_summary=False),
    )
    seen = {"is_global_zero": is_first, "local_rank": int(not is_first), "fit": fit, "global_step": 3, "loggers": []}
    trainer = SimpleNamespace(**{name: getattr(trainer, name) for name in KNOWN}, **seen)
    config = SimpleNamespace(output=folder, ckpt_path=None)
    data = InpaintingDataModule("samples", size=32)
    parser = SimpleNamespace(dump=lambda *settings, **options: "")
    return SimpleNamespace(
        config=config, parser=parser, trainer=trainer, model=model, datamodule=data, resuming="with", program=None
    )


def ends(*arguments, **options):
    raise SystemExit(1)  # as Lightning does on Ctrl-C


@pytest.mark.parametrize(
    ("fit", "trained", "said"),
    [
        pytest.param(lambda *a, **o: None, True, "nothing was trained: at step 3", id="nothing-left"),
        pytest.param(ends, True, "stopped at step 3; resume", id="interrupted"),
        pytest.param(ends, False, "there is nothing to train", id="all-frozen"),
    ],
)
def test_of_several_processes_the_first_alone_speaks_and_writes(fit, trained, said, tmp_path, capsys):
    for is_first in (True, False):
        with contextlib.suppress(SystemExit):
            train(built(tmp_path, is_first, fit, trained))
        written = "".join(capsys.readouterr())
        assert (said in written) == is_first
        assert ("saved" in written) == (is_first and "stopped" not in said)


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


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_the_default_type_of_the_calling_program_changes_nothing(dtype, pretrain):
    expected = (pretrain(name="plain") / "autoencoder.safetensors").read_bytes()
    torch.set_default_dtype(dtype)
    try:
        found = (pretrain(name="changed") / "autoencoder.safetensors").read_bytes()
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == expected
