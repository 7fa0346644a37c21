"""Ensembles: their law, one file, and that an interrupted run makes the same."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.lattice import ensemble
from latentinpaint.lattice.ensemble import EnsembleSettings, make_ensemble
from latentinpaint.lattice.estimates import Estimate, estimate_mean, standard_errors
from latentinpaint.lattice.observables import mean_square

SMALL = EnsembleSettings(-1.0, 2.0, configurations=130, chains=4, every=2, warm_up=20, kappa_0=4.0)


def test_the_configurations_have_the_law(tmp_path):
    """<phi^2> = 0.1566 for L = 8, m^2 = -1, lambda = 2."""
    settings = EnsembleSettings(-1.0, 2.0, configurations=4096, chains=64, every=3, warm_up=60, kappa_0=4.0)
    path = make_ensemble(settings, 8, tmp_path)
    fields = torch.from_numpy(np.load(path))
    assert fields.shape == (4096, 1, 8, 8) and fields.dtype == torch.float32
    found = estimate_mean(mean_square(fields).view(64, 64))
    assert found.error < 1e-3 and abs(standard_errors(found, Estimate(0.1566, 0))) < 4
    described = json.loads(path.with_suffix(".json").read_text())
    assert described["configurations"] == 4096 and 0.5 < described["acceptance"] < 1
    times = described["autocorrelation times in configurations of a chain"]
    assert 0.3 < times["action per site"]["tau"] < 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.with_suffix(".json").name, path.name]


def test_an_interrupted_run_makes_the_same(tmp_path, monkeypatch):
    whole = make_ensemble(SMALL, 4, tmp_path / "whole").read_bytes()
    told = []

    def interrupting(line):
        told.append(line)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_ensemble(SMALL, 4, tmp_path / "parts", interrupting)
    steps = steps_of_runs(monkeypatch)
    path = make_ensemble(SMALL, 4, tmp_path / "parts", told.append)
    assert path.read_bytes() == whole and steps == [32]  # the third part alone
    assert len(np.load(path)) == 132
    make_ensemble(SMALL, 4, tmp_path / "parts")
    assert steps == [32]


def steps_of_runs(monkeypatch):
    """A list that grows by the number of steps of every run of chains."""
    steps = []
    run_chains = ensemble.run_chains

    def counting(chain, phi, count, *rest, **named):
        steps.append(count)
        return run_chains(chain, phi, count, *rest, **named)

    monkeypatch.setattr(ensemble, "run_chains", counting)
    return steps


def test_a_part_without_its_acceptance_is_made_again(tmp_path, monkeypatch):
    whole = make_ensemble(SMALL, 4, tmp_path / "whole").read_bytes()

    def interrupting(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_ensemble(SMALL, 4, tmp_path / "parts", interrupting)
    (written,) = (tmp_path / "parts").rglob("*.json")
    written.unlink()
    steps = steps_of_runs(monkeypatch)
    assert make_ensemble(SMALL, 4, tmp_path / "parts").read_bytes() == whole
    assert steps == [20, 32, 32, 32]  # to warm up, and three parts


def test_every_part_and_every_seed_has_numbers_of_its_own(tmp_path, monkeypatch):
    drawn = []
    numbered = ensemble.numbered_generator

    def recording(seed, number):
        generator = numbered(seed, number)
        drawn.append(torch.rand(1, generator=generator).item())
        return generator

    monkeypatch.setattr(ensemble, "numbered_generator", recording)
    for seed in (0, 1):
        make_ensemble(replace(SMALL, seed=seed), 4, tmp_path)
    assert len(set(drawn)) == len(drawn) == 6


def test_the_sampler_of_the_settings():
    settings = replace(SMALL, field=0.3)
    sampler = settings.sampler(4)
    mass = settings.energy.quadratic_form(4, 4, settings.kappa_0).float()
    assert settings.energy.field == 0.3 and (sampler.step_size, sampler.leapfrogs) == (0.2, 10)
    torch.testing.assert_close(sampler.inverse_mass.values, 1 / mass)


def test_chains_lie_one_after_the_other(tmp_path):
    """Neighbours of a chain are alike, those of two chains are not."""
    settings = EnsembleSettings(
        1.0, 0.0, configurations=60, chains=3, every=1, warm_up=5, step_size=0.01, leapfrogs=1
    )
    fields = np.load(make_ensemble(settings, 4, tmp_path)).reshape(3, 20, -1)
    within = np.abs(fields[:, 1:] - fields[:, :-1]).max()
    assert within < 0.3 * np.abs(fields[0] - fields[1]).max(axis=1).min()


def test_other_settings_have_other_files():
    assert SMALL.file_name(4) != SMALL.file_name(8) != EnsembleSettings().file_name(8)


@pytest.mark.parametrize("wrong", [{"chains": 0}, {"configurations": 0}, {"every": 0}, {"kappa_0": 0.0}], ids=str)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="the ensemble's"):
        EnsembleSettings(**wrong)
