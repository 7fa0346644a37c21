"""What LaMa's losses cost: one training step with each set of them, side by side on the same pictures.

    python benchmarks/adversarial_step.py [--base-channels 16] [--size 128] [--batch 8] [--precision bf16]

LaMa (everything trained, mask as a channel) by absolute error alone and with its losses; this package's framework
(frozen autoencoder, mask control) with LaMa's losses, with the latent loss beside them, and with the discriminator on
latents. One step of each in turn, so that whatever else the machine does meets all alike; medians, and ratios to the
step before. The perceptual loss is left out: it costs the same everywhere. Weights are random; the time is the same.
"""

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from latentinpaint.cli.dispatch import quieten
from latentinpaint.data.augmentation import random_crop
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.experiments.timing import adversarial_step, median_seconds
from latentinpaint.models import LamaAutoencoder
from latentinpaint.refiners import FFCRefiner
from latentinpaint.training.losses.adversarial import LossWeights
from latentinpaint.training.tasks.adversarial_task import AdversarialTask
from latentinpaint.weights import save_autoencoder

LAMA = {"mask": "alpha", "trained": "all"}
FRAMEWORK = {"mask": "control", "trained": "nothing"}
LOSSES = LossWeights(perceptual=0)
KINDS = {
    "lama, absolute error": {**LAMA, "weights": replace(LOSSES, missing=10, adversarial=0, feature_matching=0)},
    "lama, its losses": {**LAMA, "weights": LOSSES},
    "framework, lama's losses": {**FRAMEWORK, "weights": LOSSES},
    "framework, latent loss too": {**FRAMEWORK, "weights": replace(LOSSES, latent=10)},
    "framework, judged on latents": {**FRAMEWORK, "weights": replace(LOSSES, latent=10), "space": "latent"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-channels", type=int, default=16, help="channels of the first stage")
    parser.add_argument("--discriminator-width", type=int, default=32, help="channels of its first layer")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures, pixels")
    parser.add_argument("--rounds", type=int, default=15, help="steps of each kind that are timed")
    parser.add_argument("--precision", default="bf16", choices=["32", "bf16"])
    options = parser.parse_args()
    quieten()
    crops = Crops(SamplePhotos(), random_crop(options.size, 1.25), mask_preset("training", options.size))
    rows = [crops[number] for number in range(options.batch)]
    last = torch.channels_last
    batch = {key: torch.stack([row[key] for row in rows]).contiguous(memory_format=last) for key in ("image", "mask")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "autoencoder.safetensors"
        save_autoencoder(LamaAutoencoder(options.base_channels), path)
        tasks = {name: task(path, options, **kind) for name, kind in KINDS.items()}
    steps = {name: adversarial_step(made, batch, options.precision) for name, made in tasks.items()}
    medians = median_seconds(steps, options.rounds)
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.precision}, "
        f"batch {options.batch} of {options.size}², {options.base_channels} base channels"
    )
    before = None
    for name, median in medians.items():
        print(f"{name:<30} {1000 * median:7.0f} ms a step" + (f"   {median / before:.2f}" if before else ""))
        before = median


def task(autoencoder: Path, options: argparse.Namespace, **kind: object) -> AdversarialTask:
    """A kind of training as the recipes have it, nine blocks of the latent's channels."""
    framework = kind["mask"] == "control"
    width = 8 * options.base_channels if framework else None
    refiner = partial(FFCRefiner, blocks=9, width=width, delta=framework)
    layers = 2 if kind.get("space") == "latent" else 4
    return AdversarialTask(
        refiner,
        str(autoencoder),
        discriminator_width=options.discriminator_width,
        discriminator_layers=layers,
        **kind,
    )


if __name__ == "__main__":
    main()
