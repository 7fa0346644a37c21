"""Whole shards on this machine's disk, for all processes that read them: each is downloaded once."""

import hashlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from latentinpaint.data.shard_index import INDEX_SUFFIX, SUFFIX
from latentinpaint.data.shard_storage import MissingFileError, StorageError, download
from latentinpaint.errors import InputError
from latentinpaint.files import user_path, write_beside

_DOWNLOADS = 3  # of a shard, until it is plain that it is not the one of its index


class ShardCache:
    """A folder of shards.

    Args:
        folder: need not be there; several runs may share it.
        limit: bytes that it may hold: the shards that were downloaded first go when another needs their place.
            Several processes that download at a time may exceed it by a shard each. None is no limit.
    """

    def __init__(self, folder: str | Path, limit: int | None = None) -> None:
        self.folder = user_path(folder)
        self.limit = limit

    def read_range(self, shard: str, size: int, start: int, length: int) -> bytes:
        """`length` bytes of a shard from byte `start`.

        Args:
            shard: its path or URL.
            size: bytes of the shard.
            start: where to begin.
            length: how many bytes.

        Raises:
            InputError: if there is no such shard, or it has another size.
            StorageError: if it cannot be reached, or its place on the disk not be written.
        """
        path = self.path_of(shard)
        try:
            for _ in range(_DOWNLOADS):
                # Another process may remove the file at any time; an open one can be read to its end.
                with suppress(FileNotFoundError), path.open("rb") as file:
                    if file.seek(0, 2) == size:
                        file.seek(start)
                        return file.read(length)
                self._fetch(shard, size, path)
        except OSError as error:
            raise StorageError(f"cannot keep shards in {self.folder}: {error.strerror or error}") from error
        raise InputError(f"{shard} has another size than its index says: {size} bytes")

    def path_of(self, shard: str) -> Path:
        """The file of a shard."""
        mark = hashlib.sha256(shard.encode(errors="surrogatepass")).hexdigest()[:16]
        return self.folder / f"{mark}-{PurePosixPath(shard).name}"

    def index_of(self, shard: str) -> Path:
        """The file in which the index of a shard is kept that has none beside it."""
        path = self.path_of(shard)
        return path.with_name(path.name.removesuffix(SUFFIX) + INDEX_SUFFIX)

    def _fetch(self, shard: str, size: int, path: Path) -> None:
        """Download a shard, unless another process has just done so."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if path.exists() and path.stat().st_size == size:
                return
            self._make_room(size)
            try:
                with write_beside(path) as temporary:
                    download(shard, temporary)
            except (MissingFileError, StorageError):
                raise
            except InputError as error:  # of the disk here, which says nothing about the shard
                raise StorageError(str(error)) from error

    def _make_room(self, size: int) -> None:
        if self.limit is None:
            return
        kept = []
        for path in self.folder.glob(f"[!.]*{SUFFIX}"):
            with suppress(FileNotFoundError):
                status = path.stat()
                kept.append((status.st_mtime_ns, status.st_size, path))
        kept.sort()
        held = sum(length for _, length, _ in kept)
        for _, length, path in kept:
            if held + size <= self.limit:
                return
            path.unlink(missing_ok=True)
            held -= length
