"""How well a multichannel flow restores pictures, beside linear and classical deconvolution, on equal observations.

    latentinpaint train_flow --config denoise_photos --data.target TRAIN
    python benchmarks/deconvolution.py --model runs/denoise_photos --train TRAIN --test TEST --lpips WEIGHTS

TRAIN and TEST are folders, sheets or collections, of the flow's size. Rows, for each corruption:

- observed, as it is;
- Wiener (spectrum): Wiener's filter with the mean and the colours' spectrum of TRAIN, the best that is linear;
- Wiener (Laplacian): scikit-image's, colour by colour, whose regularisation is chosen on pictures of TRAIN;
- Richardson-Lucy: scikit-image's, on a periodic continuation, its number of iterations chosen on pictures of TRAIN;
  for corruptions with a kernel that is not negative;
- the flow with one step, the expected picture, and with more steps, samples.

Corruptions are periodic, and pictures in [-1, 1] when they are corrupted; everything is clipped to [0, 1] and
measured there, as a mean over pictures with its standard error: PSNR (dB), SSIM, and LPIPS(squeeze) where its weights
are given.
"""

import argparse
import re
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage import restoration
from torch import Tensor

from latentinpaint.data.distributions import Pictures, from_range, open_collection
from latentinpaint.flows import MultichannelFlow, SamplerConfig
from latentinpaint.flows.multichannel import read_channels
from latentinpaint.interpolants.gaussian_field import GaussianField
from latentinpaint.metrics.perceptual import load_lpips
from latentinpaint.metrics.pixels import PSNR, SSIM, Metric
from latentinpaint.runtime.randomness import draw_normal, numbered_generator
from latentinpaint.visualization.flows import draw_side_by_side
from latentinpaint.weights import load_flow

CORRUPTIONS = (
    "noise=.2",
    "coloured=.2",
    "blur=1,noise=.05",
    "motion=1,noise=.05",
    "high_pass=1,noise=.1",
    "blur=.8,noise=.3",
    "blur=.4,motion=.4,noise=.1,coloured=.1",
)
BALANCES = tuple(10.0**power for power in np.arange(-4, 2.01, 0.5))
ITERATIONS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120)
CHOSEN_ON = 16  # pictures of TRAIN
REACH = 16  # pixels from a kernel's middle, of at most 33 x 33


class Problem:
    """A corruption of a flow, and what restores pictures (B, C, H, W) in [-1, 1] from it."""

    def __init__(self, flow: MultichannelFlow, words: str) -> None:
        self.flow = flow
        self.amounts = read_channels(words.split(","))
        self.process = flow.channels.process(flow.channels.amounts(self.amounts))
        transfer = self.process.beta.values[0, 0]
        self.kernel = np.fft.fftshift(torch.fft.irfft2(transfer, s=flow.shape[1:]).numpy())

    def observe(self, pictures: Tensor, seed: int) -> Tensor:
        generators = [numbered_generator(seed, number) for number in range(len(pictures))]
        return self.flow.corrupt(pictures, draw_normal(pictures, generators), self.amounts)

    def wiener(self, observed: Tensor, field: GaussianField) -> Tensor:
        return field(self.process, observed).data

    def scikit_wiener(self, observed: Tensor, balance: float) -> Tensor:
        def restored(plane: np.ndarray) -> np.ndarray:
            # Centred at the picture's middle, where that function expects it.
            return restoration.wiener(plane, self.kernel, balance, clip=False)

        return _planes(observed, restored)

    def richardson_lucy(self, observed: Tensor, iterations: int) -> Tensor:
        # Its convolutions end at the border with zeros: there, the pictures' periodic continuation.
        rows, columns = (side // 2 for side in self.kernel.shape)
        reach = min(REACH, rows - 1, columns - 1)
        middle = self.kernel[rows - reach : rows + reach + 1, columns - reach : columns + reach + 1]
        kernel = np.clip(middle, 0, None)
        kernel = kernel / kernel.sum()

        def restored(plane: np.ndarray) -> np.ndarray:
            light = np.pad(np.clip((plane + 1) / 2, 1e-3, None), reach, mode="wrap")
            found = restoration.richardson_lucy(light, kernel, num_iter=iterations, clip=False, filter_epsilon=1e-6)
            return 2 * found[reach:-reach, reach:-reach] - 1

        return _planes(observed, restored)

    def restore(self, observed: Tensor, steps: int, seed: int) -> Tensor:
        generators = [numbered_generator(seed, number) for number in range(len(observed))]
        config = SamplerConfig("euler", steps, generator=generators)
        parts = [self.flow.restore(part, self.amounts, config_part) for part, config_part in _parts(observed, config)]
        return torch.cat([part.x for part in parts])

    @property
    def is_a_blur(self) -> bool:
        spreads = self.kernel.max() < 0.999
        return spreads and self.kernel.min() > -1e-3 * self.kernel.max() and abs(self.kernel.sum() - 1) < 1e-3


def _parts(observed: Tensor, config: SamplerConfig, size: int = 64) -> list[tuple[Tensor, SamplerConfig]]:
    parts = []
    for start in range(0, len(observed), size):
        generators = config.generator[start : start + size]
        parts.append((observed[start : start + size], SamplerConfig("euler", config.steps, generator=generators)))
    return parts


def _planes(observed: Tensor, restore: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    planes = observed.double().flatten(0, 1).numpy()
    restored = np.stack([restore(plane) for plane in planes])
    return torch.from_numpy(restored).view(observed.shape).to(observed)


def squared_error(restored: Tensor, truth: Tensor) -> float:
    return (from_range(restored) - from_range(truth)).square().mean(dim=(1, 2, 3)).log10().mean().item()


def best(settings: tuple, restore: Callable[[float], Tensor], truth: Tensor) -> float:
    """The setting with the highest mean PSNR."""
    return min(settings, key=lambda setting: squared_error(restore(setting), truth))


def rows_of(
    problem: Problem, chosen_on: Tensor, truth: Tensor, field: GaussianField, steps: int
) -> dict[str, Tensor]:
    """What every method makes of equal observations of `truth`, by its label."""
    tried = problem.observe(chosen_on, seed=1)
    seen = problem.observe(truth, seed=0)
    rows = {"observed": seen, "Wiener (spectrum)": problem.wiener(seen, field)}
    if abs(problem.kernel.sum()) > 1e-6:  # where kernel and Laplacian are both 0, that filter is 0 / 0
        balance = best(BALANCES, lambda value: problem.scikit_wiener(tried, value), chosen_on)
        rows[f"Wiener (Laplacian), balance {balance:.2g}"] = problem.scikit_wiener(seen, balance)
    if problem.is_a_blur:
        count = best(ITERATIONS, lambda value: problem.richardson_lucy(tried, value), chosen_on)
        rows[f"Richardson-Lucy, {count} iterations"] = problem.richardson_lucy(seen, count)
    rows["flow, one step"] = problem.restore(seen, 1, seed=2)
    rows[f"flow, {steps} steps"] = problem.restore(seen, steps, seed=2)
    return rows


def pictures_of(name: str, flow: MultichannelFlow, count: int | None) -> Tensor:
    channels, size, _ = flow.shape
    collection = open_collection(name, size, channels, train=False)
    if not isinstance(collection, Pictures):
        raise SystemExit(f"{name} holds no pictures")
    return collection.first(count)


def line(metrics: list[Metric], restored: Tensor, truth: Tensor) -> str:
    """The metrics' means and standard errors as cells of a table."""
    cells = []
    colours = [from_range(part.float()).expand(-1, 3, -1, -1).contiguous() for part in (restored, truth)]
    for metric in metrics:
        values = metric(*colours).over_picture()
        digits = 2 if metric.unit else 3
        cells.append(f"{values.mean():.{digits}f} ± {values.std() / len(values) ** 0.5:.{digits}f}")
    return " | ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="flow file or folder of a run")
    parser.add_argument("--train", required=True, help="what the flow was trained on")
    parser.add_argument("--test", required=True, help="what is restored")
    parser.add_argument("--lpips", help="torchvision's weights of SqueezeNet 1.1; without them there is no LPIPS")
    parser.add_argument("--corruptions", nargs="+", default=CORRUPTIONS, help="such as blur=.8,noise=.3")
    parser.add_argument("--count", type=int, help="pictures of TEST, all by default")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sheet", help="file for a sheet of the last corruption's first pictures")
    options = parser.parse_args()
    flow = load_flow(options.model)
    train = pictures_of(options.train, flow, None)
    truth = pictures_of(options.test, flow, options.count)
    field = GaussianField.of(train)
    metrics: list[Metric] = [PSNR(), SSIM()]
    if options.lpips:
        metrics.append(load_lpips("squeeze", options.lpips))
    print(f"{len(truth)} pictures, the spectrum of {len(train)}")
    print("| corruption | method | " + " | ".join(metric.label for metric in metrics) + " |")
    print("|---|---|" + "---|" * len(metrics))
    for words in options.corruptions:
        started = time.monotonic()
        rows = rows_of(Problem(flow, words), train[:CHOSEN_ON], truth, field, options.steps)
        for name, restored in rows.items():
            print(f"| {words} | {name} | {line(metrics, restored, truth)} |", flush=True)
        print(f"<!-- {time.monotonic() - started:.0f} s -->")
        if options.sheet:
            # Without the settings that were chosen: there is little room above a column.
            sheet = {re.sub(r", (balance|\d+ it).*", "", name): part[:8].float() for name, part in rows.items()}
            draw_side_by_side({**sheet, "truth": truth[:8]}).save(options.sheet)


if __name__ == "__main__":
    main()
