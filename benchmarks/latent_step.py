"""What a training step costs: the ablation's variants side by side, on the same pictures.

    python benchmarks/latent_step.py [--base-channels 8] [--batch 8] [--size 256] [--rounds 15] [--precision 32 bf16]

Pixel L1 with everything trained, pixel L1 with a frozen autoencoder and mask control, latent L1 with the first
convolution trained, latent L1 with a frozen autoencoder and mask control: one step of each in turn, so that whatever
else the machine does meets all alike; medians, and ratios to the first row, which is pixel L1 in the precision that
was named first. The variants are the recipes ablation, with an autoencoder of so many base channels and random
weights, for which the time is the same. Where nothing of the autoencoder is trained, it is a fused copy, as in
training; see docs/speed.md.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from latentinpaint.cli.dispatch import quieten
from latentinpaint.data.augmentation import random_crop
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.experiments.timing import latent_step, median_seconds
from latentinpaint.models import LamaAutoencoder
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.recipe_files import CONFIGS
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.weights import save_autoencoder

ABLATION = CONFIGS / "ablation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-channels", type=int, default=8, help="channels of the first stage")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures, pixels")
    parser.add_argument("--rounds", type=int, default=15, help="steps of each kind that are timed")
    parser.add_argument("--precision", nargs="+", default=["32"], choices=["32", "bf16"])
    parser.add_argument("--all", action="store_true", help="the delta variants and the flows too")
    options = parser.parse_args()
    quieten()
    crops = Crops(SamplePhotos(), random_crop(options.size, 1.25), mask_preset("training", options.size))
    rows = [crops[number] for number in range(options.batch)]
    batch = {
        "image": torch.stack([r["image"] for r in rows]).contiguous(memory_format=torch.channels_last),
        "mask": torch.stack([r["mask"] for r in rows]),
    }
    files = sorted(p for p in ABLATION.glob("*.yaml") if p.stem != "autoencoder")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "autoencoder.safetensors"
        save_autoencoder(LamaAutoencoder(options.base_channels), path)
        steps = {
            f"{file.stem} {precision}": latent_step(task(file, path), batch, precision)
            for precision in options.precision
            for file in (files if options.all else files_of_the_table(files))
        }
    medians = median_seconds(steps, options.rounds)
    first = next(iter(medians.values()))
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {options.batch} of {options.size}², "
        f"{options.base_channels} base channels"
    )
    for name, median in medians.items():
        print(f"{name:<28} {1000 * median:8.0f} ms a step   ratio {median / first:.2f}")


def files_of_the_table(files: list[Path]) -> list[Path]:
    """The four of the published table."""
    return [path for path in files if path.stem[0] in "1234" and not path.stem.endswith("delta")]


def task(config: Path, autoencoder: Path) -> LatentTask:
    """A variant as it is trained."""
    arguments = ["--config", str(config), "--autoencoder", str(autoencoder), "--data.root", "samples"]
    return TrainingCLI.build(LatentTask, arguments, "unused").model


if __name__ == "__main__":
    main()
