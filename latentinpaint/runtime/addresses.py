"""Files at addresses, such as s3://bucket/photos/a.png: listed, read, and written whole or not at all, by fsspec.

An address stands where a path of a file may: `pathlib.Path` makes one slash of its two, `address` puts the other
back, and between the two names are joined and compared as those of files are. fsspec reads file:// and https:// by
itself; s3:// takes the package s3fs, gs:// gcsfs, az:// adlfs.
"""

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.errors import InputError, MissingPackageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# At least two letters: one is a drive of Windows.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/")
# Stores where an object appears with its last byte. Elsewhere a file is written beside and renamed.
_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss", "memory"})


def is_address(path: str | Path) -> bool:
    """Whether a path is an address rather than one of a file system of this machine."""
    return _ADDRESS.match(str(path)) is not None


def address(path: str | Path) -> str:
    """An address with both its slashes; any other path as it is."""
    text = str(path)
    match = _ADDRESS.match(text)
    if match is None:
        return text
    rest = text[match.end() :].lstrip("/")
    if match[1] == "file":
        rest = f"/{rest}"
    return f"{match[1]}://{rest}"


def locate(url: str) -> "tuple[AbstractFileSystem, str]":
    """fsspec's file system of an address or a path, and the name that the file has there.

    Raises:
        MissingPackageError: if the package for its protocol is not installed.
        InputError: if there is no such protocol, or the address lacks a part.
    """
    try:
        import fsspec.core

        return fsspec.core.url_to_fs(url)
    except ImportError as error:  # "Install s3fs to access S3"
        reason = f"{error}; pip install 'latentinpaint[shards]' installs what http, https and s3 need"
        raise MissingPackageError(f"{url} cannot be reached: {reason}") from error
    except ValueError as error:  # "Protocol not known: s4"
        raise InputError(f"{url} cannot be reached: {error}") from error


def list_addresses(folder: str | Path) -> dict[Path, int]:
    """Every file below a folder at an address, and its bytes; hidden ones (leading dot) are passed over.

    A store answers with a thousand names a request. An empty or missing folder is an empty dictionary: a store does
    not tell them apart.

    Raises:
        InputError: if the address cannot be listed.
    """
    try:
        system, root = locate(address(folder))
        system.invalidate_cache()
        entries = system.find(root, detail=True)
    except FileNotFoundError:
        return {}
    except InputError:
        raise
    except Exception as error:  # every store has exceptions of its own
        raise InputError(f"cannot list {address(folder)}: {_reason(error)}") from error
    found: dict[Path, int] = {}
    for name, entry in entries.items():
        relative = name[len(root.rstrip("/")) :].strip("/")
        if not re.search(r"(^|/)\.", relative):
            found[Path(folder) / relative] = int(entry["size"] or 0)
    return found


def read_address(path: str | Path) -> bytes:
    """The bytes of a file at an address.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        system, name = locate(address(path))
        return system.cat_file(name)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no file {address(path)}") from error
    except Exception as error:
        raise InputError(f"cannot read {address(path)}: {_reason(error)}") from error


def write_address(path: str | Path, content: bytes) -> None:
    """Write a file at an address, whole or not at all; one that is there is replaced.

    Raises:
        InputError: if it cannot be written.
    """
    try:
        system, name = locate(address(path))
        if _ADDRESS.match(str(path))[1] in _STORES:  # type: ignore[index]  # it is an address
            system.pipe_file(name, content)
            return
        folder, _, own = name.rpartition("/")
        beside = f"{folder}/.{own[:20]}-{secrets.token_hex(8)}"
        system.makedirs(folder, exist_ok=True)
        system.pipe_file(beside, content)
        system.mv(beside, name)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot write {address(path)}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
