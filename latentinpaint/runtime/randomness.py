"""Random numbers by generators that are passed in: equal seeds give equal numbers, whatever else is drawn."""

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator] | None


def seed_for(seed: int, *keys: int | str) -> int:
    """A separate seed under `seed` for what `keys` identify: an item's number, a file's name, or several of these.

    It is any whole number, equal on every machine for equal arguments.
    """
    for key in keys:
        if isinstance(key, str):
            key = zlib.crc32(key.encode())
        seed = seed * 1_000_003 + key
    return seed


def numbered_generator(seed: int, number: int | str) -> torch.Generator:
    """The generator of item `number` under `seed`, see `seed_for`: equal pairs draw equal numbers.

    PyTorch's generators distinguish 32 bits of a seed: two different pairs coincide once in 4 billion.
    """
    return torch.Generator().manual_seed(seed_for(seed, number) % 2**63)


def draw_normal(like: Tensor, generator: Generators) -> Tensor:
    """Standard normal numbers shaped like `like` (B, …), drawn item by item.

    They are drawn on the generator's own device and moved, so that a seed means the same on every machine.

    Raises:
        ValueError: if there are several generators, but not one for every item.
    """
    generators: Sequence[torch.Generator | None] = [None] * len(like)
    if isinstance(generator, Sequence):
        generators = generator
    elif generator is not None:
        generators = [generator] * len(like)
    if len(generators) != len(like):
        raise ValueError(f"{len(generators)} generators for {len(like)} items")
    draws = [_draw_item(like, item_generator) for item_generator in generators]
    return torch.stack(draws).to(like.device)


def split(generator: Generators, count: int) -> list[torch.Generator]:
    """A generator for each of `count` items: the first ones are the same however many there are.

    Args:
        generator: one that their seeds are drawn from (None is PyTorch's own), or one for every item, which are kept.
        count: number of items.
    """
    if isinstance(generator, Sequence):
        return list(generator)
    generators = []
    for _ in range(count):
        seed = int(torch.randint(2**31, (1,), generator=generator).item())
        generators.append(torch.Generator().manual_seed(seed))
    return generators


def _draw_item(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal numbers of the shape of one item of `like`."""
    return torch.randn(like.shape[1:], generator=generator, device=device_of(generator), dtype=like.dtype)


def device_of(generator: torch.Generator | None) -> torch.device:
    """Where a generator draws its numbers; None is PyTorch's own, on the processor."""
    if generator is None:
        return torch.device("cpu")
    return generator.device
