"""Files on this machine, behind http(s) or in an object store, read in parts; what fails is tried again.

`fsspec` reaches them: a path or URL is whatever it takes, ``/data/0000.tar``, ``https://host/0000.tar``,
``s3://bucket/0000.tar``. Every call looks its file system up anew: one that was opened before a process forked cannot
be used in the fork.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from latentinpaint.errors import InputError
from latentinpaint.runtime.addresses import locate

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Result = TypeVar("Result")

ATTEMPTS = 6
FIRST_WAIT = 0.5  # seconds before the second attempt, twice as many before each that follows
_BLOCK = 4 * 2**20  # bytes that a file elsewhere is read by
_NO_KEYS = "NoCredentialsError"  # botocore's, which is no PermissionError


class StorageError(InputError):
    """A file cannot be reached now, so that nothing is known of what it holds."""


class ForbiddenError(StorageError):
    """There is no permission to read a file, or to know whether it is there."""


class MissingFileError(InputError):
    """There is no such file."""


def read_file(url: str) -> bytes:
    """The bytes of a file.

    Raises:
        MissingFileError: if there is none.
        StorageError: if it cannot be reached.
    """
    return _retried(url, lambda system, path: system.cat_file(path))


def read_range(url: str, start: int, length: int) -> bytes:
    """`length` bytes of a file from byte `start`.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it ends before.
        StorageError: if it cannot be reached, or its server sends whole files only.
    """
    if not length:
        return b""
    content = _retried(url, lambda system, path: _range(system, path, start, start + length))
    if len(content) < length:
        raise InputError(f"{url} is cut short: it ends before byte {start + length}")
    if len(content) > length:
        raise StorageError(f"the server of {url} sends whole files only: use another, or download the file")
    return content


def size_of(url: str) -> int:
    """The bytes that a file has; errors as those of `read_file`."""
    return _retried(url, lambda system, path: system.size(path))


def download(url: str, path: Path) -> None:
    """Copy a file to this machine; errors as those of `read_file`."""
    _retried(url, lambda system, source: system.get_file(source, str(path)))


def open_file(url: str) -> BinaryIO:
    """A file to read and to seek in; errors as those of `read_range`, at any time."""
    if "://" not in url:
        return cast(BinaryIO, _retried(url, lambda system, path: system.open(path, "rb")))
    return cast(BinaryIO, io.BufferedReader(_RemoteFile(url), _BLOCK))


class _RemoteFile(io.RawIOBase):
    """A file elsewhere: every read is a request, tried again by itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.size = size_of(url)
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}
        self.position = origin[whence] + offset
        return self.position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  whatever has the protocol of a buffer
        length = max(0, min(len(buffer), self.size - self.position))
        buffer[:length] = read_range(self.url, self.position, length)
        self.position += length
        return length


def _retried(url: str, action: Callable[["AbstractFileSystem", str], Result]) -> Result:
    """What an action makes of a URL's file system and the path in it."""
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_WAIT * 2 ** (attempt - 1))
        try:
            return action(*locate(url))
        except InputError:
            raise
        except Exception as error:  # every protocol has errors of its own
            if isinstance(error, PermissionError) or type(error).__name__ == _NO_KEYS:
                raise ForbiddenError(f"there is no permission to read {url}: {error}") from error
            if isinstance(error, FileNotFoundError) and _is_really_missing(error):
                raise MissingFileError(f"there is no file {url}") from error
            failure = error
    reason = str(failure) or type(failure).__name__
    raise StorageError(f"cannot read {url}, {ATTEMPTS} times in a row: {reason}") from failure


def _range(system: "AbstractFileSystem", path: str, start: int, end: int) -> bytes:
    """The bytes of a range; fewer where the file ends before, however the protocol says so."""
    try:
        return system.cat_file(path, start=start, end=end)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception:
        if system.size(path) < end:
            return b""
        raise


def _is_really_missing(error: FileNotFoundError) -> bool:
    """Whether a file is missing: fsspec says so too of any request for a file's size that fails over http."""
    cause = error.__cause__
    if type(cause).__module__.partition(".")[0] != "aiohttp":
        return True
    return getattr(cause, "status", None) in (404, 410)
