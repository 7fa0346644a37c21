"""The index search with a flow whose paths are known, and pinned paths of a random walk by the exact drift."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.flows import HadamardFlow, SamplerConfig
from latentinpaint.interpolants import Solution
from latentinpaint.maze.planning import CANDIDATES, Planner, SearchConfig
from latentinpaint.maze.walls import Maze

LENGTH = 50
HALL = Maze(("#" * 12, *["#" + "." * 10 + "#"] * 5, "#" * 12))  # 10 x 5 free cells
SPEED = 0.25  # cells a point, at most
SCALE = 3.0


def flow():
    torch.manual_seed(0)
    return HadamardFlow(
        (2, LENGTH, 1), 8, (1, 2), blocks=1, attention=False, masks="pins", network="path_unet", steps=2
    )


def hurried(picture, hole, config):
    """Straight from pin to pin, but out of the hall where a piece would be faster than `SPEED`."""
    paths = torch.zeros_like(picture)
    for number, free in enumerate(hole[:, 0, :, 0]):
        pins = (free == 0).nonzero()[:, 0].tolist()
        for begin, end in zip(pins, [*pins[1:], LENGTH - 1], strict=True):
            ends = picture[number, ..., 0][:, [begin, end if end in pins else begin]]
            times = torch.linspace(0, 1, end - begin + 1)
            piece = torch.lerp(ends[:, :1], ends[:, 1:], times[None])
            if (ends[:, 1] - ends[:, 0]).norm() * SCALE > SPEED * (end - begin) + 1e-4:
                piece[:, 1:-1] = 100.0
            paths[number, :, begin : end + 1] = piece[..., None]
    return Solution(paths, 1)


def planner(monkeypatch, **settings):
    made = Planner(flow(), HALL, SCALE, SearchConfig(**settings))
    monkeypatch.setattr(made.flow, "inpaint", hurried)
    return made


def pairs(*distances):
    """Starts at the left wall of the hall, and goals so far to the right."""
    return torch.tensor([[[-4.5, 0.0], [-4.5 + distance, 0.0]] for distance in distances])


def test_the_earliest_legal_candidate_is_taken(monkeypatch):
    plans = planner(monkeypatch).plan(pairs(1.0, 1.26, 5.0, 9.0))
    assert plans.last.tolist() == [5, 10, 20, 40]  # 1 / 0.25 = 4, 5.04, 20, 36 points at least
    assert plans.legal.all()
    assert plans.sampled == 4 + 3 + 2 + 2 + 1 + 1 + 1 + 1
    assert plans.trimmed()[1].shape == (11, 2)
    torch.testing.assert_close(plans.trimmed()[1][[0, 10]], pairs(1.26)[0], atol=0, rtol=0)
    torch.testing.assert_close(plans.trimmed()[2][:, 0], torch.linspace(-4.5, 0.5, 21))


def test_one_candidate_more_as_in_the_authors_code(monkeypatch):
    plans = planner(monkeypatch, passed_over=1).plan(pairs(1.0, 5.0))
    assert plans.last.tolist() == [10, 25]
    last = planner(monkeypatch, passed_over=1, candidates=(5, 10, 20)).plan(pairs(5.0))
    assert last.last.tolist() == [20] and last.legal.all()  # none follows


def test_where_none_is_legal(monkeypatch):
    plans = planner(monkeypatch, candidates=(5, 10)).plan(pairs(1.0, 5.0))
    assert plans.legal.tolist() == [True, False] and plans.last.tolist() == [5, 10]
    without_search = planner(monkeypatch, candidates=CANDIDATES[-1:]).plan(pairs(1.0, 5.0))
    assert without_search.legal.all() and without_search.last.tolist() == [49, 49]


def test_points_on_the_way_are_found_one_after_the_other(monkeypatch):
    stops = torch.tensor([[[-4.5, 0.0], [-3.0, 0.0], [-3.0, 1.0]]])
    plans = planner(monkeypatch).plan(stops)
    assert plans.legal.all() and plans.last.tolist() == [15]  # 1.5 takes 6 points, hence 10; 1 more takes 4
    torch.testing.assert_close(plans.trimmed()[0][[0, 10, 15]], stops[0], atol=0, rtol=0)
    with pytest.raises(InputError, match="2 points at most"):
        planner(monkeypatch, candidates=(5, 10)).plan(stops[:, [0, 1, 2, 1]])


def test_a_point_on_the_way_leaves_room_for_the_goal(monkeypatch):
    """The point takes 8 points of the path at least, but the last candidate, 10, is the goal's."""
    stops = torch.tensor([[[-4.5, 0.0], [-2.5, 0.0], [-2.25, 0.0]]])
    plans = planner(monkeypatch, candidates=(5, 10)).plan(stops)
    assert plans.legal.tolist() == [False] and plans.last.tolist() == [10]
    torch.testing.assert_close(plans.trimmed()[0][[0, 5, 10]], stops[0], atol=0, rtol=0)


def test_a_plan_is_as_legal_as_its_last_path(monkeypatch):
    """Where no path to a point on the way was legal, one to the goal by way of it may still be."""
    made = planner(monkeypatch, candidates=(5, 10))
    calls = []

    def not_at_first(picture, hole, config):
        calls.append(len(picture))
        solution = hurried(picture, hole, config)
        return Solution(picture + 100, 1) if len(calls) == 1 else solution

    monkeypatch.setattr(made.flow, "inpaint", not_at_first)
    plans = made.plan(torch.tensor([[[-4.5, 0.0], [-3.5, 0.0], [-2.5, 0.0]]]))
    assert HALL.legal_paths(plans.paths, 10).tolist() == plans.legal.tolist() == [True] and len(calls) == 2


def test_held_at_the_goal(monkeypatch):
    plans = planner(monkeypatch, hold=True).plan(pairs(1.0))
    torch.testing.assert_close(plans.paths[0, 5:], torch.tensor([-3.5, 0.0]).expand(45, 2), atol=0, rtol=0)


def test_more_rounds_try_again(monkeypatch):
    """What was not found is searched again, with other noise."""
    made = planner(monkeypatch, candidates=(5, 10), rounds=3)
    calls = []

    def at_last(picture, hole, config):
        calls.append(len(picture))
        solution = hurried(picture, hole, config)
        return Solution(picture + 100, 1) if len(calls) < 5 else solution

    monkeypatch.setattr(made.flow, "inpaint", at_last)
    plans = made.plan(pairs(1.0))
    assert plans.legal.all() and plans.last.tolist() == [5] and len(calls) == 5
    assert planner(monkeypatch, rounds=3).plan(pairs(1.0)).sampled == 1  # what is found is not searched again


class RandomWalk(HadamardFlow):
    """The exact drift of paths that are a random walk from a normal point: covariance 1 + min(i, j) / 10."""

    def difference(self, x, alpha):
        length = self.shape[1]
        steps = torch.arange(length, dtype=torch.float64)
        covariance = 1 + torch.minimum(steps[:, None], steps) / 10
        found = []
        for item, clocks in zip(x.double(), alpha[:, 0, :, 0].double().expand(len(x), -1), strict=True):
            beta = 1 - clocks
            total = torch.diag(clocks**2) + beta[:, None] * covariance * beta
            weights = torch.linalg.solve(total, item[..., 0].T)  # (L, 2)
            found.append(((torch.diag(clocks) - covariance * beta) @ weights).T[..., None])
        return torch.stack(found).to(x)


@pytest.fixture(scope="module")
def walk():
    settings = dict(width=8, multipliers=(1, 2), blocks=1, attention=False, masks="pins", network="path_unet")
    return RandomWalk((2, LENGTH, 1), **settings, steps=1)


def test_one_step_is_the_mean_between_the_pins(walk):
    """Of a random walk that is known at points its mean runs straight between them, and stays where the last is."""
    planner = Planner(walk, HALL, 1.0)
    stops = torch.tensor([[[0.5, -1.0], [2.0, 1.0], [-1.0, 0.0]]])
    generators = [torch.Generator().manual_seed(0)]
    path = planner.sample(stops, torch.tensor([[0, 10, 30]]), generators)[0]
    torch.testing.assert_close(path[[0, 10, 30]], stops[0], atol=0, rtol=0)
    torch.testing.assert_close(path[:11], torch.lerp(stops[0, 0], stops[0, 1], torch.linspace(0, 1, 11)[:, None]))
    between = torch.lerp(stops[0, 1], stops[0, 2], torch.linspace(0, 1, 21)[:, None])
    torch.testing.assert_close(path[10:31], between, atol=1e-4, rtol=0)
    torch.testing.assert_close(path[30:], stops[0, 2].expand(20, 2), atol=1e-4, rtol=0)


def test_paths_do_not_depend_on_the_batch(walk):
    stops = pairs(1.0, 2.0, 3.0)
    settings = dict(candidates=(5, 10), sampler=SamplerConfig("euler", 4))
    planner = Planner(walk, HALL, 3.0, SearchConfig(**settings))
    together = planner.plan(stops, seed=4)
    apart = Planner(walk, HALL, 3.0, SearchConfig(**settings, batch_size=2)).plan(stops, seed=4)
    torch.testing.assert_close(apart.paths, together.paths)
    assert (together.paths - planner.plan(stops, seed=5).paths).abs().amax(dim=(1, 2)).min() > 0.1


@pytest.mark.parametrize("candidates", [(), (0, 5), (10, 5), (5, 5), (5, 1.5)])
def test_candidates_increase(candidates):
    with pytest.raises(InputError, match="candidate index"):
        SearchConfig(candidates)


def test_flows_of_something_else_are_refused():
    pictures = HadamardFlow((2, 8, 8), 8, (1, 2))
    with pytest.raises(InputError, match="paths in the plane"):
        Planner(pictures, HALL, 1.0)
    with pytest.raises(InputError, match="50 points"):
        Planner(flow(), HALL, 1.0, SearchConfig((5, 50)))
