"""Planners from model files, mazes from text files, and points as people write them."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, SamplerConfig, ScheduledFlow
from latentinpaint.maze.loading import load_planner, open_maze, read_stops
from latentinpaint.maze.planning import SearchConfig
from latentinpaint.maze.walls import MAZES, Maze
from latentinpaint.weights import save_flow

MAZE = Maze(MAZES["small"])


def test_a_model_knows_its_maze(tmp_path):
    flow = HadamardFlow((2, 50, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet", steps=7)
    torch.nn.init.normal_(flow.network.answer.weight)
    save_flow(flow, tmp_path / "flow.safetensors", {"data": {"maze": list(MAZE.rows), "radius": 0.2, "scale": 1.5}})
    planner = load_planner(tmp_path / "flow.safetensors", epsilon=0.5)
    assert planner.maze == Maze(MAZE.rows, 0.2) and planner.scale == 1.5
    assert (planner.config.sampler.steps, planner.config.sampler.epsilon) == (7, 0.5)
    faster = load_planner(tmp_path / "flow.safetensors", SearchConfig((10,)), steps=3)
    assert faster.config == SearchConfig((10,), sampler=SamplerConfig("euler", 3))
    x, alpha = torch.randn(1, 2, 50, 1), torch.rand(1, 1, 50, 1)
    with torch.no_grad():
        torch.testing.assert_close(planner.flow.difference(x, alpha), flow.eval().difference(x, alpha))


def test_other_flows_are_refused(tmp_path):
    save_flow(ScheduledFlow((2,)), tmp_path / "points.safetensors")
    save_flow(HadamardFlow((2, 8, 8), 8, (1, 2)), tmp_path / "pictures.safetensors", {"data": {}})
    for name in ("points", "pictures"):
        with pytest.raises(InputError, match="not trained in a maze"):
            load_planner(tmp_path / f"{name}.safetensors")


def test_mazes(tmp_path):
    assert open_maze("medium") == Maze(MAZES["medium"])
    (tmp_path / "own.txt").write_text("####\n#..#\n####\n")
    assert open_maze(str(tmp_path / "own.txt")).free_cells == [(1, 1), (1, 2)]
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    for name, named in (("huge", "mazes are small, medium, large"), (str(tmp_path / "binary.txt"), "no text file")):
        with pytest.raises(InputError, match=named):
            open_maze(name)


def test_points():
    stops = read_stops(MAZE, {"start": "-1,1", "goal": " 1.25, -1e0"})
    torch.testing.assert_close(stops, torch.tensor([[-1, 1], [1.25, -1]]))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1", "start is a point x,y"),
        ("1,2,3", "start is a point x,y"),
        ("a,b", "start is a point x,y"),
        ("", "start is a point x,y"),
        ("nan,0", "outside the maze"),
        ("inf,0", "outside the maze"),
        ("3,0", "outside the maze: x is from -2.5 to 2.5, y from -2.5 to 2.5"),
        ("0,0", "lies in a wall"),
        ("1.45,0", "too near to a wall: the point mass needs 0.1"),
    ],
)
def test_what_is_no_point(text, named):
    with pytest.raises(InputError, match=named):
        read_stops(MAZE, {"start": text})
