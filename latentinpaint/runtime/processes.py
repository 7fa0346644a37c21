"""Sums over the processes that train one model together, each with its share of the batch.

The gradient that several processes agree on is the mean of theirs. It is that of one batch with the items of all as
long as every loss is a mean over items; what divides by a sum over the batch, or normalises by it, has to ask here
for the sum over all processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_is_one_batch = ContextVar("_is_one_batch", default=False)


@contextmanager
def one_batch() -> Iterator[None]:
    """Within it the batches of all processes count as one; every process has to enter it and do the same there."""
    token = _is_one_batch.set(True)
    try:
        yield
    finally:
        _is_one_batch.reset(token)


def batch_mean(value: Tensor) -> Tensor:
    """The mean of a value over processes within `one_batch`, as a constant without gradient; elsewhere the value."""
    if not _is_one_batch.get() or process_count() == 1:
        return value
    return total(value.detach()) / process_count()


def process_count() -> int:
    """How many processes compute together; 1 outside a group of processes."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return 1


def process_number() -> int:
    """The number of this process, from 0."""
    if process_count() == 1:
        return 0
    return dist.get_rank()


def leave_group() -> None:
    """Leave the group of processes, if there is one; called before a process ends, which its threads could abort."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def total(value: Tensor) -> Tensor:
    """The sum of a tensor over processes, which can be differentiated any number of times."""
    if process_count() == 1:
        return value
    return _Total.apply(value)


def average(tensors: list[Tensor]) -> None:
    """Put the means over processes in the places of tensors, all of them at once."""
    flat = torch.cat(list(map(torch.flatten, tensors)))
    means = total(flat) / process_count()
    for tensor, mean in zip(tensors, means.split(list(map(torch.numel, tensors))), strict=True):
        tensor.copy_(mean.view(tensor.shape))


def gathered(value: Any) -> list[Any]:  # noqa: ANN401  whatever can be pickled
    """The objects of all processes, in the order of their numbers."""
    values = [value] * process_count()
    if len(values) > 1:
        dist.all_gather_object(values, value)
    return values


class _Total(torch.autograd.Function):
    """Every process's loss depends on the sum, so that the gradient of what one of them gave is a sum as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ANN401  torch's own
        result = value.clone()
        dist.all_reduce(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401  torch's own
        return _Total.apply(gradient.contiguous())
