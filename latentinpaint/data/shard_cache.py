"""Whole shards on this machine's disk, for all processes that read them: each is downloaded once."""

import hashlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from latentinpaint.data.shard_index import INDEX_SUFFIX, SUFFIX
from latentinpaint.data.shard_storage import MissingFileError, StorageError, download
from latentinpaint.errors import InputError
from latentinpaint.files import user_path, write_beside

_DOWNLOADS = 3  # of a shard that other processes remove at once


class ShardCache:
    """A folder of shards.

    Args:
        folder: need not be there; several runs may share it.
        limit: bytes that it may hold: the shards that were downloaded first go. It may be exceeded for a moment by a
            shard for each process that downloads. None is no limit.
    """

    def __init__(self, folder: str | Path, limit: int | None = None) -> None:
        self.folder = user_path(folder)
        self.limit = limit

    def read_range(self, shard: str, version: str, start: int, length: int) -> bytes:
        """`length` bytes of a shard from byte `start`.

        Args:
            shard: its path or URL.
            version: tells the shard from others that were there before under its name: its checksum, or its size.
            start: where to begin.
            length: how many bytes.

        Raises:
            InputError: if there is no such shard, or it ends before.
            StorageError: if it cannot be reached, or the folder not be written to.
        """
        path = self.path_of(shard, version)
        try:
            for _ in range(_DOWNLOADS):
                # Another process may remove the file at any time; an open one can be read to its end.
                with suppress(FileNotFoundError), path.open("rb") as file:
                    file.seek(start)
                    content = file.read(length)
                    if len(content) < length:
                        raise InputError(f"{shard} is cut short: it ends before byte {start + length}")
                    return content
                self._fetch(shard, path)
        except OSError as error:
            raise StorageError(f"cannot keep shards in {self.folder}: {error.strerror or error}") from error
        raise StorageError(f"{self.folder} holds too few shards at a time for all who read them: let it be larger")

    def path_of(self, shard: str, version: str) -> Path:
        """The file of a shard."""
        return self.folder / f"{_mark(shard, version)}-{PurePosixPath(shard).name}"

    def index_of(self, shard: str) -> Path:
        """The file in which the index of a shard is kept that has none beside it."""
        return self.folder / f"{_mark(shard)}-{PurePosixPath(shard).stem}{INDEX_SUFFIX}"

    def _fetch(self, shard: str, path: Path) -> None:
        """Download a shard, unless another process has just done so."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            if path.exists():
                return
            try:
                with write_beside(path) as temporary:
                    download(shard, temporary)
            except (MissingFileError, StorageError):
                raise
            except InputError as error:  # of the disk here, which says nothing about the shard
                raise StorageError(str(error)) from error
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Remove the shards that were downloaded first, until the others fit."""
        if self.limit is None:
            return
        kept = []
        for path in self.folder.glob(f"[!.]*{SUFFIX}"):
            with suppress(FileNotFoundError):
                status = path.stat()
                kept.append((status.st_mtime_ns, status.st_size, path))
        kept.sort()
        held = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if held <= self.limit:
                return
            path.unlink(missing_ok=True)
            held -= size


def _mark(*keys: str) -> str:
    """What tells the files of a shard from those of others of its name."""
    return hashlib.sha256("\n".join(keys).encode(errors="surrogatepass")).hexdigest()[:16]
