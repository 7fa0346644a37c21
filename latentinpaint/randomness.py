"""Random numbers that are passed in: equal seeds give equal numbers, whatever else is drawn beside them."""

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator] | None


def seed_for(seed: int, *keys: int | str) -> int:
    """A seed of its own for whatever `keys` name under `seed`: an item's number, a file's name, or several of these.

    It is any whole number, equal on every machine for equal arguments.
    """
    for key in keys:
        number = zlib.crc32(key.encode()) if isinstance(key, str) else key
        seed = seed * 1_000_003 + number
    return seed


def numbered_generator(seed: int, number: int | str) -> torch.Generator:
    """The generator of item `number` under `seed`, see `seed_for`: equal pairs draw equal numbers.

    PyTorch's generators tell 32 bits of a seed apart, so different pairs may meet, as seldom as among 4 billion.
    """
    return torch.Generator().manual_seed(seed_for(seed, number) % 2**63)


def draw_normal(like: Tensor, generator: Generators) -> Tensor:
    """Standard normal numbers shaped like `like` (B, …), each row drawn by itself.

    They are drawn on the generator's own device and moved, so that a seed means the same on every machine.

    Raises:
        ValueError: if there are several generators, but not one for every row.
    """
    rows = generator if isinstance(generator, Sequence) else [generator] * len(like)
    if len(rows) != len(like):
        raise ValueError(f"{len(rows)} generators for {len(like)} rows")
    draws = [
        torch.randn(like.shape[1:], generator=g, device="cpu" if g is None else g.device, dtype=like.dtype)
        for g in rows
    ]
    return torch.stack(draws).to(like.device)


def split(generator: Generators, rows: int) -> list[torch.Generator]:
    """A generator for each of `rows` rows: the first ones are the same however many there are.

    Args:
        generator: one that their seeds are drawn from (None is PyTorch's own), or as many as rows, which are kept.
        rows: how many.
    """
    if isinstance(generator, Sequence):
        return list(generator)
    seeds = (torch.randint(2**31, (1,), generator=generator).item() for _ in range(rows))
    return [torch.Generator().manual_seed(seed) for seed in seeds]
