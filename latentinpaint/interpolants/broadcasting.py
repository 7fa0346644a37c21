"""Numbers that multiply batches (B, …): how many dimensions they have, how long, of what type."""

from torch import Tensor


def per_item(numbers: Tensor, x: Tensor) -> Tensor:
    """Numbers (B,) with as many dimensions as x (B, …); a single number () stays as it is."""
    if numbers.ndim == 0:
        return numbers
    return numbers.view(-1, *[1] * (x.ndim - 1))


def fitting(values: Tensor, x: Tensor) -> Tensor:
    """`values`, once it is sure that they multiply x (B, …) entry by entry without widening it.

    Raises:
        ValueError: if they have not as many dimensions as x, each as long as x's or 1.
    """
    fits = values.ndim == x.ndim and all(v in (1, n) for v, n in zip(values.shape, x.shape, strict=True))
    if not fits:
        raise ValueError(f"numbers of shape {tuple(values.shape)} do not fit {tuple(x.shape)}")
    return values


def in_type_of(x: Tensor, values: Tensor) -> Tensor:
    """`values` in the precision of x and on its device; a single number is left to the arithmetic."""
    if values.ndim == 0:
        return values
    return values.to(x)
