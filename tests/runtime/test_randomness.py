"""Random numbers: of a number under a seed, and item by item."""

import zlib

import pytest
import torch

from latentinpaint.runtime.randomness import draw_normal, numbered_generator, seed_for, split


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_numbered_generators_differ():
    draws = [torch.rand(1, generator=numbered_generator(s, k)).item() for s in (-1, 0, 1, 2) for k in range(20)]
    assert len(set(draws)) == 80
    assert torch.rand(1, generator=numbered_generator(1, 2)).item() == draws[42]


def test_seeds_by_hand():
    assert seed_for(7) == 7
    assert seed_for(7, 3) == 7 * 1_000_003 + 3
    assert seed_for(7, 3, "a") == (7 * 1_000_003 + 3) * 1_000_003 + zlib.crc32(b"a")
    keys = [(), (0,), (1,), ("a",), (1, 2), (2, 1), ("a", 1), (1, "a"), ("é",)]
    assert len({seed_for(5, *key) for key in keys}) == len(keys)


def test_noise_of_a_list_is_each_generators_own():
    like = torch.empty(3, 2, 5, 5)
    draws = draw_normal(like, seeded(4, 5, 6))
    for item, seed in enumerate((4, 5, 6)):
        expected = torch.randn(2, 5, 5, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(draws[item], expected)
    assert torch.equal(draw_normal(like[:1], seeded(5))[0], draws[1])


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)], ids=str)
def test_noise_of_one_generator_is_drawn_item_by_item(shape):
    (whole, parts) = seeded(7, 7)
    together = draw_normal(torch.empty(5, *shape), whole)
    apart = torch.cat([draw_normal(torch.empty(count, *shape), parts) for count in (1, 3, 1)])
    assert torch.equal(together, apart)
    assert len(together.unique()) == together.numel()


def test_noise_follows_the_dtype_and_the_global_seed():
    torch.manual_seed(3)
    first = draw_normal(torch.empty(2, 4, dtype=torch.float64), None)
    torch.manual_seed(3)
    assert torch.equal(draw_normal(torch.empty(2, 4, dtype=torch.float64), None), first)
    assert first.dtype == torch.float64


@pytest.mark.parametrize("seeds", [(), (1,), (1, 2, 3)], ids=len)
def test_noise_needs_a_generator_an_item(seeds):
    with pytest.raises(ValueError, match=f"{len(seeds)} generators for 2 items"):
        draw_normal(torch.empty(2, 4), seeded(*seeds))


def test_split_gives_every_item_its_own():
    few, many = (split(seeded(3)[0], count) for count in (2, 5))
    draws = [torch.rand(3, generator=g).tolist() for g in many]
    assert [torch.rand(3, generator=g).tolist() for g in few] == draws[:2]
    assert len({tuple(draw) for draw in draws}) == 5
    given = seeded(1, 2)
    assert split(given, 2) == given
