"""Markov chains of fields: a method is one `step`, the loop with its records is `run_chains`.

Many chains advance at once as one tensor (B, 1, H, W), each independent of the others.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError, whole_number
from latentinpaint.lattice.energy import PhiFour

# Fields (B, 1, H, W) to values (B, …), each field's by itself.
Observable = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Transition:
    """One step of all chains: the fields (B, 1, H, W) after it, and the probability (B,) of what was proposed."""

    phi: Tensor
    acceptance: Tensor


class MarkovChain(ABC):
    """A method that leaves the density of an energy invariant, or nearly so.

    Args:
        energy: of the density exp(-E).
        free: (B or 1, 1, H, W), 1 where the field moves, 0 where it is held: the other sites are then distributed
            as given these. None moves everything.
    """

    def __init__(self, energy: PhiFour, free: Tensor | None = None) -> None:
        self.energy = energy
        self.free = free

    @abstractmethod
    def step(self, phi: Tensor, generator: torch.Generator | None) -> Transition:
        """One step of all chains from the fields (B, 1, H, W)."""

    def held(self, values: Tensor) -> Tensor:
        """`values` (B, 1, H, W) where the field moves, 0 where it is held."""
        if self.free is None:
            return values
        return values * self.free.to(values)


def check_waves(name: str, values: Tensor, free: Tensor | None) -> None:
    """Raise an `InputError` unless there is a positive number for every wave, and no site is held.

    Args:
        name: of the argument that the values are.
        values: (1, 1, H, W // 2 + 1).
        free: see `MarkovChain`.
    """
    if free is not None:
        raise InputError(f"sites can be held only where all waves are alike: leave {name} out")
    if not (values > 0).all():
        raise InputError(f"{name} is above 0 for every wave")


def accept(phi: Tensor, proposal: Tensor, log_ratio: Tensor, generator: torch.Generator | None) -> Transition:
    """Metropolis's decision for every chain.

    Args:
        phi: (B, 1, H, W), where the chains are.
        proposal: (B, 1, H, W), where they may go.
        log_ratio: (B,), logarithm of the ratio that is accepted if it is above a uniform number.
        generator: source of the uniform numbers.
    """
    # A trajectory that has diverged is no place to go.
    log_ratio = torch.nan_to_num(log_ratio, nan=-torch.inf)
    uniform = torch.rand(len(phi), generator=generator, dtype=torch.float64).to(phi.device)
    accepted = uniform.log() < log_ratio
    moved = torch.where(accepted.view(-1, 1, 1, 1), proposal, phi)
    return Transition(moved, log_ratio.clamp(max=0).exp())


@dataclass(frozen=True, eq=False)
class Run:
    """What chains did.

    Attributes:
        phi: (B, 1, H, W), the last fields.
        records: name to values (B, T, …) of an observable after every step that was recorded.
        acceptance: mean probability of acceptance; 1 for methods that accept everything.
    """

    phi: Tensor
    records: dict[str, Tensor]
    acceptance: float


def run_chains(
    chain: MarkovChain,
    phi: Tensor,
    steps: int,
    observables: Mapping[str, Observable] | None = None,
    every: int = 1,
    generator: torch.Generator | None = None,
) -> Run:
    """Advance chains, and record observables on the way.

    Args:
        chain: the method.
        phi: (B, 1, H, W), where the chains begin.
        steps: of the method, 1 or more.
        observables: name to a function of fields (B, 1, H, W) with values (B, …).
        every: steps between two records, 1 or more.
        generator: source of all random numbers.

    Raises:
        InputError: if `steps` or `every` is below 1.
    """
    steps = whole_number("steps", steps, 1)
    every = whole_number("every", every, 1)
    observables = observables or {}
    values: dict[str, list[Tensor]] = defaultdict(list)
    acceptance = 0.0
    for number in range(1, steps + 1):
        transition = chain.step(phi, generator)
        phi = transition.phi
        acceptance += transition.acceptance.mean().item()
        if number % every == 0:
            for name, observable in observables.items():
                values[name].append(observable(phi))
    records = {name: torch.stack(series, dim=1) for name, series in values.items()}
    return Run(phi, records, acceptance / steps)
