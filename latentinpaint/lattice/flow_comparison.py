"""Samples of any origin compared with hybrid Monte Carlo: the observables of both with errors, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.estimates import (
    Estimate,
    estimate_mean,
    estimate_profile,
    standard_errors,
    susceptibility,
)
from latentinpaint.lattice.markov import Observable
from latentinpaint.lattice.observables import (
    absolute_magnetisation,
    action_per_site,
    magnetisation,
    mean_square,
    two_point,
)


def observables(energy: PhiFour) -> dict[str, Observable]:
    """What is compared, for `run_chains`."""
    return {
        "magnetisation": magnetisation,
        "absolute magnetisation": absolute_magnetisation,
        "phi^2": mean_square,
        "action per site": action_per_site(energy),
        "two-point function": two_point,
    }


def records_of(samples: Tensor, energy: PhiFour) -> dict[str, Tensor]:
    """The observables of independent samples (N, 1, H, W), as records of N chains of one value each."""
    records = {}
    for name, observable in observables(energy).items():
        records[name] = observable(samples)[:, None]
    return records


def summarise(records: Mapping[str, Tensor], sites: int) -> dict[str, Estimate]:
    """Estimates of all that was recorded, of the susceptibility, and of the two-point function at every distance.

    Args:
        records: of `observables`, (B, T), the two-point function's (B, T, R).
        sites: V.
    """
    found = {}
    for name, values in records.items():
        if values.ndim == 2:
            found[name] = estimate_mean(values)
    found["susceptibility"] = susceptibility(records["magnetisation"], sites)
    for distance, estimate in enumerate(estimate_profile(records["two-point function"])):
        found[f"two-point function at {distance}"] = estimate
    return found


@dataclass(frozen=True)
class ComparisonRow:
    """An observable of samples and of the reference, and how many standard errors they are apart."""

    name: str
    samples: Estimate
    reference: Estimate

    @property
    def apart(self) -> float:
        """The difference over its standard error."""
        return standard_errors(self.samples, self.reference)


def compare(samples: Mapping[str, Estimate], reference: Mapping[str, Estimate]) -> list[ComparisonRow]:
    """A row for every observable of `samples`, which the reference has as well."""
    return [ComparisonRow(name, estimate, reference[name]) for name, estimate in samples.items()]


def comparison_table(rows: Sequence[ComparisonRow], name: str = "flow", reference: str = "HMC") -> str:
    """The rows as a table in Markdown; numbers stand with their standard errors."""
    lines = [f"| observable | {name} | {reference} | difference in standard errors |", "|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row.name} | {_shown(row.samples)} | {_shown(row.reference)} | {row.apart:+.1f} |")
    return "\n".join(lines)


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.5f} ± {estimate.error:.5f}"
