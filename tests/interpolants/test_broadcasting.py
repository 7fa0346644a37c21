"""Numbers for batches: shapes, and what is refused."""

import pytest
import torch

from latentinpaint.interpolants.broadcasting import fitting, in_type_of, per_item


@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 2, 4, 4)])
def test_a_number_for_each_item_multiplies_it(shape):
    numbers, x = torch.tensor([1.0, -2.0, 0.5]), torch.rand(shape)
    product = per_item(numbers, x) * x
    assert product.shape == shape
    for item in range(3):
        assert torch.equal(product[item], numbers[item] * x[item])


def test_a_single_number_stays_as_it_is():
    number = torch.tensor(2.0)
    assert per_item(number, torch.rand(3, 2)) is number


@pytest.mark.parametrize("shape", [(3, 2, 4), (1, 2, 1), (1, 1, 1)])
def test_what_fits(shape):
    values = torch.rand(shape)
    assert fitting(values, torch.rand(3, 2, 4)) is values


@pytest.mark.parametrize("shape", [(), (3,), (3, 2), (2, 2, 4), (3, 2, 5), (1, 3, 2, 4)])
def test_what_does_not_fit(shape):
    with pytest.raises(ValueError, match="numbers of shape .* do not fit"):
        fitting(torch.rand(shape), torch.rand(3, 2, 4))


def test_types():
    """A single number of another type does not change the result's; several do, and are converted."""
    x = torch.rand(3, dtype=torch.float32)
    assert in_type_of(x, torch.tensor([1.0], dtype=torch.float64)).dtype == torch.float32
    single = torch.tensor(1.0, dtype=torch.float64)
    assert in_type_of(x, single) is single and (single * x).dtype == torch.float32
