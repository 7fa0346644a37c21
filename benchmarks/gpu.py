"""What a GPU is worth here: training steps and fills, with what holds them up; in a few minutes on a bare machine.

    python -m pytest -m gpu && python benchmarks/gpu.py

Training: steps a second of the default's refiners and of a flow on it, in float32 and bfloat16, as Lightning would
autocast them, without reading photographs; the share of the time in which the GPU computes, and the number of kernels
that a step launches: where the share is small, launching them is what takes the time. Compiled: the refiner alone by
`torch.compile`. Fills: the default model's seconds a picture on GPU and processor, with and without texture, by
sides, and memory at its peak.

`--device cpu` rehearses the script; `--brief` makes everything small.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch.profiler import ProfilerActivity, profile

from latentinpaint import Inpainter
from latentinpaint.cli.dispatch import quieten
from latentinpaint.data.augmentation import random_crop
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.evaluation.profiling import profile as measure
from latentinpaint.experiments.timing import latent_step
from latentinpaint.training.cli import TrainingCLI
from latentinpaint.training.tasks.latent_task import LatentTask

FFC = ["--refiner", "ffc", "--model.refiner.init_args.delta", "true", "--model.refiner.init_args.width", "128"]
REFINERS = {
    "ffc, 8 blocks": [*FFC, "--model.refiner.init_args.blocks", "8"],
    "ffc, 16 blocks": [*FFC, "--model.refiner.init_args.blocks", "16"],
    "flow": ["--refiner", "flow", "--model.refiner.init_args.width", "96"],
}


@dataclass
class Settings:
    """What is measured."""

    device: torch.device
    size: int
    batches: list[int]
    steps: int
    sides: list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--brief", action="store_true")
    options = parser.parse_args()
    quieten()
    settings = Settings(torch.device(options.device), 256, [8, 32, 128], 20, [256, 512, 2048])
    if options.brief:
        settings = Settings(torch.device(options.device), 32, [2], 2, [64])
    if settings.device.type == "cuda":
        print(torch.cuda.get_device_name(), "torch", torch.__version__)
    training(settings)
    compiled(settings)
    fills(settings)


def training(settings: Settings) -> None:
    """A row for every refiner, precision and batch."""
    print(f"\ntraining on crops of {settings.size}²")
    print("| refiner | precision | batch | steps a second | pictures a second | GPU busy | kernels | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, words in REFINERS.items():
        for precision in ("32-true", "bf16-mixed"):
            for batch in settings.batches:
                step = latent_step(task(words, settings), crops(batch, settings), precision)
                seconds = _seconds(step, settings)
                with measure(settings.device) as usage:
                    step()
                busy, kernels = _kernels(step, settings)
                print(
                    f"| {name} | {precision} | {batch} | {1 / seconds:.1f} | {batch / seconds:.0f} | "
                    f"{busy / seconds:.0%} | {kernels} | {usage.megabytes:.0f} |",
                    flush=True,
                )


def compiled(settings: Settings) -> None:
    """The refiner of 16 blocks, forward and backward, as it is and by torch.compile."""
    batch = settings.batches[-1]
    refiner = task(REFINERS["ffc, 16 blocks"], settings).pipeline.refiner.to(settings.device).train()
    side = settings.size // 8
    latent = torch.randn(batch, refiner.channels, side, side, device=settings.device)

    def step_with(network: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], None]:
        def step() -> None:
            with torch.autocast(settings.device.type, torch.bfloat16):
                loss = network(latent).square().mean()
            loss.backward()

        return step

    plain = _seconds(step_with(lambda x: refiner.blocks(refiner.enter(x))), settings)
    print(f"\n16 blocks, batch {batch}, bfloat16: {1000 * plain:.1f} ms", end="", flush=True)
    network = torch.compile(torch.nn.Sequential(refiner.enter, refiner.blocks))
    print(f", compiled {1000 * _seconds(step_with(network), settings):.1f} ms")


def fills(settings: Settings) -> None:
    """A row for every size: a hole of a third of the side."""
    print("\n| side | texture | device | seconds | peak MB |")
    print("|---|---|---|---|---|")
    for side in settings.sides:
        picture = Image.fromarray(data.astronaut()).resize((side, side), Image.Resampling.LANCZOS)
        mask = np.zeros((side, side), bool)
        mask[side // 3 : 2 * side // 3, side // 3 : 2 * side // 3] = True
        for device in dict.fromkeys((settings.device.type, "cpu")):
            inpainter = Inpainter.from_pretrained("default", device=device)
            for texture in (False, True):
                inpainter(picture, mask, texture=texture)
                with measure(torch.device(device)) as usage:
                    inpainter(picture, mask, texture=texture)
                print(f"| {side} | {texture} | {device} | {usage.seconds:.3f} | {usage.megabytes:.0f} |", flush=True)


def task(words: list[str], settings: Settings) -> LatentTask:
    """A refiner on the default's autoencoder."""
    built = TrainingCLI.build(LatentTask, ["--autoencoder", "default", "--data.root", "samples", *words], "unused")
    return built.model.to(settings.device)


def crops(count: int, settings: Settings) -> dict[str, torch.Tensor]:
    """A batch on the device."""
    found = Crops(SamplePhotos(), random_crop(settings.size, 1.25), mask_preset("training", settings.size))
    rows = [found[number] for number in range(count)]
    batch = {}
    for name in ("image", "mask"):
        stacked = torch.stack([row[name] for row in rows]).to(settings.device)
        batch[name] = stacked.contiguous(memory_format=torch.channels_last)
    return batch


def _seconds(step: Callable[[], None], settings: Settings) -> float:
    """The mean seconds of a step after a warm-up."""
    for _ in range(3):
        step()
    _wait(settings)
    started = time.perf_counter()
    for _ in range(settings.steps):
        step()
    _wait(settings)
    return (time.perf_counter() - started) / settings.steps


def _kernels(step: Callable[[], None], settings: Settings) -> tuple[float, int]:
    """Seconds that the GPU computes in a step, and the kernels of it; nothing on a processor."""
    if settings.device.type != "cuda":
        return 0.0, 0
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        step()
        _wait(settings)
    events = recorded.key_averages()
    return sum(event.self_device_time_total for event in events) / 1e6, sum(event.count for event in events)


def _wait(settings: Settings) -> None:
    if settings.device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
