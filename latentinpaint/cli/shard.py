"""`shard`: a folder of pictures as tar shards."""

from pathlib import Path

from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError, check_at_least, count_of


def command(images: str, output: str, per_shard: int = 1000) -> None:
    """Write the pictures of a folder as tar shards of the WebDataset layout, to train on from any machine.

    The files go into the tars as they are, beside each its index; manifest.json has the checksums, by which `doctor
    --data` sees that nothing was changed. Stopped, the same command goes on where it was. Copy all of the folder to
    where it is to be read from, an object store for example.

    Args:
        images: folder of pictures, with sub-folders.
        output: folder for the shards.
        per_shard: pictures a shard.
    """
    from latentinpaint.data.shard_manifest import MANIFEST
    from latentinpaint.data.shard_writing import pattern_of, write_shards

    check_at_least("--per-shard", per_shard, 1)
    if "://" in output:
        raise InputError("--output is a folder of this machine: write the shards there, then copy them")
    manifest = write_shards(images, output, per_shard, progress_bar)
    names = [entry.name for entry in manifest.shards]
    print(
        f"{count_of(manifest.pictures, 'picture')} in {count_of(len(names), 'shard')}; {MANIFEST} has their checksums"
    )
    print(f"train on them with --data.root '{Path(output) / pattern_of(names)}'")
