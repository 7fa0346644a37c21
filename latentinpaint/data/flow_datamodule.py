"""Batches for flows: ``{"source": (B, …), "target": (B, …)}``, drawn independently of each other."""

from dataclasses import asdict
from typing import Any

from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from latentinpaint.data.distributions import (
    NORMAL,
    POINTS,
    Collection,
    Fields,
    Normal,
    check_name,
    load_fields,
    open_collection,
)
from latentinpaint.data.numbered_stream import EpochSampler, StreamDataModule
from latentinpaint.data.picture_sets import DOWNLOADS
from latentinpaint.data.trajectories import Windows, is_recorded, load_trajectories, recorded_path, window_shape
from latentinpaint.errors import InputError
from latentinpaint.lattice.ensemble import EnsembleSettings, make_ensemble
from latentinpaint.runtime.randomness import numbered_generator

PHI4 = "phi4"
EPOCH = 10**9  # batches: a run has one endless epoch and goes on where it was


class Batches(Dataset):
    """Batch number n of a seed, the same whatever has been drawn before."""

    def __init__(self, source: Collection, target: Collection, size: int, seed: int, length: int = EPOCH) -> None:
        self.source = source
        self.target = target
        self.size = size
        self.seed = seed
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        generator = numbered_generator(self.seed, number)
        target = self.target.draw(self.size, generator)
        return {"source": self.source.draw(self.size, generator), "target": target}


class FlowDataModule(StreamDataModule):
    """Pairs of a source and a target collection.

    Args:
        target: the data: moons, shifted_normal or ring (points); mnist, fashion_mnist, kmnist, cifar10, cifar10_dogs
            or cifar100 (through torchvision); a folder of pictures; a sheet, one picture file of tiles; phi4,
            configurations of the phi^4 model, which are made once, into the folder `downloads`, and drawn with all
            symmetries of the lattice; a file .npy of fields (N, channels, size, size), drawn as they are; or recorded
            trajectories, a .safetensors file, of which maze is the one in the folder `downloads`.
        source: where the flow starts: normal (noise), or anything the target can be.
        val_target, val_source: what is shown and evaluated during training; None draws from the target and source.
        change, source_change: none, invert, rotate or mirror, made to every picture of the target or the source.
        size: side of the pictures, pixels.
        channels: of the pictures, 1 (grey) or 3.
        flip: whether half of the target's pictures are mirrored.
        window, stride: of the windows of trajectories: steps in one, and between two of its points.
        downloads: folder in which torchvision looks, and to which it downloads.
        batch_size: samples a step, for each device.
        shown: samples that are shown and evaluated.
        num_workers: processes that draw batches; 0 draws them in the training's own.
        seed: of the batches.
        ensemble: which configurations phi4 are; None is `EnsembleSettings` as it stands.
    """

    def __init__(
        self,
        target: str,
        source: str = NORMAL,
        val_target: str | None = None,
        val_source: str | None = None,
        change: str = "none",
        source_change: str = "none",
        size: int = 32,
        channels: int = 3,
        flip: bool = False,
        window: int = 300,
        stride: int = 6,
        downloads: str = "downloads",
        batch_size: int = 128,
        shown: int = 16,
        num_workers: int = 0,
        seed: int = 0,
        ensemble: EnsembleSettings | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or shown < 2 or num_workers < 0:
            raise InputError("data.batch_size starts at 1, data.shown at 2, data.num_workers at 0")
        for name in (target, source, val_target, val_source):
            if name not in (None, PHI4) and not is_recorded(name):
                check_name(name)
        if PHI4 in (source, val_source) or (target == PHI4 and channels != 1):
            raise InputError("phi4 is a data.target, of data.channels 1")
        self.target = target
        self.source = source
        self.val_target = val_target
        self.val_source = val_source
        self.change = change
        self.source_change = source_change
        self.flip = flip
        self.size = size
        self.channels = channels
        self.window = window
        self.stride = stride
        self.downloads = downloads
        self.batch_size = batch_size
        self.shown = shown
        self.num_workers = num_workers
        self.seed = seed
        self.ensemble = ensemble or EnsembleSettings()
        self.shape = self._sample_shape()
        self.train_batches: Batches | None = None
        self.val_batches: Batches | None = None

    def setup(self, stage: str) -> None:
        if self.train_batches is not None:
            return
        target = self._open(self.target, self.change, flip=self.flip)
        source = self._open(self.source, self.source_change)
        val_target = self._held_back(target, self.target, self.val_target, self.change)
        val_source = self._held_back(source, self.source, self.val_source, self.source_change)
        named = {"source": source, "val_target": val_target, "val_source": val_source}
        for name, collection in named.items():
            if collection.shape != target.shape:
                raise InputError(f"data.{name} has samples of {collection.shape}, data.target of {target.shape}")
        self.train_batches = Batches(source, target, self.batch_size, self.seed)
        self.val_batches = Batches(val_source, val_target, self.shown, self.seed + 1, length=1)

    def description(self) -> dict[str, Any]:
        """Any JSON that a model trained on these data should keep."""
        assert self.train_batches is not None
        if self.target == PHI4:
            return {"ensemble": asdict(self.ensemble)}
        return self.train_batches.target.description()

    def check(self) -> None:
        """Find out what cannot be used before anything is trained or written."""
        self.setup("fit")

    def train_dataloader(self) -> DataLoader:
        assert self.train_batches is not None
        return self._loader(self.train_batches, EpochSampler(self.train_batches, self.position))

    def val_dataloader(self) -> DataLoader:
        assert self.val_batches is not None
        return self._loader(self.val_batches, None)

    def stream_length(self) -> int:
        return EPOCH

    def numbers_a_batch(self) -> int:
        return 1

    def batches_an_epoch(self) -> int:
        return EPOCH

    def _open(self, name: str, change: str, flip: bool = False, train: bool = True) -> Collection:
        if name == NORMAL:
            return Normal(self.shape)
        if name == PHI4:
            path = make_ensemble(self.ensemble, self.size, self.downloads, rank_zero_info)
            fields = load_fields(path, self.channels, self.size)
            return Fields(fields, symmetric=True, even=self.ensemble.field == 0)
        if is_recorded(name):
            return Windows(load_trajectories(recorded_path(name, self.downloads)), self.window, self.stride)
        return open_collection(name, self.size, self.channels, change, flip, self.downloads, train)

    def _held_back(self, trained: Collection, name: str, val_name: str | None, change: str) -> Collection:
        """What is shown during training: of a downloaded data set its test half, else what it is trained on."""
        if val_name is None and name not in DOWNLOADS:
            return trained
        return self._open(val_name or name, change, train=False)

    def _sample_shape(self) -> tuple[int, ...]:
        if self.target in POINTS:
            return POINTS[self.target].shape
        if is_recorded(self.target):
            return window_shape(self.window, self.stride)
        return self.channels, self.size, self.size

    def _loader(self, batches: Batches, sampler: EpochSampler | None) -> DataLoader:
        return DataLoader(batches, batch_size=None, sampler=sampler, num_workers=self.num_workers)
