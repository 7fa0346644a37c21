"""Tar shards to train on: what is missing, damaged or not what their manifest says, and their pictures."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from latentinpaint.data.shard_index import Member, ShardIndex, expand_shards, find_index
from latentinpaint.data.shard_manifest import MANIFEST, ShardEntry, ShardManifest
from latentinpaint.data.shard_storage import (
    ForbiddenError,
    MissingFileError,
    StorageError,
    open_file,
    read_file,
    read_range,
)
from latentinpaint.doctor.findings import Finding, FindingCode, note, problem, warning
from latentinpaint.doctor.picture_stats import PictureStats, stats_of
from latentinpaint.doctor.reading import Progress, map_in_threads
from latentinpaint.errors import InputError, count_of
from latentinpaint.images.image_files import decode_picture

_BLOCK = 2**20  # bytes hashed at a time
_COPY_AGAIN = "copy it again"


@dataclass(frozen=True)
class _Shard:
    """A shard as it is: where, its index, its checksum."""

    url: str
    index: ShardIndex
    sha256: str


@dataclass(frozen=True)
class _ShardPicture:
    """A picture in a shard."""

    shard: str
    member: Member

    def __str__(self) -> str:
        return f"{PurePosixPath(self.shard).name}/{self.member.name}"


def read_shards(pattern: str, progress: Progress) -> tuple[list[Finding], list[PictureStats]]:
    """Read shards and their pictures: what is wrong with them, and the statistics of what can be read.

    Args:
        pattern: path or URL of the shards, see `data.shard_index.expand_shards`.
        progress: shows how far it is.

    Raises:
        StorageError: if they cannot be reached now.
    """
    findings: list[Finding] = []
    pictures: list[_ShardPicture] = []
    shards: list[_Shard] = []
    urls = expand_shards(pattern)
    with progress(f"checking {pattern}", len(urls)) as step:
        for result in map_in_threads(_read_shard, urls, step):
            if isinstance(result, Finding):
                findings.append(result)
                continue
            shards.append(result)
            pictures += [_ShardPicture(result.url, member) for member in result.index.members]
    findings += _check_shards(shards)
    findings += _check_manifests(shards)
    stats: list[PictureStats] = []
    with progress(f"examining {pattern}", len(pictures)) as step:
        for picture in map_in_threads(_read_stats, pictures, step):
            if isinstance(picture, Finding):
                findings.append(picture)
            else:
                stats.append(picture)
    return findings, stats


def _read_shard(url: str) -> _Shard | Finding:
    digest = hashlib.sha256()
    try:
        index = find_index(url)
        with open_file(url) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except MissingFileError:
        return problem(FindingCode.DAMAGED_SHARD, url, "it is missing", _COPY_AGAIN)
    return _Shard(url, index, digest.hexdigest())


def _read_stats(picture: _ShardPicture) -> PictureStats | Finding:
    name = str(picture)
    try:
        content = read_range(picture.shard, picture.member.start, picture.member.length)
        return stats_of(Path(name), decode_picture(content, name))
    except StorageError:
        raise
    except InputError as error:
        return problem(FindingCode.UNREADABLE, name, str(error), "nothing, if few are so: training leaves it out")


def _check_shards(shards: list[_Shard]) -> Iterator[Finding]:
    for shard in shards:
        if shard.index.damage is not None:
            seen = f"it {shard.index.damage}: {count_of(len(shard.index.members), 'picture', 'is/are')} used of it"
            yield problem(FindingCode.DAMAGED_SHARD, shard.url, seen, _COPY_AGAIN)
        elif shard.index.sha256 not in (None, shard.sha256):
            seen = "its checksum is not that of the index beside it: pictures are read from wrong places"
            yield problem(FindingCode.DAMAGED_SHARD, shard.url, seen, "copy both again, or delete the index")


def _check_manifests(shards: list[_Shard]) -> Iterator[Finding]:
    """Compare shards with the manifest of each folder that they lie in."""
    folders: dict[str, dict[str, _Shard]] = {}
    for shard in shards:
        folder, slash, name = shard.url.rpartition("/")
        folders.setdefault(folder + slash, {})[name] = shard
    for folder, there in folders.items():
        yield from _check_manifest(f"{folder}{MANIFEST}", there)


def _check_manifest(path: str, shards: dict[str, _Shard]) -> Iterator[Finding]:
    """Compare the shards of a folder, by their names, with its manifest."""
    try:
        text = read_file(path)
    except (MissingFileError, ForbiddenError):
        yield note(FindingCode.MANIFEST, path, "it is not there: what the shards should hold is not known")
        return
    try:
        entries = ShardManifest.from_json(text).shards
    except ValueError:
        yield problem(FindingCode.MANIFEST, path, "it cannot be read", _COPY_AGAIN)
        return
    agreeing = 0
    for entry in entries:
        shard = shards.get(entry.name)
        if shard is None:
            continue
        if _agrees(shard, entry):
            agreeing += 1
        else:
            seen = f"it is not the shard of {path}: its checksum or its number of pictures is another"
            yield problem(FindingCode.DAMAGED_SHARD, shard.url, seen, _COPY_AGAIN)
    yield note(FindingCode.MANIFEST, path, f"{agreeing} of its {len(entries)} shards are read and as it says")
    known = {entry.name for entry in entries}
    for name in sorted(shards.keys() - known):
        yield warning(FindingCode.MANIFEST, shards[name].url, f"{path} does not name it", "leave it out")


def _agrees(shard: _Shard, entry: ShardEntry) -> bool:
    return shard.sha256 == entry.sha256 and len(shard.index.members) == entry.pictures
