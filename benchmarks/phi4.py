"""A flow of the phi^4 model beside hybrid Monte Carlo at the same field: observables, errors, and what they cost.

    python benchmarks/phi4.py --model runs/phi4 --field 0 0.02 --quadratic -0.5 --held 1 --output runs/phi4/comparison

Every case is a law that the flow samples without being trained for it: exp(-E) with an external field (0 is the law
it was trained on), with a quadratic reward on every site, and, with --held, given the left half of configurations
that hybrid Monte Carlo makes. Beside it runs hybrid Monte Carlo of the same law. Written are a table for each case,
one picture, and all figures as JSON. --corrected takes samples with their exact density, which costs a backward pass
for every site and step, and corrects their means by weights and by Metropolis's decision. --relaxed goes on from
every sample with some trajectories, which make short waves right at once and long ones slowly.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from scipy.stats import ks_2samp
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.files import write_text
from latentinpaint.flows import HadamardFlow
from latentinpaint.flows.density import sample_with_density
from latentinpaint.images.image_files import write_image
from latentinpaint.interpolants.solvers import Solution
from latentinpaint.lattice import HybridMonteCarlo, PhiFour, Run, run_chains
from latentinpaint.lattice.autocorrelation import integrated_time
from latentinpaint.lattice.correction import effective_fraction, independence_chain, log_weights, weighted_mean
from latentinpaint.lattice.estimates import estimate_mean
from latentinpaint.lattice.flow_comparison import (
    ComparisonRow,
    compare,
    comparison_table,
    observables,
    records_of,
    summarise,
)
from latentinpaint.lattice.observables import absolute_magnetisation, magnetisation
from latentinpaint.visualization.canvas import as_picture, canvas
from latentinpaint.weights import load_flow, read_header


@dataclass(frozen=True, eq=False)
class Case:
    """A law, and how the flow samples it.

    Attributes:
        name: of the case.
        energy: of the law.
        sample: takes how many samples, and a seed.
        reward: A and b.
        held: (1, 1, L, L), a configuration whose sites are held where `free` is 0; None holds nothing.
        free: (1, 1, L, L), 1 where a site moves; None moves all.
    """

    name: str
    energy: PhiFour
    sample: Callable[[int, int], Solution]
    reward: tuple[float, float] = (0.0, 0.0)
    held: Tensor | None = None
    free: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was measured of a case."""

    name: str
    rows: list[ComparisonRow]
    relaxed: list[ComparisonRow]  # after some trajectories
    samples: Tensor  # magnetisations of the flow's samples (N,)
    reference: Tensor  # magnetisations along the chains, all of them (M,)
    figures: dict[str, float]


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="flow file, or folder of a run of the recipe phi4")
    parser.add_argument("--output", required=True, help="folder of the tables, the picture and the figures")
    parser.add_argument("--field", type=float, nargs="*", default=[0.0, 0.02], help="external fields h, a case each")
    parser.add_argument("--quadratic", type=float, nargs="*", default=[], help="quadratic rewards A, a case each")
    parser.add_argument("--held", type=int, default=0, help="configurations whose left halves are held, a case each")
    parser.add_argument("--samples", type=int, default=1000, help="of the flow, for each case")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--steps", type=int, help="of the flow's solver; by default the flow's own")
    parser.add_argument("--solver", help="euler or midpoint; by default the flow's own")
    parser.add_argument("--epsilon", type=float, default=0.0, help="rate of the noise that is added on the way")
    parser.add_argument("--chains", type=int, default=64, help="of hybrid Monte Carlo")
    parser.add_argument("--trajectories", type=int, default=10_000, help="of every chain, after a fifth to warm up")
    parser.add_argument("--corrected", type=int, default=0, help="samples with their exact density, for each case")
    parser.add_argument("--relaxed", type=int, default=0, help="trajectories from every sample of the flow")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = read_options(arguments)
    flow = load_flow(options.model)
    if not isinstance(flow, HadamardFlow):
        raise InputError("phi4.py compares a Hadamard flow")
    changes = {"solver": options.solver, "steps": options.steps, "epsilon": options.epsilon}
    flow.sampler = replace(flow.sampler, **{name: value for name, value in changes.items() if value is not None})
    settings = read_header(options.model)["recipe"].get("data", {}).get("ensemble")
    if settings is None:
        raise InputError(f"{options.model} was not trained on phi4")
    energy = PhiFour.from_lattice(settings["mass_squared"], settings["coupling"], settings["field"])
    outcomes = []
    report = []
    for case in cases(flow, energy, options):
        outcome = run_case(case, flow, options)
        outcomes.append(outcome)
        tables = comparison_table(outcome.rows)
        if outcome.relaxed:
            tables += f"\n\n{comparison_table(outcome.relaxed, f'flow and {options.relaxed} trajectories')}"
        report.append(f"## {case.name}\n\n{tables}\n\n{describe(outcome.figures)}")
        print(report[-1], flush=True)
        folder = Path(options.output)
        write_text(folder / "comparison.md", "\n\n".join(report) + "\n")
        write_text(folder / "comparison.json", json.dumps([as_json(outcome) for outcome in outcomes], indent=1))
    write_image(draw(outcomes), Path(options.output) / "comparison.png")


def cases(flow: HadamardFlow, energy: PhiFour, options: argparse.Namespace) -> list[Case]:
    found = []
    for field in options.field:
        found.append(reward_case(flow, energy, 0.0, field, f"field h = {field:g}"))
    for quadratic in options.quadratic:
        found.append(reward_case(flow, energy, quadratic, 0.0, f"quadratic reward A = {quadratic:g}"))
    return found + [held_case(flow, energy, number, options) for number in range(options.held)]


def reward_case(flow: HadamardFlow, energy: PhiFour, quadratic: float, linear: float, name: str) -> Case:
    def sample(count: int, seed: int) -> Solution:
        config = replace(flow.sampler, generator=torch.Generator().manual_seed(seed))
        if quadratic == 0 and linear == 0:
            return flow.generate(count, config)
        return flow.reward(count, quadratic, linear, config)

    return Case(name, energy.rewarded(quadratic, linear), sample, (quadratic, linear))


def held_case(flow: HadamardFlow, energy: PhiFour, number: int, options: argparse.Namespace) -> Case:
    """Given the left half of a configuration."""
    side = flow.shape[-1]
    generator = torch.Generator().manual_seed(options.seed + 1000 + number)
    start = 0.5 * torch.randn(1, 1, side, side, generator=generator)
    held = run_chains(plain(energy), start, min(2000, options.trajectories), generator=generator).phi
    free = torch.zeros(1, 1, side, side)
    free[..., side // 2 :] = 1

    def sample(count: int, seed: int) -> Solution:
        config = replace(flow.sampler, generator=torch.Generator().manual_seed(seed))
        return flow.inpaint(held.expand(count, -1, -1, -1), free.expand(count, -1, -1, -1), config)

    return Case(f"left half of configuration {number} held", energy, sample, held=held, free=free)


def plain(energy: PhiFour, free: Tensor | None = None) -> HybridMonteCarlo:
    """With the settings of the authors' notebook, acceptance 0.77 at L = 32 near the transition."""
    return HybridMonteCarlo(energy, 0.07, 10, free=free)


def run_case(case: Case, flow: HadamardFlow, options: argparse.Namespace) -> Outcome:
    started = time.process_time()
    made = []
    for first in range(0, options.samples, options.batch_size):
        made.append(case.sample(min(options.batch_size, options.samples - first), options.seed + first).x)
    samples = torch.cat(made)
    flow_seconds = time.process_time() - started
    started = time.process_time()
    run = reference_run(case, flow.shape[-1], options)
    reference_seconds = time.process_time() - started
    sites = samples[0].numel()
    expected = summarise(run.records, sites)
    effective = expected["absolute magnetisation"].effective
    time_found = integrated_time(run.records["absolute magnetisation"])
    reference = run.records["magnetisation"].flatten()
    distance = float(ks_2samp(absolute_magnetisation(samples), reference.abs()).statistic)
    figures = {
        "samples of the flow": len(samples),
        "seconds of the flow": flow_seconds,
        "effective samples a second of the flow": len(samples) / flow_seconds,
        "seconds of HMC": reference_seconds,
        "acceptance of HMC": run.acceptance,
        "integrated time of |m| in trajectories": time_found.tau,
        "its error": time_found.error,
        "effective samples of |m| of HMC": effective,
        "effective samples a second of HMC": effective / reference_seconds,
        "largest distance of the distributions of |m|": distance,
    }
    if options.corrected and case.free is None:
        figures.update(corrected(case, flow, options.corrected, options))
    rows = compare(summarise(records_of(samples, case.energy), sites), expected)
    relaxed = []
    if options.relaxed:
        generator = torch.Generator().manual_seed(options.seed + 3)
        after = run_chains(plain(case.energy, case.free), samples, options.relaxed, generator=generator).phi
        relaxed = compare(summarise(records_of(after, case.energy), sites), expected)
    return Outcome(case.name, rows, relaxed, magnetisation(samples), reference, figures)


def reference_run(case: Case, side: int, options: argparse.Namespace) -> Run:
    """Chains of a case's law in equilibrium."""
    generator = torch.Generator().manual_seed(options.seed + 1)
    phi = 0.5 * torch.randn(options.chains, 1, side, side, generator=generator)
    if case.free is not None and case.held is not None:
        phi = torch.where(case.free > 0, phi, case.held)
    chain = plain(case.energy, case.free)
    phi = run_chains(chain, phi, max(1, options.trajectories // 5), generator=generator).phi
    return run_chains(chain, phi, options.trajectories, observables(case.energy), generator=generator)


def corrected(case: Case, flow: HadamardFlow, count: int, options: argparse.Namespace) -> dict[str, float]:
    """What correcting samples of known density gives."""
    started = time.process_time()
    config = replace(flow.sampler, epsilon=0.0, generator=torch.Generator().manual_seed(options.seed + 2))
    made = sample_with_density(flow, count, *case.reward, config)
    seconds = time.process_time() - started
    values = absolute_magnetisation(made.x)
    weights = log_weights(case.energy.energy(made.x), made.log_density)
    weighted = weighted_mean(values, weights)
    places = independence_chain(weights, torch.Generator().manual_seed(options.seed))
    uncorrected = estimate_mean(values[:, None])
    return {
        "corrected: samples": count,
        "corrected: seconds a sample": seconds / count,
        "corrected: part of the samples that counts": effective_fraction(weights),
        "corrected: acceptance of Metropolis": float((places[1:] != places[:-1]).double().mean()),
        "corrected: |m| without": uncorrected.value,
        "corrected: its error without": uncorrected.error,
        "corrected: |m| with weights": weighted.value,
        "corrected: its error with weights": weighted.error,
        "corrected: |m| of the chain": float(values[places].double().mean()),
    }


def describe(figures: dict[str, float]) -> str:
    return "\n".join(f"- {name}: {value:.5g}" for name, value in figures.items())


def as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "name": outcome.name,
        "rows": rows_as_json(outcome.rows),
        "relaxed": rows_as_json(outcome.relaxed),
        "figures": outcome.figures,
    }


def rows_as_json(rows: list[ComparisonRow]) -> list[dict[str, object]]:
    return [{**asdict(row), "apart": row.apart} for row in rows]


def draw(outcomes: list[Outcome]):  # noqa: ANN201  a picture of Pillow
    """For every case: the distributions of m and |m|, and the two-point function."""
    with canvas(12.0, 3.2 * len(outcomes), rows=len(outcomes), columns=3) as (figure, axes):
        for number, outcome in enumerate(outcomes):
            signed, absolute, correlation = axes[3 * number : 3 * number + 3]
            draw_distributions(signed, outcome.reference, outcome.samples)
            signed.set(xlabel=f"m ({outcome.name})", ylabel="density")
            draw_distributions(absolute, outcome.reference.abs(), outcome.samples.abs())
            absolute.set(xlabel=f"|m| ({outcome.name})", ylabel="density")
            draw_two_point(correlation, outcome.rows)
        return as_picture(figure)


def draw_distributions(axis: Axes, reference: Tensor, samples: Tensor) -> None:
    bins = np.histogram_bin_edges(torch.cat([reference, samples]), 30).tolist()
    axis.hist(reference.numpy(), bins, density=True, color="lightgrey", label="HMC")
    axis.hist(samples.numpy(), bins, density=True, histtype="step", color="tab:red", label="flow")
    axis.legend(frameon=False)


def draw_two_point(axis: Axes, rows: list[ComparisonRow]) -> None:
    profile = [row for row in rows if row.name.startswith("two-point")]
    for color, kind in (("grey", "reference"), ("tab:red", "samples")):
        estimates = [getattr(row, kind) for row in profile]
        values = [estimate.value for estimate in estimates]
        errors = [estimate.error for estimate in estimates]
        axis.errorbar(range(len(profile)), values, errors, fmt="o-", color=color, markersize=3, capsize=2)
    axis.set(xlabel="distance", ylabel="two-point function")


if __name__ == "__main__":
    main()
