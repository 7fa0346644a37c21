"""What a training step costs in latent space, against pixel space: the same network, batch and pictures.

    python benchmarks/latent_step.py [--base-channels 8] [--batch 8] [--size 256] [--repeats 15]

Three steps of the same encoder, mask control, nine Fourier blocks and decoder, run in turns so that whatever else
the machine does meets all alike; medians, and ratios to the first:

- pixel, all trained: encoder and decoder trained too, L1 on the decoded picture;
- pixel, frozen: encoder and decoder frozen, mask control and blocks trained by L1 on the decoded picture;
- latent, frozen: the same, trained by L1 on the latent; nothing is decoded, the truth is encoded instead.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.data.transforms import random_crop
from latentinpaint.models import LamaAutoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner


def steps(base_channels: int, image: torch.Tensor, mask: torch.Tensor) -> dict[str, Callable[[], None]]:
    """One training step of each kind, with its own copy of the network and its own Adam."""

    def build() -> InpaintPipeline:
        torch.manual_seed(0)
        autoencoder = LamaAutoencoder(base_channels)
        refiner = FFCRefiner(autoencoder.latent_channels)
        pipeline = InpaintPipeline(autoencoder, refiner, MaskControl(autoencoder)).train()
        return pipeline.to(memory_format=torch.channels_last)

    def pixel(pipeline: InpaintPipeline) -> torch.Tensor:
        latent = pipeline.refiner.refine(pipeline.condition(image, mask))
        return F.l1_loss(pipeline.autoencoder.decode(latent), image)

    def latent(pipeline: InpaintPipeline) -> torch.Tensor:
        return pipeline.loss(image, mask)["loss"]

    def stepper(loss: Callable[[InpaintPipeline], torch.Tensor], train_all: bool) -> Callable[[], None]:
        pipeline = build()
        if train_all:
            pipeline.autoencoder.frozen = False
            pipeline.autoencoder.requires_grad_(True).train()
        optimizer = torch.optim.Adam([p for p in pipeline.parameters() if p.requires_grad])

        def step() -> None:
            optimizer.zero_grad()
            loss(pipeline).backward()
            optimizer.step()

        return step

    return {
        "pixel, all trained": stepper(pixel, True),
        "pixel, frozen": stepper(pixel, False),
        "latent, frozen": stepper(latent, False),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-channels", type=int, default=8, help="channels of the first stage")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures, pixels")
    parser.add_argument("--repeats", type=int, default=15, help="steps of each kind that are timed")
    options = parser.parse_args()
    crops = Crops(SamplePhotos(), random_crop(options.size, 1.25), mask_preset("training", options.size))
    batch = [crops[number] for number in range(options.batch)]
    image = torch.stack([b["image"] for b in batch]).contiguous(memory_format=torch.channels_last)
    mask = torch.stack([b["mask"] for b in batch])
    runs = steps(options.base_channels, image, mask)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeats + 2):
        for name, step in runs.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(times[2:]) for name, times in seconds.items()}  # the first two warm up
    first = next(iter(medians.values()))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {options.batch} of {options.size}²")
    for name, median in medians.items():
        print(f"{name:<20} {1000 * median:8.0f} ms a step   ratio {median / first:.2f}")


if __name__ == "__main__":
    main()
