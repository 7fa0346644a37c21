"""What an answer of LaMa's generator costs: this package's fused copy and the plain network, side by side.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/generator_speed.py
        [--sizes 256 512] [--rounds 9] [--base-channels 64] [--blocks 9] [--precision float32 bfloat16]
        [--left-out] [--compile] [--model runs/latent_ffc]

The network is LaMa's ("lama-fourier": 64 base channels, 9 blocks, the mask as fourth channel) with one set of random
weights for all; `plain_lama.py` is what it is measured against. Every way answers once a round, in turn, so that
whatever else the machine does meets all alike; medians, and ratios to the plain network in the same run. The steps
of fusing are switched on one after the other, or with --left-out each alone is left out. Differences are those of
the whole pictures; memory is what the process holds at its peak beyond what it held before an answer.

After that, the decoder alone; a network of 8 base channels against OpenCV's Telea (radius 5) on a hole of a quarter
of a 512² picture; and with --model, how far bfloat16 is from float32 on photographs, in a trained model.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from plain_lama import PlainLama, copy_weights
from torch import Tensor, nn

from latentinpaint.data.augmentation import random_crop
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.evaluation.baselines import Telea
from latentinpaint.evaluation.profiling import profile
from latentinpaint.models import LamaAutoencoder
from latentinpaint.models.fast.fuse import PASSES, fuse
from latentinpaint.pipeline import InpaintPipeline, composite, mask_out
from latentinpaint.refiners import FFCRefiner
from latentinpaint.weights import load_pipeline

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}
WARM_UP = 2
Answer = Callable[[], Tensor]


@dataclass
class Measured:
    """Median seconds, megabytes at the peak, and the first answer."""

    seconds: float
    megabytes: float
    answer: Tensor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 512], help="sides of the pictures, pixels")
    parser.add_argument("--rounds", type=int, default=9, help="answers of each kind that are timed")
    parser.add_argument("--base-channels", type=int, default=64, help="LaMa's ngf")
    parser.add_argument("--blocks", type=int, default=9, help="residual blocks")
    parser.add_argument("--precision", nargs="*", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--left-out", action="store_true", help="leave each step out, instead of adding it")
    parser.add_argument("--compile", action="store_true", help="the fused copies compiled too (needs a compiler)")
    parser.add_argument("--only-steps", action="store_true", help="neither decoder nor Telea")
    parser.add_argument("--model", help="trained model whose bfloat16 is compared with its float32")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {processor()}")
    pipeline, plain = networks(options.base_channels, options.blocks)
    with torch.inference_mode():
        for size in options.sizes:
            print(f"\nGenerator, {options.base_channels} base channels, {options.blocks} blocks, {size}²")
            show(measure(generators(pipeline, plain, size, options), options.rounds))
            if not options.only_steps:
                print(f"\nIts decoder, {size}²")
                show(measure(decoders(pipeline, plain, size, options), options.rounds))
        if not options.only_steps:
            print("\nA quarter of 512² to be filled, by a network of 8 base channels, 9 blocks")
            show(measure(small_and_telea(options), options.rounds), differences=False)
        if options.model:
            rounding(options.model)


def networks(base_channels: int, blocks: int) -> tuple[InpaintPipeline, PlainLama]:
    """The same generator in both forms, its BatchNorms at what they see in noise, in evaluation mode."""
    torch.manual_seed(0)
    autoencoder = LamaAutoencoder(base_channels, mask_channel=True)
    pipeline = InpaintPipeline(autoencoder, FFCRefiner(autoencoder.latent_channels, blocks, ratio=0.75))
    autoencoder.thaw("all")
    for norm in (part for part in pipeline.modules() if isinstance(part, nn.BatchNorm2d)):
        norm.momentum = None
    pipeline.train()(*noise(64, rows=4))
    with torch.no_grad():  # so that the answers are pictures of some contrast
        autoencoder.decoder[-2].weight *= 3
    autoencoder.freeze()
    plain = copy_weights(PlainLama(base_channels, blocks), autoencoder, pipeline.refiner)
    return pipeline.eval(), plain.eval()


def noise(size: int, rows: int = 1) -> tuple[Tensor, Tensor]:
    """Pictures and their masks, a quarter of them hole."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(rows, 3, 16, 16, generator=generator)
    mask = torch.zeros(rows, 1, size, size)
    mask[..., size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1
    return nn.functional.interpolate(coarse, size, mode="bilinear"), mask


def generators(
    pipeline: InpaintPipeline, plain: PlainLama, size: int, options: argparse.Namespace
) -> dict[str, Answer]:
    """The plain network, the pipeline as it is trained, and fused copies."""
    image, mask = noise(size)

    def plainly() -> Tensor:
        return composite(image, plain(torch.cat([mask_out(image, mask), mask], dim=1)), mask)

    def answers(made: InpaintPipeline) -> Answer:
        return lambda: made(image, mask)

    ways = {"plain": plainly, "pipeline": answers(pipeline)}
    if "float32" in options.precision:
        names = list(PASSES)
        for index, name in enumerate(names):
            if options.left_out and name != "norms":  # the others build on it
                ways[f"float32 without {name}"] = answers(fuse(pipeline, passes=[n for n in names if n != name]))
            elif not options.left_out:
                ways[f"+ {name}"] = answers(fuse(pipeline, passes=names[: index + 1]))
        if options.left_out:
            ways["float32"] = answers(fuse(pipeline))
    if "bfloat16" in options.precision:
        ways["+ bfloat16" if not options.left_out else "bfloat16"] = answers(fuse(pipeline, torch.bfloat16))
    if options.compile:
        for name in options.precision:
            ways[f"{name}, compiled"] = answers(compiled(fuse(pipeline, PRECISIONS[name])))
    return ways


def compiled(pipeline: InpaintPipeline) -> InpaintPipeline:
    """Its blocks compiled: the rest works in tiles of rows, where there is nothing to merge."""
    pipeline.refiner.blocks = torch.compile(pipeline.refiner.blocks, dynamic=False)
    return pipeline


def decoders(
    pipeline: InpaintPipeline, plain: PlainLama, size: int, options: argparse.Namespace
) -> dict[str, Answer]:
    """Decoders on features as the encoder gives them."""
    image, mask = noise(size)
    features = pipeline.autoencoder.encode(mask_out(image, mask), None, mask).contiguous()

    def decodes(made: InpaintPipeline) -> Answer:
        return lambda: made.autoencoder.decode(features)

    ways: dict[str, Answer] = {"plain": lambda: plain.decode(features)}
    return ways | {name: decodes(fuse(pipeline, PRECISIONS[name])) for name in options.precision}


def small_and_telea(options: argparse.Namespace) -> dict[str, Answer]:
    """A photograph of 512² with a hole of a quarter of it."""
    image = Crops(SamplePhotos(), random_crop(512, 1.0), mask_preset("training", 512))[0]["image"][None]
    mask = noise(512)[1]
    pipeline, _ = networks(8, 9)
    made = {name: fuse(pipeline, PRECISIONS[name]) for name in options.precision}
    telea = Telea(radius=5)
    ways: dict[str, Answer] = {"Telea, radius 5": lambda: telea(image, mask)}
    return ways | {name: (lambda p=p: p(image, mask)) for name, p in made.items()}


def measure(ways: Mapping[str, Answer], rounds: int) -> dict[str, Measured]:
    """Every way once a round, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    first = {}
    for _ in range(rounds + WARM_UP):
        for name, answer in ways.items():
            started = time.perf_counter()
            given = answer()
            seconds[name].append(time.perf_counter() - started)
            first.setdefault(name, given)
    results = {}
    for name, answer in ways.items():
        with profile(torch.device("cpu")) as cost:
            answer()
        results[name] = Measured(statistics.median(seconds[name][WARM_UP:]), cost.megabytes, first[name])
    return results


def show(results: Mapping[str, Measured], differences: bool = True) -> None:
    reference = next(iter(results.values()))
    print(f"{'':<28}{'ms':>8}{'ratio':>8}{'MB':>8}" + (f"{'largest':>11}{'mean':>11}" if differences else ""))
    for name, result in results.items():
        line = f"{name:<28}{1000 * result.seconds:8.1f}{result.seconds / reference.seconds:8.2f}"
        line += f"{result.megabytes:8.0f}"
        if differences:
            apart = (result.answer - reference.answer).abs()
            line += f"{apart.max().item():11.1e}{apart.mean().item():11.1e}"
        print(line)


def rounding(model: str) -> None:
    """How far a trained model's bfloat16 answers are from its float32 ones, in the holes of sample photographs."""
    pipeline = load_pipeline(model)
    low, high = fuse(pipeline, torch.bfloat16), fuse(pipeline)
    crops = Crops(SamplePhotos(), random_crop(256, 1.25), mask_preset("training", 256))
    print(f"\n{model}: what bfloat16 changes inside the holes of 256² photographs")
    apart = []
    for number in range(8):
        image, mask = (crops[number][key][None] for key in ("image", "mask"))
        answers = [made.sample(image, mask, seeds=number)[:, 0] for made in (low, high)]
        apart.append((answers[0] - answers[1]).abs()[mask.expand_as(image) > 0])
    together = torch.cat(apart)
    print(f"mean {together.mean().item():.1e}, largest {together.max().item():.1e}")


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return "unknown processor"


if __name__ == "__main__":
    main()
