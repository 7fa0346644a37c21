"""Photographs in tar shards, on this machine or elsewhere: a numbered list as that of a folder.

Photograph n of the shards that `latentinpaint shard` made of a folder is photograph n of the folder, so that a run on
either is the same run.
"""

import copy
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import cast

import numpy as np

from latentinpaint.data.photos import PhotoSource, training_pixels
from latentinpaint.data.shard_cache import ShardCache
from latentinpaint.data.shard_index import ShardIndex, expand_shards, find_index
from latentinpaint.data.shard_storage import MissingFileError, read_range
from latentinpaint.errors import InputError, check_at_least, count_of, listed
from latentinpaint.images.image_files import decode_picture

_AT_A_TIME = 16  # indices that are read together when a run begins
_SPARE = 2  # shards that a cache holds beside those that are mixed


@dataclass(frozen=True)
class ShardOptions:
    """How shards are read.

    Attributes:
        cache: folder on this machine for whole shards, each downloaded once; None reads every photograph by a request
            of its own.
        cache_gb: what the cache may hold, in units of 10^9 bytes; None is everything.
        mixed: how many shards' photographs are mixed at a time, a window that slides over the shards in an order of
            each pass's own; None mixes all, as of a folder.
    """

    cache: str | None = None
    cache_gb: float | None = None
    mixed: int | None = None

    def check(self) -> None:
        """Raise an `InputError` for what cannot be."""
        if self.cache_gb is not None:
            check_at_least("shards.cache_gb", self.cache_gb, 0)
            if self.cache is None:
                raise InputError("shards.cache_gb limits shards.cache: give its folder")
        if self.mixed is not None:
            check_at_least("shards.mixed", self.mixed, 1)


class ShardPhotos(PhotoSource):
    """The photographs of tar shards.

    A shard that is missing or damaged is warned of, and what cannot be read of it is left out.

    Args:
        pattern: path or URL of the shards, see `shard_index.expand_shards`.
        options: how they are read.

    Raises:
        InputError: if they hold no photograph, or a cache is too small for what is mixed.
        StorageError: if a shard cannot be reached now.
    """

    def __init__(self, pattern: str, options: ShardOptions) -> None:
        options.check()
        self.mixed = options.mixed
        self.cache = _open_cache(options)
        self.shards = expand_shards(pattern)
        self.versions: list[str] = []
        self.sizes: list[int] = []
        self.names = []
        numbers: list[int] = []
        spans: list[tuple[int, int]] = []
        damaged: list[str] = []
        for number, index in enumerate(_find_indices(self.shards, self.cache)):
            self.versions.append(index.sha256 or str(index.size))
            self.sizes.append(index.size)
            if index.damage is not None:
                used = count_of(len(index.members), "picture", "is/are")
                damaged.append(f"{self.shards[number]} {index.damage}; of it {used} used")
            for member in index.members:
                self.names.append(f"{PurePosixPath(self.shards[number]).name}/{member.name}")
                numbers.append(number)
                spans.append((member.start, member.length))
        self.numbers = np.array(numbers)
        self.spans = np.array(spans)
        details = listed(damaged, separator="; ")
        if not self.names:
            raise InputError(f"{pattern} holds no picture to train on {details}".rstrip())
        if damaged:
            warnings.warn(f"{len(damaged)} of {len(self.shards)} shards are damaged: {details}", stacklevel=2)
        self._check_room(options)

    def read(self, index: int) -> np.ndarray:
        number = self.numbers[index]
        start, length = self.spans[index].tolist()
        if self.cache is None:
            content = read_range(self.shards[number], start, length)
        else:
            content = self.cache.read_range(self.shards[number], self.versions[number], start, length)
        return training_pixels(decode_picture(content, self.names[index]))

    def subset(self, indices: list[int]) -> "ShardPhotos":
        chosen = copy.copy(self)
        chosen.names = [self.names[index] for index in indices]
        chosen.numbers = self.numbers[indices]
        chosen.spans = self.spans[indices]
        return chosen

    def order(self, seed: int, number: int) -> np.ndarray:
        if self.mixed is None:
            return super().order(seed, number)
        return _mixed_order(self, seed, number)

    def _check_room(self, options: ShardOptions) -> None:
        """A cache that has to drop what is read again soon would download a shard for every photograph."""
        if options.cache_gb is None:
            return
        needed = sum(self.sizes)
        advice = "or set shards.mixed, so that few shards are read at a time"
        if self.mixed is not None:
            needed = min(needed, (self.mixed + _SPARE) * max(self.sizes))
            advice = "or mix fewer (shards.mixed)"
        if needed > options.cache_gb * 1e9:
            raise InputError(
                f"the shards that are read in turn have {needed / 1e9:.3g} GB: let shards.cache_gb be more than "
                f"{options.cache_gb:g}, {advice}"
            )


def _open_cache(options: ShardOptions) -> ShardCache | None:
    if options.cache is None:
        return None
    if options.cache_gb is None:
        return ShardCache(options.cache)
    return ShardCache(options.cache, round(options.cache_gb * 1e9))


def _find_indices(shards: list[str], cache: ShardCache | None) -> Iterator[ShardIndex]:
    """The index of each shard, in their order; several are read at a time."""

    def find(shard: str) -> ShardIndex:
        kept = None
        if cache is not None:
            kept = cache.index_of(shard)
        try:
            return find_index(shard, kept)
        except MissingFileError:
            return ShardIndex(0, [], damage="is missing")

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield from pool.map(find, shards)


@lru_cache(maxsize=2)
def _mixed_order(photos: ShardPhotos, seed: int, number: int) -> np.ndarray:
    """The order of pass `number` through a window of shards.

    The shards stand in an order of their own, and every photograph is moved back by up to `mixed` shards: at any time
    those of about `mixed` neighbouring shards are read, each equally often.
    """
    rng = np.random.default_rng((seed % 2**63, number))
    place = rng.permutation(len(photos.shards))[photos.numbers]
    return np.argsort(place + rng.uniform(0, cast(int, photos.mixed), len(photos)), kind="stable")
