"""Ensembles: configurations of the phi^4 model, made by hybrid Monte Carlo into a file, once and resumably.

A file `phi4_32_0123456789ab.npy` holds float32 (N, 1, L, L), chain after chain; the name has the side and a digest of
the settings. Beside it lies a JSON file with the settings, the acceptance and the autocorrelation times. While an
ensemble is made, parts of it lie in a folder of the same name: a part begins where the one before ended and has a
seed of its own, so that an interrupted run, started again, makes what it would have made.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import check_above_zero, whole_number
from latentinpaint.files import write_bytes, write_text
from latentinpaint.lattice.autocorrelation import integrated_time
from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.hmc import HybridMonteCarlo
from latentinpaint.lattice.markov import run_chains
from latentinpaint.lattice.observables import absolute_magnetisation, action_per_site, magnetisation
from latentinpaint.runtime.randomness import numbered_generator

PART = 16  # records of every chain in a part


@dataclass(frozen=True)
class EnsembleSettings:
    """Which configurations there are, and how they are made.

    Args:
        mass_squared, coupling, field: m^2, lambda and h, see `PhiFour.from_lattice`.
        configurations: how many, at least; rounded up to whole records of all chains.
        chains: independent chains, 1 or more.
        every: trajectories between two configurations of a chain, 1 or more.
        warm_up: trajectories before the first, 1 or more.
        step_size, leapfrogs: see `HybridMonteCarlo`.
        kappa_0: of the masses, above 0, see `PhiFour.quadratic_form`.
        seed: of all of it.
    """

    mass_squared: float = -4.0
    coupling: float = 4.572
    field: float = 0.0
    configurations: int = 100_000
    chains: int = 64
    every: int = 100
    warm_up: int = 2000
    step_size: float = 0.2
    leapfrogs: int = 10
    kappa_0: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("configurations", "chains", "every", "warm_up", "leapfrogs"):
            whole_number(f"the ensemble's {name}", getattr(self, name), 1)
        check_above_zero("the ensemble's kappa_0", self.kappa_0)

    @property
    def energy(self) -> PhiFour:
        """Of the configurations."""
        return PhiFour.from_lattice(self.mass_squared, self.coupling, self.field)

    @property
    def records(self) -> int:
        """Configurations of every chain."""
        return -(-self.configurations // self.chains)

    def sampler(self, side: int) -> HybridMonteCarlo:
        """Hybrid Monte Carlo as it is set, on side x side sites."""
        mass = self.energy.quadratic_form(side, side, self.kappa_0).float()
        return HybridMonteCarlo(self.energy, self.step_size, self.leapfrogs, mass)

    def file_name(self, side: int) -> str:
        """Of the ensemble on side x side sites."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"phi4_{side}_{hashlib.sha256(text.encode()).hexdigest()[:12]}.npy"


def make_ensemble(
    settings: EnsembleSettings,
    side: int,
    folder: str | Path,
    report: Callable[[str], None] | None = None,
) -> Path:
    """The file of an ensemble, which is made, or made to its end, if it is not there.

    Args:
        settings: see `EnsembleSettings`.
        side: L, sites.
        folder: where the file is.
        report: called with a line about every part that is made; None says nothing.
    """
    side = whole_number("the lattice's side", side, 2)
    path = Path(folder) / settings.file_name(side)
    if path.is_file():
        return path
    parts = path.with_suffix("")
    count = -(-settings.records // PART)
    acceptances = []
    phi = None
    made = []
    for number in range(count):
        part = _part(settings, side, parts / f"{number:05d}.npy", number, phi)
        phi = part.fields[-1]
        made.append(part.fields)
        acceptances.append(part.acceptance)
        if report is not None:
            report(f"configurations of the phi^4 model: part {number + 1} of {count}")
    fields = torch.cat(made)[: settings.records].transpose(0, 1)
    write_text(path.with_suffix(".json"), json.dumps(_description(settings, fields, acceptances), indent=1))
    _write_array(path, fields.reshape(-1, 1, side, side).numpy())
    shutil.rmtree(parts)
    return path


@dataclass(frozen=True, eq=False)
class _Part:
    """Fields (T, B, 1, L, L) of a part, and the acceptance of its trajectories."""

    fields: Tensor
    acceptance: float


def _part(settings: EnsembleSettings, side: int, path: Path, number: int, phi: Tensor | None) -> _Part:
    """Part `number`, read or made: from the fields (B, 1, L, L) where the part before ended, None for the first."""
    acceptance_file = path.with_suffix(".json")
    if path.is_file() and acceptance_file.is_file():
        return _Part(torch.from_numpy(np.load(path)), json.loads(acceptance_file.read_text()))
    generator = numbered_generator(settings.seed, number)
    sampler = settings.sampler(side)
    if phi is None:
        phi = 0.5 * torch.randn(settings.chains, 1, side, side, generator=generator)
        phi = run_chains(sampler, phi, settings.warm_up, generator=generator).phi
    run = run_chains(sampler, phi, PART * settings.every, {"phi": torch.clone}, settings.every, generator)
    part = _Part(run.records["phi"].transpose(0, 1).contiguous(), run.acceptance)
    _write_array(path, part.fields.numpy())
    write_text(acceptance_file, json.dumps(part.acceptance))
    return part


def _description(settings: EnsembleSettings, fields: Tensor, acceptances: list[float]) -> dict[str, object]:
    """What the JSON file says of fields (B, T, 1, L, L); configurations that are independent have the time 1/2."""
    flat = fields.flatten(0, 1)
    times = {}
    observables = {
        "magnetisation": magnetisation,
        "absolute magnetisation": absolute_magnetisation,
        "action per site": action_per_site(settings.energy),
    }
    for name, observable in observables.items():
        found = integrated_time(observable(flat).view(fields.shape[:2]))
        times[name] = {"tau": found.tau, "error": found.error}
    return {
        "settings": asdict(settings),
        "configurations": len(flat),
        "acceptance": sum(acceptances) / len(acceptances),
        "autocorrelation times in configurations of a chain": times,
    }


def _write_array(path: Path, values: np.ndarray) -> None:
    encoded = io.BytesIO()
    np.save(encoded, values)
    write_bytes(path, encoded.getvalue())
