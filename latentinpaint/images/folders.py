"""What a folder holds: every search for pictures, masks or results in a folder and its sub-folders is this one.

Linked folders are entered, and what they hold has the name of the link in its path; so a folder that two links lead
to is there twice, as a file is. A link to a folder that it lies in is not entered: all that it leads to is there
already. Hidden files and folders (leading dot) are passed over. Whatever else is left out is named, with the reason.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from latentinpaint.errors import InputError, listed
from latentinpaint.files import user_path
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX, READ_ONLY_SUFFIXES
from latentinpaint.runtime.addresses import address, is_address, list_addresses

PICTURE_SUFFIXES = frozenset([*FORMATS_BY_SUFFIX, *READ_ONLY_SUFFIXES])


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that cannot be used, and why: `reason` goes on from its path."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{address(self.path)} {self.reason}"


@dataclass
class FolderContents:
    """What lies below a folder, each in natural order (img2 before img10).

    Attributes:
        pictures: files with a suffix of `PICTURE_SUFFIXES`.
        other_files: files with another suffix.
        left_out: folders that cannot be read, links that lead nowhere, and pictures that are no regular files.
        loops: links to a folder that they lie in.
        linked_folders: where the links lead that were entered.
    """

    pictures: list[Path] = field(default_factory=list)
    other_files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    loops: list[Path] = field(default_factory=list)
    linked_folders: list[Path] = field(default_factory=list)


def read_folder(folder: str | Path) -> FolderContents:
    """Everything below a folder, which may be an address such as s3://bucket/photos.

    Raises:
        InputError: if `folder` is missing, is no folder or cannot be read.
    """
    contents = FolderContents()
    walk = _Walk(contents)
    if is_address(folder):
        for path in list_addresses(folder):
            walk.add_file(path)
    else:
        _enter(walk, user_path(folder))
    contents.pictures.sort(key=_natural_order)
    contents.other_files.sort(key=_natural_order)
    contents.left_out.sort(key=lambda left_out: _natural_order(left_out.path))
    contents.loops.sort(key=_natural_order)
    return contents


def _enter(walk: "_Walk", folder: Path) -> None:
    if not folder.exists():
        raise InputError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    try:
        walk.enter(folder, ())
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror or error}") from error


def list_pictures(folder: str | Path) -> list[Path]:
    """The `pictures` of `read_folder`, for whoever has no use for the rest. May be empty."""
    return read_folder(folder).pictures


def left_out_sentence(folder: str | Path, left_out: Sequence[LeftOut]) -> str | None:
    """One sentence on what of a folder is not used; None if nothing is left out."""
    if not left_out:
        return None
    return f"left out of {folder}: {listed(left_out, separator='; ')}"


def check_outside(output: str | Path, folder: str | Path, written: str) -> None:
    """Raise an `InputError` if what is written to `output` would be found in `folder`, or in a folder linked in it.

    Args:
        output: folder to write to, which need not be there.
        folder: of pictures.
        written: what messages call that which is written: "the masks".
    """
    target = user_path(output).resolve()
    found = f"{written} would be taken for pictures; put them elsewhere"
    if target.is_relative_to(user_path(folder).resolve()):
        raise InputError(f"{output} lies in {folder}: {found}")
    for linked in read_folder(folder).linked_folders:
        if target.is_relative_to(linked):
            raise InputError(f"{output} lies in {linked}, to which a link in {folder} leads: {found}")


class _Walk:
    """Collects what `FolderContents` holds, in the order of the file system."""

    def __init__(self, contents: FolderContents) -> None:
        self.contents = contents

    def enter(self, folder: Path, parents: tuple[tuple[int, int], ...]) -> None:
        """Collect from a folder; `parents` identify those on the way to it. Raises `OSError` if it cannot be read."""
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in parents:
            self.contents.loops.append(folder)
            return
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
        if parents and folder.is_symlink():
            self.contents.linked_folders.append(folder.resolve())
        for name in names:
            self._add(folder / name, (*parents, identity))

    def _add(self, path: Path, parents: tuple[tuple[int, int], ...]) -> None:
        try:
            if path.is_dir():
                self.enter(path, parents)
            elif path.is_file():
                self.add_file(path)
            else:
                self._leave_out_special(path)
        except OSError as error:
            self._leave_out(path, f"cannot be read: {error.strerror or error}")

    def add_file(self, path: Path) -> None:
        """Collect a file by its suffix."""
        if path.suffix.lower() in PICTURE_SUFFIXES:
            self.contents.pictures.append(path)
        else:
            self.contents.other_files.append(path)

    def _leave_out_special(self, path: Path) -> None:
        """A link to nothing or to itself; or a pipe, a socket, a device."""
        if path.is_symlink() and not path.exists():
            self._leave_out(path, "is a link that leads nowhere")
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            self._leave_out(path, "is not a regular file")

    def _leave_out(self, path: Path, reason: str) -> None:
        self.contents.left_out.append(LeftOut(path, reason))


def _natural_order(path: Path) -> tuple[list[list[str | int]], str]:
    """What paths are sorted by: numbers in names by their value, and the whole path where these are equal."""
    return [_split_numbers(part) for part in path.parts], str(path)


def _split_numbers(text: str) -> list[str | int]:
    """Text and numbers in turn, always starting with text, so that any two compare."""
    parts: list[str | int] = []
    for part in re.split(r"(\d+)", text):
        if part.isdecimal():
            parts.append(int(part))
        else:
            parts.append(part.casefold())
    return parts
