"""Training distributions: their marginals against the uniform law, their shapes, and which entries move together."""

import pytest
import torch
from scipy import stats

from latentinpaint.errors import InputError
from latentinpaint.interpolants.training_distributions import (
    Blocks,
    BlockSequential,
    Diagonal,
    Entrywise,
    MaskShaped,
    Mixture,
)

SHAPE = (64, 3, 10, 14)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def half(height, width, generator=None):
    """A hole in the left half."""
    mask = torch.zeros(1, height, width)
    mask[..., : width // 2] = 1
    return mask


DISTRIBUTIONS = {
    "diagonal": Diagonal(),
    "entrywise": Entrywise(),
    "blocks": Blocks(4),
    "turns": BlockSequential(4),
    "masks": MaskShaped(half, 0.5),
    "mixture": Mixture((Diagonal(), Entrywise()), (1, 3)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_shape_range_and_seed(name):
    alpha = DISTRIBUTIONS[name].draw(SHAPE, seeded())
    assert alpha.shape == (64, 1, 10, 14) and alpha.min() >= 0 and alpha.max() <= 1
    assert torch.equal(alpha, DISTRIBUTIONS[name].draw(SHAPE, seeded()))
    assert not torch.equal(alpha, DISTRIBUTIONS[name].draw(SHAPE, seeded(1)))


@pytest.mark.parametrize("name", ["diagonal", "entrywise", "blocks", "mixture"])
@pytest.mark.parametrize("shape", [(4000, 3, 6, 6), (4000, 9)])
def test_marginals_are_uniform(name, shape):
    """One entry of each of 4000 items, against the uniform law."""
    alpha = DISTRIBUTIONS[name].draw(shape, seeded(3)).flatten(1)
    assert alpha.shape[1] == (36 if len(shape) == 4 else 9)
    for entry in (0, -1):
        assert stats.kstest(alpha[:, entry].numpy(), "uniform").pvalue > 0.01


def test_a_number_a_row():
    alpha = Diagonal().draw(SHAPE, seeded()).flatten(1)
    assert (alpha == alpha[:, :1]).all() and len(alpha[:, 0].unique()) == 64


def test_a_number_an_entry():
    alpha = Entrywise().draw((500, 1, 4, 4), seeded()).flatten(1)
    correlation = torch.corrcoef(alpha.T) - torch.eye(16)
    assert correlation.abs().max() < 4 / 500**0.5


def test_a_number_a_block():
    alpha = Blocks(4).draw(SHAPE, seeded())
    for row in range(0, 10, 4):
        for column in range(0, 14, 4):
            block = alpha[:, 0, row : row + 4, column : column + 4].flatten(1)
            assert (block == block[:, :1]).all()
    assert (alpha[:, 0, 0, 3] != alpha[:, 0, 0, 4]).all() and (alpha[:, 0, 3, 0] != alpha[:, 0, 4, 0]).all()
    odd = Blocks(41).draw((1, 1, 164, 123), seeded())[0, 0]
    edges = [(odd[1:, 0] != odd[:-1, 0]), (odd[0, 1:] != odd[0, :-1])]
    assert [(1 + edge.nonzero().flatten()).tolist() for edge in edges] == [[41, 82, 123], [41, 82]]
    line = Blocks(4).draw((5, 10), seeded())
    assert (line[:, :4] == line[:, :1]).all() and (line[:, 3] != line[:, 4]).all()


def test_a_number_in_the_hole():
    alpha = MaskShaped(half, 0.0).draw((2000, 3, 6, 6), seeded())
    assert (alpha[..., 3:] == 0).all() and (alpha[..., :3] == alpha[..., :1, :1]).all()
    assert stats.kstest(alpha[:, 0, 0, 0].numpy(), "uniform").pvalue > 0.01


def test_noise_on_what_is_known():
    alpha = MaskShaped(half, 0.3).draw((4000, 1, 2, 4), seeded())
    inside, outside = alpha[:, 0, 0, 0], alpha[:, 0, 0, 3]
    noisy = outside > 0
    assert noisy.float().mean().item() == pytest.approx(0.3, abs=0.03) and (outside < inside)[noisy].all()
    assert stats.kstest((outside / inside)[noisy].numpy(), "uniform").pvalue > 0.01


def test_shares_of_a_mixture():
    alpha = Mixture((Diagonal(), Entrywise()), (1, 3)).draw((4000, 1, 3, 3), seeded()).flatten(1)
    equal = (alpha == alpha[:, :1]).all(dim=1)
    assert equal.float().mean().item() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Blocks(0),
        lambda: MaskShaped(half, 1.5),
        lambda: MaskShaped(half).draw((2, 9)),
        lambda: Diagonal().draw((2, 3, 4)),
        lambda: Mixture((), ()),
        lambda: Mixture((Diagonal(),), (0.0,)),
        lambda: Mixture((Diagonal(),), (1.0, 2.0)),
    ],
)
def test_mistakes(make):
    with pytest.raises(InputError):
        make()


@pytest.mark.parametrize("shape", [(600, 3, 10, 14), (600, 9)])
def test_blocks_that_take_turns(shape):
    """Done, at it, or waiting: one block between, any number before it, and every block is that one as often."""
    alpha = BlockSequential(5).draw(shape, seeded())
    count = 6 if len(shape) == 4 else 2
    places = alpha[:, 0, ::5, ::5].flatten(1) if len(shape) == 4 else alpha[:, ::5]
    assert places.shape == (600, count)
    if len(shape) == 4:
        whole = places.view(600, 2, 3).repeat_interleave(5, dim=1).repeat_interleave(5, dim=2)[..., :14]
        assert torch.equal(alpha[:, 0], whole)
    else:
        assert torch.equal(alpha, places.repeat_interleave(5, dim=1)[:, :9])
    between = (places > 0) & (places < 1)
    assert (between.sum(dim=1) == 1).all()
    assert (between.sum(dim=0) - 600 / count).abs().max() < 5 * (600 / count) ** 0.5
    done = (places == 0).sum(dim=1)
    assert (torch.bincount(done, minlength=count) - 600 / count).abs().max() < 5 * (600 / count) ** 0.5
    assert stats.kstest(places[between].numpy(), "uniform").pvalue > 1e-3
