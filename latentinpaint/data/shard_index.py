"""Where the photographs of a tar shard lie, so that each is read by itself.

A shard is an uncompressed tar of the WebDataset layout, as img2dataset writes it; its photographs are the members
with a picture's suffix. They are found by the headers of the tar, or in the index beside it, ``0000.index.json``::

    {"shard": "0000.tar", "bytes": 52428800, "sha256": "…", "pictures": [["beach.jpg", 512, 43817], …]}

with the name, the first byte and the length of each in the order of the tar.
"""

import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from latentinpaint.data.shard_storage import ForbiddenError, MissingFileError, open_file, read_file, size_of
from latentinpaint.errors import InputError
from latentinpaint.files import write_text
from latentinpaint.images.folders import PICTURE_SUFFIXES

SUFFIX = ".tar"
INDEX_SUFFIX = ".index.json"
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_BLOCK = tarfile.BLOCKSIZE


class Member(NamedTuple):
    """A photograph of a shard: its name, its first byte and its length in bytes."""

    name: str
    start: int
    length: int


@dataclass(frozen=True)
class ShardIndex:
    """The photographs of a shard.

    Attributes:
        size: bytes of the shard.
        members: its photographs, in its order.
        sha256: of the shard in hexadecimal; None where only its headers have been read.
        damage: what is wrong with the shard, a sentence that goes on from its name; None is nothing.
    """

    size: int
    members: list[Member]
    sha256: str | None = None
    damage: str | None = None

    def as_json(self, shard: str) -> str:
        """The text of the file of an index; `shard` is the name of the tar."""
        content = {"shard": shard, "bytes": self.size, "sha256": self.sha256, "pictures": self.members}
        return json.dumps(content, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "ShardIndex":
        """The index that `as_json` wrote; raises `ValueError` for anything else."""
        try:
            content = json.loads(text)
            members = [Member(str(name), int(start), int(length)) for name, start, length in content["pictures"]]
            return cls(int(content["bytes"]), members, content["sha256"])
        except (KeyError, TypeError) as error:
            raise ValueError("no index of a shard") from error


def is_sharded(root: str | Path) -> bool:
    """Whether a root of photographs is tar shards, and not a folder."""
    if "://" in str(root):
        return True
    return str(root).endswith(SUFFIX) and not Path(root).is_dir()


def expand_shards(pattern: str) -> list[str]:
    """The shards that a pattern stands for: every ``{0000..0099}`` is the numbers in between, both ends included.

    Raises:
        InputError: if a shard is no ``.tar``, or a range runs backwards.
    """
    if not pattern.endswith(SUFFIX):
        raise InputError(f"{pattern} names no shards: give uncompressed tar files, such as shards/{{0000..0099}}.tar")
    match = _RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last = match.groups()
    numbers = range(int(first), int(last) + 1)
    if not numbers:
        raise InputError(f"{match[0]} in {pattern} runs backwards")
    found = []
    for number in numbers:
        found += expand_shards(f"{pattern[: match.start()]}{number:0{len(first)}d}{pattern[match.end() :]}")
    return found


def index_path(shard: str) -> str:
    """Path or URL of the index that lies beside a shard."""
    return shard.removesuffix(SUFFIX) + INDEX_SUFFIX


def find_index(shard: str, kept: Path | None = None) -> ShardIndex:
    """The index of a shard: the one beside it, else by its headers, for which all of a shard elsewhere is read.

    Args:
        shard: path or URL of the tar.
        kept: file on this machine in which an index by headers is kept for the next time.

    Raises:
        MissingFileError: if there is no such shard.
        StorageError: if it cannot be reached.
    """
    index = _written_index(index_path(shard))
    if index is not None:
        return index
    if kept is None:
        return read_headers(shard)
    index = _written_index(str(kept))
    if index is None or index.size != size_of(shard):
        index = read_headers(shard)
        if index.damage is None:
            write_text(kept, index.as_json(shard))
    return index


def read_headers(shard: str) -> ShardIndex:
    """The index of a tar by its headers.

    Of a damaged one what lies before the damage is there; `damage` says so.

    Raises:
        MissingFileError, StorageError: as `find_index`.
    """
    members: list[Member] = []
    damage = None
    with open_file(shard) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for item in archive:
                    is_whole = item.offset_data + item.size <= size
                    if item.isreg() and item.sparse is None and is_whole and is_photograph(item.name):
                        members.append(Member(item.name, item.offset_data, item.size))
                end = archive.offset
            # A header that is damaged ends a tar without an error; a whole tar ends with blocks of zeros.
            file.seek(end)
            if file.read(_BLOCK) != bytes(_BLOCK):
                damage = "is damaged or cut short"
        except tarfile.TarError:
            damage = "is damaged or cut short" if members else "is no uncompressed tar file"
    return ShardIndex(size, members, damage=damage)


def is_photograph(member: str) -> bool:
    """Whether a member of a tar is a photograph, by its name; those of hidden files and folders are none."""
    path = PurePosixPath(member)
    for part in path.parts:
        if part.startswith("."):
            return False
    return path.suffix.lower() in PICTURE_SUFFIXES


def _written_index(path: str) -> ShardIndex | None:
    """The index that a file holds; None if there is none, or one of another program."""
    try:
        text = read_file(path)
    except (MissingFileError, ForbiddenError):  # an object store may hide from strangers what is not there
        return None
    try:
        return ShardIndex.from_json(text)
    except ValueError:
        return None
