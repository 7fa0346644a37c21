"""Recording in parts: seeded, resumed, whole; by a simulator of the test's own, and by PointMaze if it is there."""

import sys

import pytest
import torch
from point_mass import drive

from latentinpaint.data.trajectories import load_trajectories
from latentinpaint.errors import InputError
from latentinpaint.maze import recording
from latentinpaint.maze.walls import MAZES, Maze

MAZE = Maze(MAZES["small"])


@pytest.fixture
def runs(monkeypatch):
    """The seeds of the parts that are simulated, in place of PointMaze by Newton's law."""
    seeds = []

    class Simulated:
        def __init__(self, maze):
            self.maze = maze

        def run(self, steps, seed):
            seeds.append(seed)
            if len(seeds) == 3:
                raise KeyboardInterrupt
            return drive(self.maze, steps, seed=seed)

    monkeypatch.setattr(recording, "Simulator", Simulated)
    return seeds


def test_stopped_and_resumed_it_is_the_same(runs, tmp_path):
    path = tmp_path / "maze.safetensors"
    with pytest.raises(KeyboardInterrupt):
        recording.record(MAZE, 400, 0, path, part_steps=100)
    assert not path.exists()
    fractions = []
    recording.record(MAZE, 400, 0, path, fractions.append, part_steps=100)
    assert fractions == [0.25, 0.5, 0.75, 1.0]
    stopped = load_trajectories(path)
    assert len(runs) == 5 and len(set(runs)) == 4 and runs[2] == runs[3]  # only what was not there was simulated
    assert stopped.positions.shape == (4, 100, 2)
    for part, seed in zip(stopped.positions, runs[:2] + runs[3:], strict=True):
        assert torch.equal(part, drive(MAZE, 100, seed=seed))
    assert stopped.description == {"maze": list(MAZE.rows), "radius": 0.1, "seed": 0}
    assert stopped.scale == 1.25
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_parts_of_another_recording_are_not_mixed_in(runs, tmp_path):
    path = tmp_path / "maze.safetensors"
    with pytest.raises(KeyboardInterrupt):
        recording.record(MAZE, 400, 0, path, part_steps=100)
    with pytest.raises(InputError, match="another recording"):
        recording.record(MAZE, 400, 1, path, part_steps=100)
    with pytest.raises(InputError, match="another recording"):
        recording.record(MAZE, 400, 0, path, part_steps=200)


def test_steps_make_whole_parts(tmp_path):
    with pytest.raises(InputError, match="multiple of 100"):
        recording.record(MAZE, 250, 0, tmp_path / "maze.safetensors", part_steps=100)


def test_without_the_simulator_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(InputError, match="pip install"):
        recording.record(MAZE, 100, 0, tmp_path / "maze.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_simulator_itself(tmp_path):
    pytest.importorskip("gymnasium_robotics", reason="PointMaze is not installed")
    positions = recording.Simulator(MAZE).run(400, seed=5)
    assert MAZE.is_legal(positions).all()
    assert positions.std(dim=0).max() > 0.1
    torch.testing.assert_close(positions, recording.Simulator(MAZE).run(400, seed=5), atol=0, rtol=0)
