"""Photographs from folders and zip files, gathered below one folder to train on."""

import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from latentinpaint.errors import InputError
from latentinpaint.files import sha256_of, user_path
from latentinpaint.images.folders import PICTURE_SUFFIXES, read_folder


@dataclass(frozen=True)
class PhotoArchive:
    """A source of photographs: its name, how many there are, and a checksum of what it holds."""

    name: str
    photographs: int
    sha256: str


def gather_photographs(sources: Sequence[str | Path], folder: Path) -> list[PhotoArchive]:
    """Make photographs available below a folder: zip files are unpacked, folders linked; what is there already stays.

    Args:
        sources: folders and zip files.
        folder: gets a sub-folder for each source, with its name.

    Returns:
        What each source holds. The checksum of a zip file is that of the file, that of a folder goes over the names
        and sizes of its photographs.

    Raises:
        InputError: if a source is missing or damaged, holds no photograph, or two have the same name.
    """
    if not sources:
        raise InputError("name at least one folder or zip file of photographs")
    archives: list[PhotoArchive] = []
    for path in map(user_path, sources):
        name = path.resolve().name.removesuffix(".zip")
        if any(archive.name == name for archive in archives):
            raise InputError(f"two sources of photographs are called {name}: rename one")
        target = folder / name
        if path.is_dir():
            _link(path, target)
            checksum = _folder_checksum(path)
        else:
            _unpack(path, target)
            checksum = sha256_of(path)
        archives.append(PhotoArchive(name, len(read_folder(target).pictures), checksum))
    return archives


def _link(source: Path, target: Path) -> None:
    if not read_folder(source).pictures:
        raise InputError(f"the folder {source} holds no picture to train on")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.resolve(), target_is_directory=True)


def _unpack(source: Path, target: Path) -> None:
    """Whole or not at all: it is unpacked beside and renamed."""
    if not source.exists():
        raise InputError(f"there is no folder or zip file {source}")
    if target.exists():
        return
    try:
        with zipfile.ZipFile(source) as archive:
            members = list(filter(_is_picture, archive.namelist()))
            if not members:
                raise InputError(f"{source} holds no picture to train on")
            partial = target.with_name(f".{target.name}")
            shutil.rmtree(partial, ignore_errors=True)  # what a run that was stopped has left
            for member in members:
                archive.extract(member, partial)
            partial.replace(target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise InputError(f"{source} is not a whole zip file") from error
    except OSError as error:
        raise InputError(f"cannot unpack {source} into {target}: {error.strerror or error}") from error


def _is_picture(member: str) -> bool:
    path = PurePosixPath(member)
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def _folder_checksum(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in read_folder(folder).pictures:
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
    return digest.hexdigest()
