r"""The density of samples along a path without noise: every step is a map whose change of volume is known.

A map T carries a density q to :math:`q(x) / |\det \partial T|` at T(x), so that

.. math:: \log q(x_1) = \log q(x_0) - \sum_k \log\big|\det \partial T_k(x_k)\big|

over the steps :math:`T_k` of the solver itself. With the determinant this is the density of the discrete samples,
with whatever error the steps and the model have: weights made of it correct for both. It takes a backward pass for
every entry of an item, and memory for its Jacobian. Hutchinson's estimate (Commun. Stat. Simul. 18 (1989) 1059) takes
one pass for every probe v,

.. math:: \log|\det \partial T| \approx \mathbb E_v\, v^\top(\partial T - 1)\,v,

with an error of second order in the step and a variance; weights made of it are no exact weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from latentinpaint.errors import choose, whole_number
from latentinpaint.interpolants.interpolant import Drifts
from latentinpaint.interpolants.path_solvers import NOISES, PATH_SOLVERS, PathField, step_times
from latentinpaint.interpolants.paths import Path
from latentinpaint.runtime.randomness import Generators, split

# Items (B, …) to items of the same shape, each by itself.
Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Carried:
    """Items x (B, …) after a map or several, and the logarithm (B,) of the factor by which volume has changed."""

    x: Tensor
    log_volume: Tensor


class VolumeChange(ABC):
    """A way to find by which factor a map changes volume.

    Args:
        probes: of methods that draw any, 1 or more.
        generators: one for each item, the source of the probes.
    """

    def __init__(self, probes: int = 1, generators: Sequence[torch.Generator] = ()) -> None:
        self.probes = whole_number("probes", probes, 1)
        self.generators = generators

    @abstractmethod
    def carry(self, step: Map, x: Tensor) -> Carried:
        """The map of x (B, …), and the change of volume there."""


class Determinant(VolumeChange):
    """The determinant of the Jacobian, exactly."""

    def carry(self, step: Map, x: Tensor) -> Carried:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = step(x).flatten(1)
            rows = []
            for entry in range(y.shape[1]):
                # Items do not depend on each other: the gradient of a sum over them has every item's own row.
                (row,) = torch.autograd.grad(y[:, entry].sum(), x, retain_graph=True)
                rows.append(row.flatten(1))
        volume = torch.linalg.slogdet(torch.stack(rows, dim=1).double()).logabsdet
        return Carried(y.detach().view(x.shape), volume)


class Hutchinson(VolumeChange):
    """The trace of the Jacobian less one, estimated with probes of random signs."""

    def carry(self, step: Map, x: Tensor) -> Carried:
        total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = step(x)
            for _ in range(self.probes):
                probe = self._signs(x)
                (product,) = torch.autograd.grad(y, x, probe, retain_graph=True)
                total += ((product - probe) * probe).flatten(1).sum(dim=1)
        return Carried(y.detach(), total / self.probes)

    def _signs(self, x: Tensor) -> Tensor:
        signs = []
        for generator in self.generators:
            signs.append(2 * torch.randint(2, x.shape[1:], generator=generator) - 1)
        return torch.stack(signs).to(x)


VOLUMES: dict[str, type[VolumeChange]] = {"exact": Determinant, "hutchinson": Hutchinson}


def carry_along_path(
    path: Path,
    drifts: Drifts,
    start: Tensor,
    times: Sequence[float] | int = 80,
    *,
    method: str = "euler",
    volume: str = "exact",
    probes: int = 1,
    generator: Generators = None,
) -> Carried:
    """`integrate_path` without noise, with the change of volume of all steps together.

    Entries that the path does not move change no volume: where some are known, the density is that of the others.

    Args:
        path, drifts, start, times, method: see `integrate_path`; the drifts have derivatives by autograd.
        volume: a key of `VOLUMES`.
        probes: random vectors a step, of `Hutchinson`.
        generator: source of the probes, one, of which every item gets its own, or one for each item.

    Raises:
        InputError: if the times do not increase, or the method or volume is not known.
    """
    change = choose(VOLUMES, volume, "volume")(probes, split(generator, len(start)))
    solver = choose(PATH_SOLVERS, method, "solver along a path")(NOISES["scaled"](), None)
    field = PathField(path, drifts)
    x = start
    log_volume = torch.zeros(len(start), dtype=torch.float64, device=start.device)
    for t, s in pairwise(step_times(times)):

        def step(x: Tensor, t: float = t, s: float = s) -> Tensor:
            return solver.step(field, x, t, s, 0.0)

        carried = change.carry(step, x)
        x = carried.x
        log_volume = log_volume + carried.log_volume
    return Carried(x, log_volume)
