"""The command line wins over configurations wherever it stands, for every training command and every tool."""

import pytest

from latentinpaint.cli import main
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.option_order import is_configuration, most_exact_last
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.training.tasks.latent_task import LatentTask

OWN = ["--data.seed", "5", "--trainer.max_steps=1", "--output", "mine", "--trainer.callbacks", "[]"]


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        (["--data.root", "d", "--config", "c"], ["--config", "c", "--data.root", "d"]),
        (["--data.root=d", "--config=c"], ["--config=c", "--data.root=d"]),
        (["--a", "1", "-c", "c", "--conf=e"], ["-c", "c", "--conf=e", "--a", "1"]),
        (["--config", "b", "--a", "1", "--config", "a"], ["--config", "b", "--config", "a", "--a", "1"]),
        (["--data.root", "d", "--data", "f"], ["--data", "f", "--data.root", "d"]),
        (["--m.r.blocks", "1", "--m.r", "FFC"], ["--m.r", "FFC", "--m.r.blocks", "1"]),
        (["--a", "1", "--a", "2"], ["--a", "1", "--a", "2"]),
        (["--list", "1", "-2", "--config", "c"], ["--config", "c", "--list", "1", "-2"]),
        (["--ckpt_path", "last", "--config", "c"], ["--config", "c", "--ckpt_path", "last"]),
        (
            ["--t.c+=A", "--t.c.x", "1", "--t.c+=B", "--t.c.y=2", "--c"],
            ["--c", "--t.c+=A", "--t.c.x", "1", "--t.c+=B", "--t.c.y=2"],
        ),
        ([], []),
    ],
)
def test_most_exact_last(words, ordered):
    assert most_exact_last(words) == ordered


def test_what_a_configuration_is():
    assert all(map(is_configuration, ["--config", "--config=x", "-c", "-cx", "--conf"]))
    assert not any(map(is_configuration, ["--ckpt_path", "--configs", "--c", "config", "--lama_config", "-h"]))


COMMANDS = {
    "pretrain_ae": (PretrainTask, ["--config", "smoke_pretrain_ae.yaml"]),
    "train_latent": (LatentTask, ["--config", "latent_ffc.yaml", "--autoencoder", "FILE", "--data.root", "samples"]),
    "train_latent --refiner": (LatentTask, ["--config=smoke.yaml", "--refiner=ffc", "--autoencoder=FILE"]),
    "two configurations": (LatentTask, ["-c", "latent_ffc.yaml", "-c=smoke.yaml", "--autoencoder", "FILE"]),
    "train_lama": (AdversarialTask, ["--config", "smoke.yaml", "--refiner", "ffc", "--autoencoder", "FILE"]),
    "train_flow": (FlowTask, ["--config", "moons.yaml"]),
}


@pytest.mark.filterwarnings("ignore:the perceptual loss is left out")
@pytest.mark.parametrize("first", [True, False], ids=["options first", "options last"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_wins_wherever_it_stands(command, first, model_files, monkeypatch, tmp_path):
    monkeypatch.chdir(CONFIGS)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    task, words = COMMANDS[command]
    words = [word.replace("FILE", str(model_files["autoencoder"])) for word in words]
    cli = TrainingCLI.build(task, OWN + words if first else words + OWN, "unused")
    assert (cli.datamodule.seed, cli.trainer.max_steps, cli.config.output) == (5, 1, "mine")
    assert cli.config.trainer.callbacks == []


def test_the_later_configuration_wins(monkeypatch):
    monkeypatch.chdir(CONFIGS)
    cli = TrainingCLI.build(PretrainTask, ["-c", "pretrain_ae.yaml", "-c", "smoke_pretrain_ae.yaml"], "unused")
    assert cli.trainer.max_steps == 2


def test_a_group_in_a_file_of_its_own_loses_to_its_options(tmp_path):
    (tmp_path / "data.yaml").write_text("root: samples\nsize: 64\nseed: 3\n")
    cli = TrainingCLI.build(PretrainTask, ["--data.size", "32", f"--data={tmp_path / 'data.yaml'}"], "unused")
    assert (cli.datamodule.size, cli.datamodule.seed) == (32, 3)


@pytest.mark.parametrize(
    ("command", "words", "settings", "expected"),
    [
        ("doctor", ["--images", "mine"], "images: yours\nsize: 64\n", ["images: mine", "size: 64"]),
        ("inpaint", ["--num-samples=3"], "num_samples: 2\nseed: 9\n", ["num_samples: 3", "seed: 9"]),
        ("inpaint", ["--invert-mask"], "invert_mask: false\nseed: 9\n", ["invert_mask: true", "seed: 9"]),
        ("make-masks", ["--mask-preset", "thin"], "mask_preset: thick\nseed: 9\n", ["mask_preset: thin", "seed: 9"]),
        ("pretrain_ae", ["--data.root", "mine"], "data:\n  root: yours\n  size: 64\n", ["root: mine", "size: 64"]),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["options first", "options last"])
def test_what_print_config_shows(command, words, settings, expected, first, capsys, tmp_path):
    (tmp_path / "c.yaml").write_text(settings)
    config = ["--config", str(tmp_path / "c.yaml")]
    with pytest.raises(SystemExit) as caught:
        main(command, [*words, "--print_config", *config] if first else ["--print_config", *config, *words])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert caught.value.code == 0
    assert set(expected) <= set(lines)
