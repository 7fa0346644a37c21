"""Methods of restoration on the GPU restore as on the processor, from the same noise."""

import copy

import pytest
import torch
from gaussian_prior import generators
from quick_restorers import QUICK
from two_devices import NEAR, near

from latentinpaint.flows import HadamardFlow, ScheduledFlow
from latentinpaint.restoration import RESTORERS
from latentinpaint.restoration.observation_models import Observed, observe
from latentinpaint.restoration.observation_tasks import read_task
from latentinpaint.restoration.velocity_prior import prior_of

pytestmark = pytest.mark.gpu

SHAPE = (1, 8, 8)


def prior(name, device):
    torch.manual_seed(0)
    if RESTORERS[name].of_hadamard:
        flow = HadamardFlow(SHAPE, width=8, multipliers=(1, 2), blocks=1)
        answer = flow.network.network.answer
    else:
        flow = ScheduledFlow(SHAPE, "time_unet", {"width": 8, "multipliers": (1, 2), "blocks": 1})
        answer = flow.network.answer
    torch.nn.init.normal_(answer.weight, std=0.05)
    return prior_of(copy.deepcopy(flow).to(device).eval().requires_grad_(False))


def observed(task):
    """Two pictures as a task shows them."""
    own = generators(2, 1)
    model = read_task(task).model(SHAPE, own)
    pictures = torch.stack([torch.randn(SHAPE, generator=one) for one in own]).tanh()
    return observe(model, pictures, 0.1, generators(2, 2))


CASES = []
for method, restorer in RESTORERS.items():
    tasks = ["random:0.4"] if restorer.masks_only else ["random:0.4", "blur:0.8", "average:2"]
    CASES += [(method, task) for task in tasks]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_method_restores_as_on_the_processor(name, task, device):
    method = RESTORERS[name](**QUICK[name])
    seen = observed(task)
    expected = method(prior(name, "cpu"), seen, generators(2, 9))
    there = Observed(seen.model, seen.y.to(device), seen.noise_std, seen.shape)  # as the command makes it
    found = method(prior(name, device), there, generators(2, 9))
    assert found.device.type == device.type
    assert near(found, expected, 20 * NEAR)  # of some steps, each with the prior's gradient
