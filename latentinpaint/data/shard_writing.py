"""A folder of pictures as tar shards with their indices and a manifest.

The pictures' files go into the tars byte for byte, in the order of the folder, without times and owners: equal
folders make equal shards. A shard is written beside, read back, and renamed when its index is there: a tar that is
there is whole and has its index.
"""

import io
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from latentinpaint.data.photos import PhotoFolder
from latentinpaint.data.shard_index import SUFFIX, ShardIndex, index_path, read_headers
from latentinpaint.data.shard_manifest import MANIFEST, ShardEntry, ShardManifest
from latentinpaint.errors import InputError, check_at_least
from latentinpaint.files import sha256_of, temporary_files, user_path, write_beside, write_text

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], object]]]

_DIGITS = 4  # of a shard's number, at least


@dataclass(frozen=True)
class _Shard:
    """A shard that is wanted: its tar, its index, and by their names in it the pictures' files."""

    path: Path
    index: Path
    pictures: dict[str, Path]


def write_shards(images: str | Path, output: str | Path, per_shard: int, progress: Progress) -> ShardManifest:
    """Write the pictures of a folder and its sub-folders as shards; those that are there already stay.

    Args:
        images: the folder.
        output: folder for the shards.
        per_shard: pictures a shard.
        progress: shows how far it is: called with a title and the number of shards.

    Raises:
        InputError: if there is no picture, one cannot be read, or `output` holds shards of other pictures.
    """
    check_at_least("per_shard", per_shard, 1)
    folder = user_path(output)
    wanted = _plan(PhotoFolder(images), folder, per_shard)
    present = _present(folder, wanted)
    entries = []
    with progress("writing", len(wanted)) as step:
        for shard in wanted:
            index = present.get(shard.path) or _write(shard)
            entries.append(ShardEntry(shard.path.name, index.size, str(index.sha256), len(index.members)))
            step(shard.path.name)
    manifest = ShardManifest(entries)
    write_text(folder / MANIFEST, manifest.as_json())
    return manifest


def shard_names(count: int) -> list[str]:
    """The names of so many shards: 0000.tar, 0001.tar, …"""
    digits = max(_DIGITS, len(str(count - 1)))
    return [f"{number:0{digits}d}{SUFFIX}" for number in range(count)]


def pattern_of(names: list[str]) -> str:
    """The pattern that stands for the shards of `shard_names`, such as {0000..0099}.tar."""
    if len(names) == 1:
        return names[0]
    return f"{{{names[0].removesuffix(SUFFIX)}..{names[-1].removesuffix(SUFFIX)}}}{SUFFIX}"


def _plan(photos: PhotoFolder, folder: Path, per_shard: int) -> list[_Shard]:
    firsts = range(0, len(photos), per_shard)
    wanted = []
    for name, first in zip(shard_names(len(firsts)), firsts, strict=True):
        pictures = {}
        for path in photos.paths[first : first + per_shard]:
            pictures[path.relative_to(photos.root).as_posix()] = path
        wanted.append(_Shard(folder / name, Path(index_path(str(folder / name))), pictures))
    return wanted


def _present(folder: Path, wanted: list[_Shard]) -> dict[Path, ShardIndex]:
    """The indices of the shards that are there already; raises `InputError` for any other tar file."""
    present = {}
    for shard in wanted:
        index = _matching_index(shard)
        if index is not None:
            present[shard.path] = index
    others = set(folder.glob(f"[!.]*{SUFFIX}")) - present.keys()
    if others:
        raise InputError(
            f"{min(others)} holds other pictures than the folder does now: give another folder, or delete it"
        )
    return present


def _matching_index(shard: _Shard) -> ShardIndex | None:
    """The index of a shard that is there, if it holds the pictures that are wanted as they are now."""
    try:
        index = ShardIndex.from_json(shard.index.read_bytes())
        status = shard.path.stat()
        if index.size != status.st_size or not _holds(index, shard):
            return None
        for path in shard.pictures.values():
            if path.stat().st_mtime > status.st_mtime:
                return None
    except (OSError, ValueError):
        return None
    return index


def _holds(index: ShardIndex, shard: _Shard) -> bool:
    """Whether an index is that of the wanted pictures, by their names and lengths."""
    if len(index.members) != len(shard.pictures):
        return False
    for member, (name, path) in zip(index.members, shard.pictures.items(), strict=True):
        if (member.name, member.length) != (name, path.stat().st_size):
            return False
    return True


def _write(shard: _Shard) -> ShardIndex:
    for left in temporary_files(shard.path, since=0):  # by a run that was killed
        left.unlink(missing_ok=True)
    with write_beside(shard.path) as temporary:
        with tarfile.open(temporary, "w") as archive:
            for name, path in shard.pictures.items():
                _add(archive, name, path)
        index = replace(read_headers(str(temporary)), sha256=sha256_of(temporary))
        if not _holds(index, shard):
            raise InputError(f"cannot write {shard.path}: the disk did not keep what was written; is it full?")
        write_text(shard.index, index.as_json(shard.path.name))
    return index


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    header = tarfile.TarInfo(name)
    header.size = len(content)
    archive.addfile(header, io.BytesIO(content))
