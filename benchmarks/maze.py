"""How many of a maze's plans are legal, how long they are and what they cost: a flow beside A* and the straight line.

    python benchmarks/maze.py --model runs/maze --pairs 10000

Starts and goals are uniform over the legal region. A path is legal where the disc of the point mass overlaps no wall,
on its straight pieces as at its points; lengths are those of legal paths over A*'s (`latentinpaint.maze.routes`).
"""

import argparse
import json
from dataclasses import replace

import torch

from latentinpaint.files import write_text
from latentinpaint.maze.loading import load_planner
from latentinpaint.maze.planning import CANDIDATES, Planner, SearchConfig
from latentinpaint.maze.scores import Outcome, by_flow, by_routes, by_straight_lines, draw_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="flow file, or folder of its training run")
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="of the solver; by default the flow's own")
    parser.add_argument("--epsilon", type=float, help="rate of the noise on the way; by default the flow's own")
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--spare", action="store_true", help="also a search that takes the candidate after the first")
    parser.add_argument("--rounds", type=int, help="also a search that goes through all candidates so many times")
    parser.add_argument("--hold", action="store_true", help="also with the points after the goal pinned at it")
    parser.add_argument("--output", help="file for the figures, JSON")
    options = parser.parse_args()

    plain = load_planner(options.model, SearchConfig(batch_size=options.batch_size), options.steps, options.epsilon)
    maze = plain.maze
    pairs = draw_pairs(maze, options.pairs, options.seed)
    searches = {
        "flow, index search": {},
        "flow, goal at the last point": {"candidates": CANDIDATES[-1:]},
    }
    if options.spare:
        searches["flow, index search, one legal candidate passed over"] = {"passed_over": 1}
    if options.rounds:
        searches[f"flow, index search, up to {options.rounds} rounds"] = {"rounds": options.rounds}
    if options.hold:
        searches["flow, index search, held at the goal"] = {"hold": True}
        searches["flow, goal at the last point, held"] = {"candidates": CANDIDATES[-1:], "hold": True}
    routes = by_routes(maze, pairs)
    outcomes = {"A*": routes, "straight line": by_straight_lines(maze, pairs)}
    print("| method | legal | share (95 %) | length over A*'s | seconds a path |\n|---|---|---|---|---|")
    figures = {}
    for name in (*outcomes, *searches):
        outcome = outcomes.get(name)
        if outcome is None:
            planner = Planner(plain.flow, maze, plain.scale, replace(plain.config, **searches[name]))
            outcome = by_flow(planner, pairs, options.seed)
        figures[name] = _figures(outcome, routes.lengths)
        print(_row(name, figures[name], options.pairs), flush=True)
    if options.output:
        write_text(options.output, json.dumps({"pairs": options.pairs, "seed": options.seed, **figures}, indent=1))


def _figures(outcome: Outcome, shortest: torch.Tensor) -> dict:
    ratios = outcome.length_ratios(shortest)
    return {
        "legal": int(outcome.legal.sum()),
        "interval": outcome.interval,
        "length_ratio": float(ratios.mean()),
        "length_ratio_error": float(ratios.std() / len(ratios) ** 0.5),
        "seconds_a_path": outcome.seconds / len(outcome.legal),
    }


def _row(name: str, figures: dict, count: int) -> str:
    low, high = figures["interval"]
    share = f"{100 * figures['legal'] / count:.2f} % ({100 * low:.2f}–{100 * high:.2f})"
    ratio = f"{figures['length_ratio']:.3f} ± {figures['length_ratio_error']:.3f}"
    return f"| {name} | {figures['legal']} of {count} | {share} | {ratio} | {figures['seconds_a_path']:.4f} |"


if __name__ == "__main__":
    main()
