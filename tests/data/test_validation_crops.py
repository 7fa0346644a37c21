"""Crops of a validation: each counts once, whatever the number of processes."""

import pytest

from latentinpaint.data import validation_crops
from latentinpaint.data.validation_crops import ValidationCrops, ValidationSampler


class Numbers(list):
    """In place of crops: items that are their numbers."""

    def __getitem__(self, number):
        return {"image": super().__getitem__(number)}


@pytest.mark.parametrize("count", [1, 3, 8, 9])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_every_crop_counts_once_and_processes_see_equally_many(count, processes, monkeypatch):
    crops = ValidationCrops(Numbers(range(count)))
    monkeypatch.setattr(validation_crops, "process_count", lambda: processes)
    counted = []
    lengths = set()
    for rank in range(processes):
        monkeypatch.setattr(validation_crops, "process_number", lambda rank=rank: rank)
        items = [crops[number] for number in ValidationSampler(crops)]
        lengths.add(len(items))
        counted += [item["image"] for item in items if item["counted"]]
    assert sorted(counted) == list(range(count))
    assert len(lengths) == 1
