"""Batches for training: ``{"image": (B, 3, S, S) float32 in [0, 1], "mask": (B, 1, S, S), 1 = hole}``."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor
from torch.utils.data import DataLoader

from latentinpaint.data.augmentation import augmentation, centre_crop
from latentinpaint.data.mask_folder import FolderMasks
from latentinpaint.data.masks import MaskGenerator, mask_preset
from latentinpaint.data.numbered_stream import EpochSampler, StreamDataModule
from latentinpaint.data.photos import Crops, PhotoFolder, PhotoSource, SamplePhotos
from latentinpaint.data.shard_index import is_sharded
from latentinpaint.data.shard_photos import ShardOptions, ShardPhotos
from latentinpaint.data.validation_crops import ValidationCrops, ValidationSampler
from latentinpaint.errors import InputError, check_at_least, count_of, listed
from latentinpaint.runtime.processes import gathered

SAMPLES = "samples"


class InpaintingDataModule(StreamDataModule):
    """Photographs with holes, for pretraining and for the refiners.

    Args:
        root: folder of photographs, with its sub-folders; tar shards (WebDataset) such as "shards/{0000..0099}.tar",
            or s3://…; "samples" takes scikit-image's.
        val_root: folder or shards of photographs to validate on; None holds back a tenth of `root`, at most 64.
        size: side of the crops, pixels, a multiple of 8.
        zoom: how far a crop may reach into a photograph: its shorter side is scaled to between `size` and
            `size * zoom` pixels.
        augmentation: "crop" (scale, crop, flip), "recolour" (other colours too, for few photographs) or "lama"
            (LaMa's geometry and colours).
        masks: preset of the holes: training, thin, medium or thick.
        mask_dir: folder of mask files to draw the holes from, instead of a preset.
        val_masks: preset of the holes for validation.
        batch_size: crops a step, for each device.
        epoch_length: crops an epoch; None takes the number of photographs, but 1000 at least.
        num_workers: processes that read and crop.
        seed: of crops and holes.
        shards: how shards are read; None is `ShardOptions` as it stands.
    """

    def __init__(
        self,
        root: str,
        val_root: str | None = None,
        size: int = 256,
        zoom: float = 1.25,
        augmentation: str = "crop",
        masks: str = "training",
        mask_dir: str | None = None,
        val_masks: str = "thick",
        batch_size: int = 8,
        epoch_length: int | None = None,
        num_workers: int = 2,
        seed: int = 0,
        shards: ShardOptions | None = None,
    ) -> None:
        super().__init__()
        if size < 16 or size % 8:
            raise InputError(f"data.size is a multiple of 8 from 16 up, not {size}")
        check_at_least("data.batch_size", batch_size, 1)
        check_at_least("data.num_workers", num_workers, 0)
        if epoch_length is not None:
            check_at_least("data.epoch_length", epoch_length, 1)
        self.root = root
        self.val_root = val_root
        self.size = size
        self.zoom = zoom
        self.augmentation = augmentation
        self.masks = masks
        self.mask_dir = mask_dir
        self.val_masks = val_masks
        self.batch_size = batch_size
        self.epoch_length = epoch_length
        self.num_workers = num_workers
        self.seed = seed
        self.shards = shards or ShardOptions()
        self.train_crops: Crops | None = None
        self.val_crops: Crops | None = None

    def setup(self, stage: str) -> None:
        if self.train_crops is not None:
            return
        train, val = split_photos(self.root, self.val_root, self.shards)
        crop = augmentation(self.augmentation, self.size, self.zoom)
        length = self.epoch_length or max(1000, len(train))
        self.train_crops = Crops(train, crop, self._training_masks(), self.seed, length)
        val_masks = mask_preset(self.val_masks, self.size)
        self.val_crops = Crops(val, centre_crop(self.size), val_masks, self.seed, shuffle=False)

    def check(self) -> None:
        """Find out what cannot be used before anything is trained or written."""
        self.setup("fit")
        for crops in (self.train_crops, self.val_crops):
            _prepared(crops)[0]

    def train_dataloader(self) -> DataLoader:
        crops = _prepared(self.train_crops)
        return self._loader(crops, EpochSampler(crops, self.position), drop_last=True)

    def first_batches(self, batches: int) -> Iterator[dict[str, Tensor]]:
        """The first training crops and their masks, the same whatever has been trained and by how many."""
        self.setup("fit")
        loader = self._loader(_prepared(self.train_crops), sampler=None, drop_last=False)
        return islice(loader, batches)

    def first_images(self, batches: int) -> Iterator[Tensor]:
        """The crops (B, 3, S, S) of `first_batches`."""
        return (batch["image"] for batch in self.first_batches(batches))

    def val_dataloader(self) -> DataLoader:
        crops = ValidationCrops(_prepared(self.val_crops))
        return self._loader(crops, ValidationSampler(crops), drop_last=False)

    def teardown(self, stage: str) -> None:
        """Say at the end which files could not be read, by any process."""
        if stage != "fit":
            return
        skipped: set[str] = set()
        for crops in (self.train_crops, self.val_crops):
            if crops is not None:
                skipped.update(*gathered(crops.skipped))
        if not skipped:
            return
        names = listed(sorted(skipped))
        rank_zero_warn(f"{count_of(len(skipped), 'picture')} could not be read, skipped: {names}")

    def stream_length(self) -> int:
        return len(_prepared(self.train_crops))

    def numbers_a_batch(self) -> int:
        return min(self.batch_size, self.stream_length())

    def batches_an_epoch(self) -> int:
        assert self.trainer is not None
        batches = self.trainer.num_training_batches
        if batches == float("inf"):  # not known yet where a run begins
            batches = self.stream_length() // self.trainer.world_size // self.numbers_a_batch()
        return max(1, int(batches))

    def _training_masks(self) -> MaskGenerator:
        if self.mask_dir:
            return FolderMasks(self.mask_dir)
        return mask_preset(self.masks, self.size)

    def _loader(
        self, crops: Crops | ValidationCrops, sampler: EpochSampler | ValidationSampler | None, drop_last: bool
    ) -> DataLoader:
        return DataLoader(
            crops,
            batch_size=min(self.batch_size, len(crops)),
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_one_thread,
        )


def split_photos(
    root: str, val_root: str | None = None, shards: ShardOptions | None = None
) -> tuple[PhotoSource, PhotoSource]:
    """Photographs to train on and photographs held back.

    Args:
        root: a folder, shards, or "samples".
        val_root: a folder or shards, or None: a tenth of `root`, between 1 and 64, chosen once and for all by the
            order of its photographs.
        shards: how shards are read.
    """
    train: PhotoSource
    if root == SAMPLES:
        train = SamplePhotos("train")
    else:
        train = _open_photos(root, shards)
    if val_root:
        return train, _open_photos(val_root, shards)
    if root == SAMPLES:
        return train, SamplePhotos("val")
    if len(train) == 1:
        return train, train
    order = np.random.default_rng(0).permutation(len(train)).tolist()
    held_back = max(1, min(64, len(train) // 10))
    return train.subset(sorted(order[held_back:])), train.subset(sorted(order[:held_back]))


def _open_photos(root: str, shards: ShardOptions | None) -> PhotoSource:
    if is_sharded(root):
        return ShardPhotos(root, shards or ShardOptions())
    return PhotoFolder(root)


def _prepared(crops: Crops | None) -> Crops:
    """What `setup` made."""
    if crops is None:
        raise RuntimeError("call setup() first")
    return crops


def _one_thread(worker: int) -> None:
    import cv2

    # Every worker is a process of its own; threads inside it would only fight for the same cores.
    cv2.setNumThreads(0)
