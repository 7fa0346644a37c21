"""Observation models: adjoints, pseudo-inverses and solutions against dense matrices; noise item by item."""

import pytest
import torch
from gaussian_prior import SHAPE, draw, generators, pictures

from latentinpaint.errors import InputError
from latentinpaint.restoration.observation_models import observe
from latentinpaint.restoration.observation_tasks import OBSERVATION_TASKS, read_task

TASKS = {
    "box": "box:1",
    "random": "random:0.4",
    "freeform": "freeform:thick",
    "blur": "blur:0.6",
    "average": "average:2",
    "denoise": "denoise",
}
ENTRIES = SHAPE[0] * SHAPE[1] * SHAPE[2]


def dense(model):
    """H as a matrix, column by column."""
    columns = model.item(0)(torch.eye(ENTRIES).double().view(ENTRIES, *SHAPE))
    return columns.flatten(1).T


def test_every_task_is_here():
    assert TASKS.keys() == OBSERVATION_TASKS.keys()


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_adjoint_and_pseudo_inverse_are_those_of_the_matrix(task):
    model = read_task(task).model(SHAPE, generators(1))
    matrix = dense(model)
    y = model(draw(generators(1, 3)))
    y = y + torch.randn(y.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    torch.testing.assert_close(model.adjoint(y).flatten(), matrix.T @ y.flatten(), atol=1e-12, rtol=0)
    inverse = torch.linalg.pinv(matrix, rtol=1e-8)
    torch.testing.assert_close(model.pseudo_inverse(y).flatten(), inverse @ y.flatten(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
@pytest.mark.parametrize("constant", [0.04, 0.0])
def test_the_solution_is_that_of_the_matrix(task, constant):
    model = read_task(task).model(SHAPE, generators(1))
    matrix = dense(model)
    y = model(draw(generators(1, 3)))
    gram = 0.3 * matrix @ matrix.T + constant * torch.eye(len(matrix)).double()
    exact = torch.linalg.pinv(gram, rtol=1e-8) @ y.flatten()
    torch.testing.assert_close(model.solve(y, 0.3, constant).flatten(), exact, atol=1e-8, rtol=1e-8)


def test_every_item_has_its_own_noise_and_mask():
    task = read_task("random:0.4")
    together = observe(task.model(SHAPE, generators(3)), pictures(3), 0.2, generators(3, 5))
    for number in range(3):
        own = [generators(3)[number]]
        alone = observe(task.model(SHAPE, own), pictures(3)[number : number + 1], 0.2, [generators(3, 5)[number]])
        assert torch.equal(alone.y, together.y[number : number + 1])
        assert torch.equal(together.item(number).model.known, alone.model.known)


def test_noise_is_added_where_a_mask_hides():
    seen = observe(read_task("box:1").model(SHAPE, generators(1)), pictures(1), 0.2, generators(1, 5))
    noise = draw(generators(1, 5))
    hidden = seen.model.known == 0
    assert hidden.sum() == 4
    torch.testing.assert_close(seen.y[hidden.expand_as(seen.y)], 0.2 * noise[hidden.expand_as(noise)])


def test_noise_below_0_is_refused():
    model = read_task("denoise").model(SHAPE, generators(1))
    with pytest.raises(InputError, match="noise starts at 0, not at -1"):
        observe(model, pictures(1), -1, generators(1))
