"""Schedules: end values, and derivatives against autograd."""

import math

import pytest
import torch

from latentinpaint.interpolants import SCHEDULES, Cosine, Linear, Schedule, VariancePreserving

FUNCTIONS = ("alpha", "beta", "alpha_dot", "beta_dot")


@pytest.fixture(params=SCHEDULES)
def schedule(request):
    return SCHEDULES[request.param]()


def inner_times(schedule, count=97):
    return torch.linspace(0, schedule.last, count, dtype=torch.float64)


def test_every_schedule_is_registered():
    assert set(SCHEDULES.values()) == set(Schedule.__subclasses__())


def test_ends(schedule):
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    # The variance-preserving source still holds exp(-5.025) of the data.
    impure = 0.00658 if isinstance(schedule, VariancePreserving) else 1e-15
    torch.testing.assert_close(schedule.alpha(ends), 1 - ends, atol=impure**2 + 1e-15, rtol=0)
    torch.testing.assert_close(schedule.beta(ends), ends, atol=impure, rtol=0)


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_derivatives(schedule, name):
    t = inner_times(schedule).requires_grad_()
    values = getattr(schedule, name)(t)
    (expected,) = torch.autograd.grad(values.sum(), t)
    torch.testing.assert_close(getattr(schedule, f"{name}_dot")(t), expected, atol=1e-12, rtol=0)


def test_the_source_fades_and_the_data_grows(schedule):
    t = inner_times(schedule)
    assert (schedule.alpha(t).diff() < 0).all() and (schedule.beta(t).diff() > 0).all()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_shape_and_dtype_are_the_times(schedule, name, dtype, shape):
    output = getattr(schedule, name)(torch.rand(shape, dtype=dtype))
    assert output.shape == shape and output.dtype == dtype


def test_variances():
    """N(0,1) to independent N(1,1) has variance 1, .625, .5, .625, 1, or 1 throughout."""
    t = torch.tensor([0, 0.25, 0.5, 0.75, 1], dtype=torch.float64)
    schedules = (Linear(), Cosine(), VariancePreserving())
    linear, cosine, preserving = ((s.alpha(t) ** 2 + s.beta(t) ** 2).tolist() for s in schedules)
    assert linear == pytest.approx([1, 0.625, 0.5, 0.625, 1], abs=1e-15)
    assert cosine == pytest.approx([1] * 5, abs=1e-15)
    assert preserving == pytest.approx([1] * 5, abs=1e-15)


def test_values():
    half = torch.tensor(0.5, dtype=torch.float64)
    root = math.sqrt(0.5)
    assert [getattr(Linear(), name)(half).item() for name in FUNCTIONS] == [0.5, 0.5, -1, 1]
    expected = [root, root, -math.pi / 2 * root, math.pi / 2 * root]
    assert [getattr(Cosine(), name)(half).item() for name in FUNCTIONS] == pytest.approx(expected, abs=1e-15)


def test_the_variance_preserving_schedule_is_the_diffusions():
    """dx = -b x / 2 ds + sqrt(b) dW with b(s) = 0.1 + 19.9 s keeps exp(-1/2 int_0^s b) of the data, s = 1 - t."""
    from scipy.integrate import quad

    for t in (0.0, 0.2, 0.7, 0.999):
        kept = math.exp(-0.5 * quad(lambda s: 0.1 + 19.9 * s, 0, 1 - t)[0])
        time = torch.tensor(t, dtype=torch.float64)
        assert VariancePreserving().beta(time).item() == pytest.approx(kept, rel=1e-12)
        assert VariancePreserving().alpha(time).item() == pytest.approx(math.sqrt(1 - kept**2), rel=1e-10)
    assert math.isinf(VariancePreserving().alpha_dot(torch.tensor(1.0)))
