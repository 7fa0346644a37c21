"""Figures of plans whose figures are known."""

import pytest
import torch

from latentinpaint.flows import HadamardFlow
from latentinpaint.interpolants import Solution
from latentinpaint.maze import scores
from latentinpaint.maze.planning import Planner, SearchConfig
from latentinpaint.maze.walls import MAZES, Maze

MAZE = Maze(MAZES["small"])
# Along the upper corridor, and from it to the lower one through the wall.
PAIRS = torch.tensor([[[-1.0, 1.0], [1.0, 1.0]], [[-1.0, 1.0], [-1.0, -1.0]], [[1.0, 1.0], [1.0, -1.0]]])


def test_straight_lines():
    outcome = scores.by_straight_lines(MAZE, PAIRS)
    assert outcome.legal.tolist() == [True, False, True]
    assert outcome.lengths.tolist() == [2, 2, 2]
    assert outcome.interval == pytest.approx((0.2077, 0.9385), abs=1e-4)  # Wilson's, of 2 of 3
    assert outcome.length_ratios(torch.tensor([2.0, 4.0, 1.0])).tolist() == [1, 2]


def test_routes():
    outcome = scores.by_routes(MAZE, PAIRS)
    assert outcome.legal.all() and outcome.seconds > 0
    assert outcome.lengths[[0, 2]].tolist() == [2, 2] and outcome.lengths[1] > 4.4


def test_a_flow_s_paths_are_measured_to_their_goals(monkeypatch):
    """A flow that goes straight to the goal and then away: what follows the goal does not count."""
    flow = HadamardFlow((2, 6, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet")
    planner = Planner(flow, MAZE, 1.0, SearchConfig((2, 4)))

    def straight(picture, hole, config):
        paths = picture.clone()
        paths[..., 1, :] = (picture[..., 0, :] + picture[..., 2, :]) / 2
        paths[..., 3:, :] = 50.0
        return Solution(paths, 1)

    monkeypatch.setattr(flow, "inpaint", straight)
    outcome = scores.by_flow(planner, PAIRS, seed=0)
    assert outcome.legal.tolist() == [True, False, True]
    torch.testing.assert_close(outcome.lengths[[0, 2]], torch.tensor([2.0, 2.0]))


def test_pairs_are_seeded_and_legal():
    pairs = scores.draw_pairs(MAZE, 100, seed=1)
    assert pairs.shape == (100, 2, 2) and MAZE.is_legal(pairs).all()
    assert torch.equal(pairs, scores.draw_pairs(MAZE, 100, seed=1))
    assert not torch.equal(pairs, scores.draw_pairs(MAZE, 100, seed=2))
