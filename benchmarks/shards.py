"""Training on tar shards beside training on the folder that they were made of: the same crops, the same weights.

An S3 server on this machine, with moto's (pip install 'moto[server]' s3fs):

moto_server -p 5555 &
export AWS_ENDPOINT_URL=http://127.0.0.1:5555 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
latentinpaint shard --images DIR --output shards --per-shard 250
python -c "import fsspec; s3 = fsspec.filesystem('s3'); s3.mkdir('photos'); s3.put('shards', 'photos', recursive=1)"
python benchmarks/shards.py --images DIR --shards 's3://photos/shards/{0000..0007}.tar' --output runs/shards
"""

import argparse
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import pytorch_lightning as pl

from latentinpaint.data.datamodule import InpaintingDataModule
from latentinpaint.data.photos import PhotoFolder
from latentinpaint.data.shard_photos import ShardOptions
from latentinpaint.training.callbacks import RunProgress
from latentinpaint.training.cli import pretrain_ae
from latentinpaint.training.recipe_files import CONFIGS


def crop_digests(root: str, count: int, workers: int, shards: ShardOptions | None = None) -> list[bytes]:
    """What `count` training crops of a root are, in their order; prints how long they took."""
    data = InpaintingDataModule(root, size=64, epoch_length=count, num_workers=workers, seed=1, shards=shards)
    data.setup("fit")
    digests = []
    start = time.perf_counter()
    for batch in data.train_dataloader():
        for image, mask in zip(batch["image"], batch["mask"], strict=True):
            digests.append(hashlib.sha256(image.numpy().tobytes() + mask.numpy().tobytes()).digest())
    seconds = time.perf_counter() - start
    print(f"{len(digests) / seconds:6.0f} crops a second with {workers} workers of {root}", flush=True)
    return digests


def train(root: str, folder: Path, steps: int, *options: str) -> bytes:
    """The weights' file of an autoencoder that was trained for some steps with one worker."""
    words = ["--config", str(CONFIGS / "smoke_pretrain_ae.yaml"), "--data.root", root, "--output", str(folder)]
    pretrain_ae([*words, "--data.num_workers", "1", "--trainer.max_steps", str(steps), *options])
    return (folder / "autoencoder.safetensors").read_bytes()


@contextmanager
def stopping_at(step: int) -> Iterator[None]:
    """Ctrl-C is pressed at this step of a run."""

    def press(callback: RunProgress, trainer: pl.Trainer, *rest: object) -> None:
        if trainer.global_step == step:
            raise KeyboardInterrupt

    with patch.object(RunProgress, "on_train_batch_start", press):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of photographs")
    parser.add_argument("--shards", required=True, help="path or URL of the shards made of it")
    parser.add_argument("--output", required=True, help="folder for the runs")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    output = Path(options.output)
    count = len(PhotoFolder(options.images))
    cache = ShardOptions(cache=str(output / "cache"))

    expected = crop_digests(options.images, count, workers=1)
    several = crop_digests(options.shards, count, options.workers)
    results = {
        "the same crops in the same order, one worker": crop_digests(options.shards, count, workers=1) == expected,
        "the same multiset of crops, several workers": Counter(several) == Counter(expected),
        "the same crops from a cache, one worker": crop_digests(options.shards, count, 1, cache) == expected,
    }
    weights = train(options.images, output / "folder", options.steps)
    results["the same weights"] = train(options.shards, output / "shards", options.steps) == weights
    with stopping_at(options.steps // 3), suppress(SystemExit):
        train(options.shards, output / "stopped", options.steps)
    resumed = train(options.shards, output / "stopped", options.steps, "--ckpt_path", "last")
    results["the same weights when stopped and resumed"] = resumed == weights
    for name, holds in results.items():
        print(f"{'yes' if holds else 'NO '}  {name}")


if __name__ == "__main__":
    main()
