"""Random numbers that depend on a seed and a number, and on nothing that was drawn before."""

import torch


def numbered_generator(seed: int, number: int) -> torch.Generator:
    """The generator of item `number` under `seed`, both any whole numbers: equal pairs draw equal numbers."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)
