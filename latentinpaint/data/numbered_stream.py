"""Endless streams of numbered items: which numbers a process takes, and which one comes next when a run goes on."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import Dataset, DistributedSampler

from latentinpaint.runtime.processes import process_count, process_number


class EpochSampler(DistributedSampler):
    """Numbers a stream on: epoch e holds the numbers from e * length, shared out over the processes.

    Args:
        dataset: the stream, with a length.
        position: where in the stream a run is, asked whenever it goes through the loader anew: the epoch, and how
            many numbers of it all processes together have had. None begins with the epoch that was set. It is not
            left to Lightning's own epochs: one in which a run's last step lies has ended there, and a run that goes
            on begins the next.
    """

    def __init__(self, dataset: Dataset, position: Callable[[], tuple[int, int]] | None = None) -> None:
        super().__init__(dataset, process_count(), process_number(), shuffle=False, drop_last=True)
        self.position = position

    def __iter__(self) -> Iterator[int]:
        epoch = self.epoch
        consumed = 0
        if self.position is not None:
            epoch, consumed = self.position()
        length = len(self.dataset)  # type: ignore[arg-type]  # torch's Dataset declares no length
        first = epoch * length + consumed
        left = (length - consumed) // self.num_replicas * self.num_replicas
        return iter(range(first + self.rank, first + left, self.num_replicas))


class StreamDataModule(pl.LightningDataModule):
    """A data module that trains on a numbered stream, and goes on with the number that comes next.

    A checkpoint holds that number, so that a run goes on without a gap on the same processes, and without using a
    number twice on more or fewer of them, or with batches of another size. What is then left of an epoch and fills no
    batch of all processes is passed over, as at the end of every epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.resumed_number = 0
        self.resumed_batches = 0

    def state_dict(self) -> dict[str, Any]:
        """The number that comes next, and the batches that each process has had."""
        if self.trainer is None:
            return {}
        epoch, consumed = self.position()
        return {"number": epoch * self.stream_length() + consumed, "batches": batches_trained_on(self.trainer)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.resumed_number = state_dict["number"]
        self.resumed_batches = state_dict["batches"]

    def position(self) -> tuple[int, int]:
        """The epoch that a run is in, and the numbers of it that all processes have had; the start outside a run."""
        if self.trainer is None:
            return 0, 0
        step = self.numbers_a_batch() * self.trainer.world_size
        per_epoch = self.batches_an_epoch()
        epoch, consumed = divmod(self.resumed_number, self.stream_length())
        batches = batches_trained_on(self.trainer) - self.resumed_batches
        left = max(0, per_epoch - math.ceil(consumed / step))
        if batches < left:
            return epoch, consumed + batches * step
        later, rest = divmod(batches - left, per_epoch)
        return epoch + 1 + later, rest * step

    @abstractmethod
    def stream_length(self) -> int:
        """The numbers of an epoch."""

    @abstractmethod
    def numbers_a_batch(self) -> int:
        """The numbers that one batch of one process takes."""

    @abstractmethod
    def batches_an_epoch(self) -> int:
        """The batches of an epoch of each process, at least 1."""


def batches_trained_on(trainer: pl.Trainer) -> int:
    """The batches that each process of a run has had, its earlier parts included."""
    progress = trainer.fit_loop.epoch_loop.batch_progress.total
    return progress.processed  # type: ignore[attr-defined]  # Lightning declares the base class
