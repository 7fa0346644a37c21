"""What a run says at its beginning and its end, and the commands it offers."""

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from latentinpaint.cli import COMMANDS
from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.training.cli import train_flow
from latentinpaint.training.run_messages import contents, resuming_command


def test_a_run_begins_with_what_it_is_and_ends_with_what_to_type(pretrain, capsys):
    folder = pretrain("--trainer.max_steps", 2, "--trainer.max_time", "1h30m")
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"training [\d,]+ parameters on cpu in 32-true: 12 photographs and 3 to validate on, 2 steps or 1h 30m, "
        rf"into {re.escape(str(folder))}",
        lines[0],
    )
    words = shlex.split(lines[-1].removeprefix("next: "))
    assert words[:4] == ["latentinpaint", "train_latent", "--config", "latent_ffc"]
    assert words[words.index("--autoencoder") + 1] == str(folder)
    assert words[words.index("--data.root") + 1] == "samples"


def test_one_photograph():
    data = InpaintingDataModule("nowhere")
    data.train_crops = data.val_crops = SimpleNamespace(source=["a.png"])
    assert contents(data) == "1 photograph and 1 to validate on"


def test_the_trained_number_of_parameters(latent, capsys):
    latent("--model.mask", "none", "--model.refiner.init_args.blocks", 1)
    said = capsys.readouterr().out
    from latentinpaint.weights import load_pipeline

    folder = Path(said.rsplit("into ", 1)[1].splitlines()[0])
    refiner = load_pipeline(folder).refiner
    count = sum(parameter.numel() for parameter in refiner.parameters())
    assert f"training {count:,} parameters" in said  # the frozen autoencoder's are not counted


def test_a_flow_s_next_command_comes_last(tmp_path, capsys):
    options = ["--config", "moons", "--trainer.max_steps", "1", "--output", str(tmp_path / "a run")]
    train_flow(options)
    lines = capsys.readouterr().out.splitlines()
    words = shlex.split(lines[-1].removeprefix("next: "))
    assert words[1] == "sample" and words[1] in COMMANDS
    assert words[words.index("--model") + 1] == str(tmp_path / "a run")


@pytest.mark.parametrize(
    ("program", "arguments", "command"),
    [
        (None, ["--config", "moons"], "with --ckpt_path last"),
        (
            "latentinpaint train_flow",
            ["--output", "a b"],
            "with latentinpaint train_flow --output 'a b' --ckpt_path last",
        ),
        ("t", ["--ckpt_path", "last"], "with t --ckpt_path last"),
    ],
)
def test_how_to_resume(program, arguments, command):
    assert resuming_command(program, arguments) == command
