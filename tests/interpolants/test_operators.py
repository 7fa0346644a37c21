"""Operators: every entry of the registry, and what is made of two, against matrices made column by column."""

import itertools
import math

import pytest
import torch

from latentinpaint.interpolants import transfers
from latentinpaint.interpolants.operators import (
    OPERATORS,
    Composition,
    Dense,
    Fourier,
    Hadamard,
    Operator,
    Scalar,
    Sum,
    identity,
)

SHAPE = (2, 2, 4, 5)  # items, channels, height, an odd width
SIZE = math.prod(SHAPE[1:])


def numbers(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.2


def positive(name) -> Operator:
    """A symmetric positive operator of a family."""
    if name == "dense":
        root = torch.randn(2, SIZE, SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        return Dense(root @ root.mT / SIZE + 0.1 * torch.eye(SIZE).double())
    shapes = {"scalar": (2,), "hadamard": SHAPE, "fourier": (1, 2, 4, 3)}
    values = numbers(*shapes[name])
    if name == "fourier":  # real and symmetric: half of the frequencies are the mirror image of others
        values = transfers.gaussian_blur(4, 5, 0.7) * numbers(1, 2, 1, 1)
    return OPERATORS[name](values)


def general(name) -> Operator:
    """An invertible operator of a family that is not symmetric, where there are such."""
    if name == "dense":
        return Dense(numbers(SIZE, SIZE, seed=1) + 3 * torch.eye(SIZE).double())
    if name == "fourier":
        return Fourier(0.3 + transfers.motion_blur(4, 5, 1.6, 0.4, centred=False))
    return positive(name)


def matrices(operator) -> torch.Tensor:
    """The matrix of every item (B, d, d), a column an application to a unit vector."""
    units = torch.eye(SIZE, dtype=torch.float64).reshape(SIZE, 1, *SHAPE[1:]).expand(-1, SHAPE[0], -1, -1, -1)
    return torch.stack([operator(unit).flatten(1) for unit in units], dim=-1)


@pytest.fixture(params=OPERATORS)
def name(request):
    return request.param


def everything():
    """Each family, and each sum and composition of two."""
    pairs = list(itertools.product(OPERATORS, repeat=2))
    return {
        **{name: general(name) for name in OPERATORS},
        **{f"{a}+{b}": general(a) + positive(b) for a, b in pairs},
        **{f"{a}@{b}": general(a) @ general(b) for a, b in pairs},
    }


EVERYTHING = everything()


@pytest.mark.parametrize("which", EVERYTHING)
def test_dot_product(which):
    operator = EVERYTHING[which]
    x, y = numbers(*SHAPE, seed=4), numbers(*SHAPE, seed=5)
    left = (operator(x) * y).flatten(1).sum(dim=1)
    right = (x * operator.adjoint(y)).flatten(1).sum(dim=1)
    torch.testing.assert_close(left, right, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("which", EVERYTHING)
def test_linear_and_row_by_row(which):
    operator = EVERYTHING[which]
    x = numbers(*SHAPE, seed=4)
    found = (matrices(operator) @ x.flatten(1).unsqueeze(-1)).squeeze(-1).reshape(SHAPE)
    torch.testing.assert_close(operator(x), found, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("which", [name for name in EVERYTHING if "+" not in name])
def test_inverse(which):
    operator = EVERYTHING[which]
    eye = torch.eye(SIZE, dtype=torch.float64).expand(2, -1, -1)
    torch.testing.assert_close(matrices(operator) @ matrices(operator.inverse), eye, atol=1e-9, rtol=0)
    x = numbers(*SHAPE, seed=4)
    torch.testing.assert_close(operator.inverse(operator(x)), x, atol=1e-9, rtol=0)


@pytest.mark.parametrize("b", OPERATORS)
def test_sums_and_products_are_those_of_the_matrices(name, b):
    left, right = general(name), positive(b)
    expected = {"+": matrices(left) + matrices(right), "-": matrices(left) - matrices(right)}
    torch.testing.assert_close(matrices(left + right), expected["+"])
    torch.testing.assert_close(matrices(left - right), expected["-"])
    torch.testing.assert_close(matrices(left @ right), matrices(left) @ matrices(right))
    torch.testing.assert_close(matrices(-2.5 * left), -2.5 * matrices(left))


@pytest.mark.parametrize("make", [lambda a, b: a + b, lambda a, b: a @ b], ids=["sum", "product"])
def test_families_stay_families(name, make):
    family = OPERATORS[name]
    assert type(make(general(name), positive(name))) is family
    assert type(make(general(name), positive("scalar"))) is family
    assert type(make(positive("scalar"), general(name))) is family


def test_strangers_are_kept_as_they_are():
    a, b = general("fourier"), general("hadamard")
    assert type(a + b) is Sum and type(a @ b) is Composition
    assert type((a @ b).inverse) is type((a @ b).adjoint) is Composition


def test_a_diagonal_joins_a_matrix():
    assert type(general("hadamard") @ general("dense")) is type(general("dense") + general("hadamard")) is Dense


def test_sqrt(name):
    operator = positive(name)
    root = matrices(operator.sqrt)
    torch.testing.assert_close(root @ root, matrices(operator), atol=1e-10, rtol=0)
    torch.testing.assert_close(root, root.mT, atol=1e-10, rtol=0)
    assert torch.linalg.eigvalsh(root).min() > -1e-10


def test_identity():
    x = numbers(*SHAPE)
    assert torch.equal(identity()(x), x) and torch.equal(identity().adjoint(x.float()), x.float())


@pytest.mark.parametrize(
    "operator",
    [
        Scalar(torch.zeros(2)),
        Hadamard(torch.tensor([[1.0, 0.0]])),
        Fourier(transfers.high_pass(4, 5, 0.5)),
        Dense(torch.ones(2, 2)),
        Sum(identity(), identity()),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_what_has_no_inverse(operator):
    with pytest.raises(ValueError, match="no inverse"):
        _ = operator.inverse


@pytest.mark.parametrize(
    "operator",
    [
        Scalar(torch.tensor(-1.0)),
        Hadamard(torch.tensor([[1.0, -0.5]])),
        Fourier(transfers.motion_blur(4, 5, 2.0, 0.4, centred=False)),
        Dense(torch.tensor([[1.0, 1.0], [0.0, 1.0]])),
        Dense(torch.tensor([[1.0, 0.0], [0.0, -1.0]])),
        Composition(identity(), identity()),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_what_has_no_square_root(operator):
    with pytest.raises(ValueError, match="no s"):
        _ = operator.sqrt


@pytest.mark.parametrize(
    ("operator", "shape"),
    [
        (Scalar(torch.ones(3)), (2, 4)),
        (Hadamard(torch.ones(4)), (4, 4)),  # a row of numbers would silently broadcast over the batch
        (Hadamard(torch.ones(2, 4)), (1, 4)),  # and this would widen it
        (Fourier(torch.ones(1, 1, 4, 3)), (4, 4)),
        (Fourier(torch.ones(1, 1, 4, 4)), (2, 1, 4, 4)),
    ],
    ids=str,
)
def test_shapes_that_do_not_fit(operator, shape):
    with pytest.raises(ValueError):
        operator(torch.ones(shape))


@pytest.mark.parametrize(("family", "shape"), [(Scalar, (2, 3)), (Dense, (2, 3)), (Dense, (2,))])
def test_numbers_of_a_wrong_shape(family, shape):
    with pytest.raises(ValueError):
        family(torch.ones(shape))


@pytest.mark.parametrize("which", EVERYTHING)
def test_precision_is_that_of_the_input(which):
    """Operators are made in float64 here; complex transfer functions keep their imaginary part."""
    x = numbers(*SHAPE)
    found = EVERYTHING[which](x.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, EVERYTHING[which](x).float(), atol=1e-4, rtol=1e-4)


def test_roots_allow_for_rounding():
    """A matrix of low rank has eigenvalues that rounding makes a little negative."""
    root = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    low = root @ root.T
    found = Dense(low).sqrt.matrix
    torch.testing.assert_close(found @ found, low, atol=1e-3, rtol=0)
    assert Hadamard(torch.tensor([[1.0, -1e-8]])).sqrt.values.tolist() == [[1.0, 0.0]]


def test_a_large_neighbour_excuses_no_row():
    skew = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="not symmetric"):
        _ = Dense(torch.stack([skew, 1e10 * torch.eye(2)])).sqrt
