"""The crops of a validation, shared out over processes so that each counts once."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from latentinpaint.data.photos import Crops
from latentinpaint.runtime.processes import process_count, process_number


class ValidationCrops(Dataset):
    """Crops of which those beyond the last repeat the first ones and are not to be counted.

    Processes have to see equally many, or one would wait for the others; what an item counts is its entry "counted".
    """

    def __init__(self, crops: Crops) -> None:
        self.crops = crops

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        item = self.crops[number % len(self)]
        return {**item, "counted": torch.tensor(number < len(self))}


class ValidationSampler(DistributedSampler):
    """The numbers of all items, shared out over the processes, and numbers beyond until every process has as many."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset, process_count(), process_number(), shuffle=False)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, self.total_size, self.num_replicas))
