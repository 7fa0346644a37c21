"""The loop over steps, its records, and Metropolis's decision."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.lattice import MarkovChain, PhiFour, run_chains
from latentinpaint.lattice.markov import Transition, accept


class Counting(MarkovChain):
    """Adds one to every site that moves."""

    def step(self, phi, generator):
        return Transition(phi + self.held(torch.ones_like(phi)), torch.full((len(phi),), 0.25))


def test_records_are_taken_every_so_many_steps():
    run = run_chains(
        Counting(PhiFour(1, 1, 0)), torch.zeros(2, 1, 1, 2), 7, {"first": lambda p: p[:, 0, 0, 0]}, every=3
    )
    assert run.records["first"].tolist() == [[3, 6], [3, 6]]
    assert run.phi.flatten().tolist() == [7] * 4
    assert run.acceptance == 0.25


def test_held_sites_stay():
    free = torch.tensor([[[[1.0, 0.0]]]])
    run = run_chains(Counting(PhiFour(1, 1, 0), free), torch.zeros(1, 1, 1, 2), 3)
    assert run.phi.flatten().tolist() == [3, 0] and run.records == {}


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"steps": 1, "every": 0}])
def test_no_steps_are_refused(arguments):
    with pytest.raises(InputError):
        run_chains(Counting(PhiFour(1, 1, 0)), torch.zeros(1, 1, 1, 1), **arguments)


def test_as_much_is_accepted_as_should_be():
    """A ratio of 0.3 in 0.3 of the cases, one above 1 always, one that is no number never."""
    many = 20_000
    phi, proposal = torch.zeros(many, 1, 1, 1), torch.ones(many, 1, 1, 1)
    ratio = torch.tensor([0.3, 2.0, float("nan")]).double().log().repeat(many // 3 + 1)[:many]
    made = accept(phi, proposal, ratio, torch.Generator().manual_seed(0))
    parts = [made.phi.flatten()[kind::3].mean().item() for kind in range(3)]
    assert parts[0] == pytest.approx(0.3, abs=4 * (0.21 / (many / 3)) ** 0.5) and parts[1:] == [1, 0]
    assert made.acceptance[:3].tolist() == pytest.approx([0.3, 1, 0])
