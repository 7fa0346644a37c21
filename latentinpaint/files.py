"""The one place through which files are written: beside first, checked, then renamed. And their checksums.

A full disk, a quota or a drive of a network may lose bytes late or without a word, and encoders of libraries that
write files by themselves swallow errors. So files are made in memory, and what arrived on the disk is compared with
that before it takes its name: a file of a final name is whole.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from latentinpaint.errors import InputError, shown

_PART = 2**20  # bytes read at a time
_STEM = 20  # characters of a name that its temporary name begins with: a name may be as long as there can be
_SUFFIX = 10  # characters: a longer suffix names no format
_AGAIN = "copy or download it again"
# How files begin that people take for weights, and what to do.
_MISTAKEN = (
    (
        b"version https://git-lfs.github.com",
        "it is Git LFS's pointer to a file: fetch the file itself with git lfs pull",
    ),
    (b"<", "it is a web page: download the file itself"),
)
# What file systems answer that cannot or need not be told to write at once.
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


def user_path(path: str | Path) -> Path:
    """The path, with a home folder in place of a leading ~ or ~user."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"a path is a text or a pathlib.Path, not {shown(path)}")
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError:  # no such user
        return path


def expand_home(word: str) -> str:
    """A word of a command line with every ~ or ~user that begins a path in it as a home folder.

    A shell does so only where a word begins, not in --output=~/a.png or title=~/model.
    """
    return re.sub(r"(?:^|(?<=[=,]))~[^/=,]*", lambda match: os.path.expanduser(match[0]), word)


def expand_home_in(settings: Any) -> Any:  # noqa: ANN401  a mapping, or a parser's namespace
    """Expand the texts of a configuration that begin with ~, in place; returns it."""
    for key, value in list(settings.items()):
        if isinstance(value, str) and value.startswith("~"):
            settings[key] = str(user_path(value))
    return settings


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all: what arrived is read back and compared.

    Raises:
        InputError: as `write_beside`, and if other bytes arrived.
    """
    with write_beside(path) as temporary:
        temporary.write_bytes(content)
        _sync(temporary)
        if not _holds(temporary, content):
            raise InputError(f"cannot write {path}: the disk did not keep what was written; is it full, or damaged?")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8; errors as those of `write_bytes`.

    Undecodable bytes of file names are written as escapes, such as ``\\udcff``, which JSON takes for what they were.
    """
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


@contextmanager
def write_beside(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; rename it to `path` if the block succeeds, else remove it.

    For writers that need a path and notice every error; `write_bytes` is for all others. The temporary name keeps the
    suffix of `path`, because many writers choose their format by it. Missing parent folders are made.

    Raises:
        InputError: if the folder cannot be made or written to, or `path` is there and no regular file.
    """
    path = user_path(path)
    _check_target(path)
    temporary = path.with_name(f".{path.stem[:_STEM]}{_mark(path)}{secrets.token_hex(4)}{_short_suffix(path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {_system_error(error)}") from error
    finally:
        with suppress(OSError):  # its folder may be gone
            temporary.unlink(missing_ok=True)


def temporary_files(path: Path, since: float) -> Iterator[Path]:
    """What killed writers of `path` have left in its folder; nothing older than `since`, a time in seconds."""
    mark = _mark(path)
    try:
        neighbours = list(path.parent.iterdir())
    except OSError:
        return
    for neighbour in neighbours:
        if not neighbour.name.startswith(".") or mark not in neighbour.name:
            continue
        with suppress(OSError):  # it has just been removed
            if neighbour.stat().st_mtime >= since:
                yield neighbour


def check_writable(path: str | Path, name: str = "") -> None:
    """Raise an `InputError` if it is plain beforehand that no file can be written at `path`; nothing is made.

    Args:
        path: of a file that is to be written.
        name: how the message calls it, by default its path.
    """
    path = user_path(path)
    name = name or str(path)
    _check_target(path)
    check_name(path, name)
    existing = _existing_parent(path)
    if not existing.is_dir():
        raise InputError(f"cannot write {name}: {existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {name}: no permission for {existing}")


def check_name(path: Path, name: str = "") -> None:
    """Raise an `InputError` if a name on the path is one that the file system does not take, such as one too long."""
    existing = _existing_parent(path)
    for part in path.absolute().parts[len(existing.parts) :]:
        try:
            (existing / part).lstat()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except OSError as error:
            raise InputError(f"cannot write {name or path}: {_system_error(error)}") from error


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal; the file is read in parts.

    Raises:
        InputError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(_PART):
                digest.update(block)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return digest.hexdigest()


def mistaken_weights(path: str | Path) -> str:
    """What a file that cannot be read as weights is instead, and what to do, to be added to a sentence.

    Returns:
        ", it is empty: copy or download it again" and the like; "" where the beginning of the file does not tell.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except OSError:
        return ""
    if not start:
        return f", it is empty: {_AGAIN}"
    for beginning, advice in _MISTAKEN:
        if start.lstrip().startswith(beginning):
            return f", {advice}"
    is_safetensors = start[8:9] == b"{"  # after the header's length
    is_cut_zip = start.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path)
    if is_safetensors or is_cut_zip:
        return f", it is cut short or damaged: {_AGAIN}"
    return ""


def _check_target(path: Path) -> None:
    """Raise an `InputError` for what is there and must not be replaced by a file: a folder, a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # nothing is there, or writing says what is wrong
        return
    if stat.S_ISDIR(mode):
        raise InputError(f"cannot write {path}: it is a folder, give a file name")
    if not stat.S_ISREG(mode):
        raise InputError(f"cannot write {path}: it is no regular file")


def _mark(path: Path) -> str:
    """What all temporary names of a path have in common, and those of no other path in its folder."""
    return f"-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:10]}-"


def _short_suffix(path: Path) -> str:
    return path.suffix if len(path.suffix) <= _SUFFIX else ""


def _sync(path: Path) -> None:
    """Have the system write a file to the disk, and say now what goes wrong there."""
    with path.open("rb+") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has exactly these bytes."""
    if path.stat().st_size != len(content):
        return False
    wanted = memoryview(content)
    start = 0
    with path.open("rb") as file:
        while block := file.read(_PART):
            if block != wanted[start : start + len(block)]:
                return False
            start += len(block)
    return start == len(content)


def _existing_parent(path: Path) -> Path:
    """The first folder above a path that is there."""
    for parent in path.absolute().parents:
        with suppress(OSError):  # its name is too long
            if parent.exists():
                return parent
    return Path(path.absolute().anchor)


def _system_error(error: OSError) -> str:
    if error.errno == errno.ENAMETOOLONG:
        return "its name is longer than the file system takes, give a shorter one"
    return error.strerror or str(error)
