"""Training flows through the command line: every recipe in its smallest form, resumption, and what is learnt."""

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from point_mass import write_recording

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, MaskConditionedFlow, MultichannelFlow, ScheduledFlow
from latentinpaint.maze.walls import MAZES, Maze
from latentinpaint.training.cli import train_flow
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.flow_task import FlowTask
from latentinpaint.visualization.flows import variances
from latentinpaint.weights import load_flow, read_header

FLOW = "--model.flow.init_args"
NARROW = (f"{FLOW}.width", "8", f"{FLOW}.multipliers", "[1, 2]", f"{FLOW}.steps", "2")
NARROW_PRIOR = (f"{FLOW}.width", "16", f"{FLOW}.multipliers", "[1, 2]", f"{FLOW}.steps", "2")
# Recipe -> what makes it small, the flow it leaves, and the sheets it draws at its end.
RECIPES = {
    "moons": ((f"{FLOW}.network_arguments", "{width: 16}"), ScheduledFlow, 3),
    "gaussians": ((f"{FLOW}.network_arguments", "{width: 16}"), ScheduledFlow, 3),
    "mnist": ((f"{FLOW}.network_arguments", "{width: 8}", f"{FLOW}.steps", "2"), ScheduledFlow, 2),
    "fashion_to_mnist": ((f"{FLOW}.network_arguments", "{width: 8}", f"{FLOW}.steps", "2"), ScheduledFlow, 2),
    "cifar_dogs": ((f"{FLOW}.base_channels", "8", f"{FLOW}.tolerance", "0.1"), MaskConditionedFlow, 1),
    "hadamard_mnist": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), HadamardFlow, 1),
    "curriculum_mnist": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), HadamardFlow, 1),
    "hadamard_photos": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), HadamardFlow, 1),
    "maze": ((*NARROW, f"{FLOW}.blocks", "1"), HadamardFlow, 1),
    "maze_small": (NARROW, HadamardFlow, 1),
    "phi4": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), HadamardFlow, 1),
    "phi4_small": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), HadamardFlow, 1),
    "denoise_mnist": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), MultichannelFlow, 1),
    "denoise_photos": ((f"{FLOW}.width", "16", f"{FLOW}.steps", "2"), MultichannelFlow, 1),
}
for _name in ("prior_dogs", "prior_mnist", "prior_photos"):
    RECIPES[_name] = (
        (f"{FLOW}.network_arguments", "{width: 16, multipliers: [1, 2], blocks: 1}", f"{FLOW}.steps", "2"),
        ScheduledFlow,
        2,
    )
    RECIPES[f"{_name}_hadamard"] = (NARROW_PRIOR, HadamardFlow, 1)


def write_sheet(path, size, channels, tiles=12, seed=0):
    shape = (size, tiles * size, 3) if channels == 3 else (size, tiles * size)
    Image.fromarray(np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def recipe(tmp_path):
    """Run a recipe in its smallest form with more options; returns the run's folder."""

    def call(name, *options, steps=2, output="run"):
        settings = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
        arguments = ["--config", str(CONFIGS / f"{name}.yaml"), "--output", str(tmp_path / output)]
        data = settings["data"]
        if "size" in data:
            sheet = write_sheet(tmp_path / "target.png", data["size"], data["channels"])
            arguments += ["--data.target", str(sheet)]
            if data.get("source", "normal") != "normal":
                source = write_sheet(tmp_path / "source.png", data["size"], data["channels"], seed=1)
                arguments += ["--data.source", str(source)]
        if "window" in data:
            write_recording(Maze(MAZES["small"]), tmp_path / "maze.safetensors", steps=400)
            arguments += ["--data.downloads", str(tmp_path)]
        arguments += [*RECIPES[name][0], "--data.batch_size", "4", "--data.shown", "4"]
        arguments += ["--trainer.max_steps", str(steps), "--trainer.val_check_interval", str(steps)]
        arguments += ["--trainer.log_every_n_steps", "1"]
        train_flow([*arguments, *map(str, options)])
        return tmp_path / output

    return call


def test_every_recipe_of_a_flow_is_here():
    flows = {p.stem for p in CONFIGS.glob("*.yaml") if "flow" in yaml.safe_load(p.read_text())["model"]}
    assert flows == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_in_its_smallest_form(name, recipe, capsys):
    folder = recipe(name)
    flow = load_flow(folder)
    assert isinstance(flow, RECIPES[name][1])
    made = read_header(folder)["recipe"]
    assert made["steps"] == 2 and made["from_noise"] == (name != "fashion_to_mnist")
    printed = capsys.readouterr().out
    sheets = sorted(p.name for p in folder.glob("*.png"))
    assert len(sheets) == RECIPES[name][2] and "samples.png" in sheets and "samples.png" in printed
    shown = np.asarray(Image.open(folder / "plots" / "step_000002.png"))
    assert shown.std() > 5
    kept = [p.name for p in folder.glob("models/*")]
    assert kept == (["step_000002.safetensors"] if name == "cifar_dogs" else [])
    assert (folder / "checkpoints" / "last.ckpt").is_file() and (folder / "config.yaml").is_file()


def logged(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_what_the_dogs_log(recipe, monkeypatch):
    """Losses, gradient norms of both networks, and a learning rate that falls by a cosine to its last value."""
    seen = []

    def record(self, optimizer):
        part = self.flow.velocity_network
        seen.append(torch.cat([p.grad.flatten() for p in part.parameters()]).norm().item())
        original(self, optimizer)

    original = FlowTask.on_before_optimizer_step
    monkeypatch.setattr(FlowTask, "on_before_optimizer_step", record)
    values = logged(recipe("cifar_dogs", "--trainer.log_every_n_steps", "2", steps=4))
    for tag in ("train/velocity", "train/noise", "train/loss", "val/loss"):
        assert tag in values
    assert values["gradient_norm/velocity_network"] == pytest.approx([seen[1], seen[3]], rel=1e-4)
    assert all(norm > 0 for norm in values["gradient_norm/noise_network"])
    expected = [1e-6 + (1e-4 - 1e-6) * 0.5 * (1 + np.cos(np.pi * step / 4)) for step in (1, 3)]
    assert values["learning_rate"] == pytest.approx(expected, rel=1e-5)


def test_kept_models_are_the_averaged_ones(recipe):
    folder = recipe("cifar_dogs", "--ema", "0.9")
    kept, last = load_flow(folder / "models" / "step_000002.safetensors"), load_flow(folder)
    assert all(torch.equal(value, last.state_dict()[key]) for key, value in kept.state_dict().items())


@pytest.mark.parametrize("name", ["moons", "hadamard_mnist"])
def test_a_resumed_run_equals_a_straight_one(name, recipe):
    constant = ("--model.last_rate", "0.001", "--model.learning_rate", "0.001", "--ema", "0.9")
    straight = load_flow(recipe(name, *constant, steps=4, output="straight"))
    recipe(name, *constant, steps=2, output="parts")
    with pytest.raises(InputError, match="ckpt_path last"):
        recipe(name, *constant, steps=4, output="parts")
    parts = load_flow(recipe(name, *constant, "--ckpt_path", "last", steps=4, output="parts"))
    for key, value in straight.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[key], value, atol=1e-6, rtol=1e-5)


def test_gaussians_are_learnt(tmp_path):
    """Some hundred steps: the points arrive around (1, 1), and their variance runs as theory says."""
    train_flow(
        [
            *("--config", str(CONFIGS / "gaussians.yaml"), "--output", str(tmp_path / "run")),
            *(f"{FLOW}.network_arguments", "{width: 64}", "--data.batch_size", "512", "--data.shown", "100"),
            *("--trainer.max_steps", "700", "--trainer.val_check_interval", "700", "--model.learning_rate", "0.005"),
        ]
    )
    flow = load_flow(tmp_path / "run")
    source = torch.randn(4000, 2, generator=torch.Generator().manual_seed(9))
    target = 1 + torch.randn(4000, 2, generator=torch.Generator().manual_seed(10))
    times = torch.linspace(0, 1, 5)
    with torch.no_grad():
        states = flow.trajectory(source, times)
    assert (states[-1].mean(dim=0) - 1).abs().max() < 0.15
    measured, theory = variances(flow, states, source, target, times)
    assert theory.tolist() == pytest.approx([1, 0.625, 0.5, 0.625, 1], abs=0.05)
    assert measured.tolist() == pytest.approx(theory.tolist(), abs=0.1)


def test_sides_that_a_network_cannot_take(recipe, tmp_path):
    for name, size, divisor in (("cifar_dogs", 28, 8), ("mnist", 30, 4)):
        sheet = write_sheet(tmp_path / f"{name}.png", size, 1)
        with pytest.raises(InputError, match=f"multiples of {divisor}, not {size} x {size}"):
            recipe(name, "--data.target", sheet, "--data.size", size, "--data.channels", 1)
        assert not (tmp_path / "run").exists()


def test_held_back_rows_are_like_the_targets(recipe, tmp_path):
    sheet = write_sheet(tmp_path / "sheet.png", 28, 1)
    with pytest.raises(InputError, match="data.val_target has samples of"):
        recipe("moons", "--data.val_target", sheet, "--data.size", 28, "--data.channels", 1)
    assert not (tmp_path / "run").exists()


def test_a_hadamard_flow_starts_from_noise(recipe, tmp_path):
    source = write_sheet(tmp_path / "source.png", 28, 1)
    with pytest.raises(InputError, match="HadamardFlow starts from noise"):
        recipe("hadamard_mnist", "--data.source", source)
    assert not (tmp_path / "run").exists()


def test_a_recipe_is_asked_for():
    with pytest.raises(InputError, match="--config moons"):
        train_flow(["--trainer.max_steps", "3"])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--data.target", "no_such_folder"), "no file, folder or collection 'no_such_folder'"),
        ((f"{FLOW}.network", "transformer"), "no network 'transformer'"),
        (("--model.learning_rate", "0"), "learning_rate is above 0"),
        (("--model.last_rate", "1"), "model.last_rate is from 0 to model.learning_rate"),
        (("--data.source", "mnist", "--data.downloads", "nowhere"), "could not be downloaded"),
        ((f"{FLOW}.network", "add_unet"), "does not take points"),
        (("--data.shown", "1"), "data.shown at 2"),
    ],
)
def test_mistakes_write_nothing(options, word, recipe, tmp_path, monkeypatch):
    import socket

    def refuse(*arguments, **keywords):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=word):
        recipe("moons", *options)
    assert not list(tmp_path.iterdir())


def test_a_flow_in_training_knows_its_progress(recipe, monkeypatch):
    """The curriculum's stages are thirds of the run: a step each of three."""
    seen = []
    loss = HadamardFlow.loss

    def watching(flow, *arguments):
        if flow.training:
            seen.append((round(flow.progress, 3), flow.stages.index(flow.training_distribution)))
        return loss(flow, *arguments)

    monkeypatch.setattr(HadamardFlow, "loss", watching)
    recipe("curriculum_mnist", f"{FLOW}.slices", "2", steps=3)
    assert seen == [(0.0, 0), (0.333, 1), (0.667, 2)]
