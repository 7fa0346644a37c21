"""Where to run: a GPU if there is one, or what is asked for."""

import torch

from latentinpaint.errors import InputError


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """A device that works here.

    Args:
        name: such as "cpu", "cuda" or "mps"; None takes a GPU if there is one.

    Raises:
        InputError: if it cannot be used.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"the device {name} cannot be used here: choose cpu, cuda, cuda:1 … or mps") from error
    return device
