"""The recipe of a maze in its smallest form, from trajectories to a plan; the points that a person can get wrong."""

import pytest
from PIL import Image
from point_mass import write_recording

from latentinpaint.maze.walls import MAZES, Maze
from latentinpaint.training.recipe_files import CONFIGS

TINY = ["--model.flow.init_args.width", "8", "--model.flow.init_args.multipliers", "[1,2]"]
SHORT = [
    "--trainer.max_steps",
    "2",
    "--trainer.val_check_interval",
    "2",
    "--data.batch_size",
    "4",
    "--data.shown",
    "2",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of two steps of the recipe, with few channels, in the small maze."""
    from latentinpaint.training.cli import train_flow

    folder = tmp_path_factory.mktemp("maze")
    write_recording(Maze(MAZES["small"]), folder / "maze.safetensors")
    words = ["--config", str(CONFIGS / "maze_small.yaml"), "--data.downloads", str(folder), *TINY, *SHORT]
    train_flow([*words, "--output", str(folder / "run")])
    return folder / "run"


def test_the_recipe_from_data_to_plan(run, command, tmp_path):
    """Two steps teach nothing, but a goal that is next to the start is reached through the middle of a corridor."""
    assert Image.open(run / "samples.png").width > 600  # lines in four columns
    picture, animation = tmp_path / "plan.png", tmp_path / "plan.gif"
    options = ["--start", "-1,1", "--goal", "-0.6,1", "--index", "1", "--output", picture, "--animation", animation]
    result = command("plan", "--model", run, *options, "--num-paths", 3, "--device", "cpu")
    assert result.status == 0 and "3 of 3 paths keep clear" in result.out, result
    assert Image.open(picture).size == (250, 250)
    with Image.open(animation) as frames:
        assert frames.n_frames == 2


def test_none_that_keeps_clear_is_said(run, command, tmp_path):
    options = ["--start=-1,1", "--via", "1,1:1,0", "--goal=-1,-1", "--output", tmp_path / "plan.png"]
    result = command("plan", "--model", run, *options, "--num-paths", 2, "--device", "cpu")
    assert result.status == 1 and "0 of 2 paths keep clear" in result.out, result
    assert (tmp_path / "plan.png").is_file()


def test_seed_steps_and_noise_count(run, command, tmp_path):
    pictures = set()
    for changes in ((), ("--seed", 1), ("--steps", 1), ("--epsilon", 1)):
        output = tmp_path / "plan.png"
        options = ("--start", "-1,1", "--goal", "1,1", "--index", 9, "--num-paths", 1, "--output", output)
        command("plan", "--model", run, *options, *changes, "--device", "cpu")
        pictures.add(Image.open(output).tobytes())
    assert len(pictures) == 4


MISTAKES = {
    "in a wall": (["--start", "0,0", "--goal", "1,1"], "--start 0,0 lies in a wall"),
    "outside": (["--start", "-1,1", "--goal", "9,1"], "--goal 9,1 lies outside the maze"),
    "too near": (["--start", "-1,1", "--goal", "1,1", "--via", "-1,1.45"], "--via (1) -1,1.45 is too near to a wall"),
    "no numbers": (["--start", "here", "--goal", "1,1"], "--start is a point x,y"),
    "one number": (["--start", "1", "--goal", "1,1"], "--start is a point x,y"),
    "index": (["--start", "-1,1", "--goal", "1,1", "--index", "50"], "50 points"),
    "no picture": (["--start", "-1,1", "--goal", "1,1", "--output", "plan.jpg"], "--output ends in .png"),
    "no animation": (["--start", "-1,1", "--goal", "1,1", "--animation", "plan.png"], "--animation ends in .gif"),
    "missing": (["--start", "-1,1"], "--goal is missing"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case, run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, named = MISTAKES[case]
    result = command("plan", "--model", run, *options)
    assert result.status == 2 and len(result.complaints) == 1, result
    assert named in result.complaints[0]
    assert not list(tmp_path.iterdir())


def test_recording_takes_the_simulator(command, done, tmp_path):
    path = tmp_path / "maze.safetensors"
    result = command("record_maze", "--maze", "huge", "--output", path)
    assert result.status == 2 and "mazes are small, medium, large" in result.complaints[0]
    result = command("record_maze", "--output", tmp_path / "maze.npy")
    assert result.status == 2 and "--output ends in .safetensors" in result.complaints[0]
    pytest.importorskip("gymnasium_robotics", reason="PointMaze is not installed")
    done("record_maze", "--maze", "small", "--steps", 50, "--output", path)
    assert path.is_file()
