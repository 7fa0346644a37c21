"""How near a multichannel flow's network comes to the oracle on a Gaussian field, where the exact answer is known.

    python benchmarks/gaussian_channels.py --steps 2000

The field is periodic, of one colour and 16 x 16 pixels, its power in proportion to 1 / (1 + 400 |f|^2) with f in
cycles a pixel, its variance 1/4. The flow's first estimate takes it for white. The network sees fresh samples and
corruptions of the flow's measure; it is judged on others, by its mean squared error over that of Wiener's filter,
which is the least there is.
"""

import argparse
import math
import time

import torch
from torch import Tensor

from latentinpaint.flows import MultichannelFlow
from latentinpaint.interpolants.gaussian_field import GaussianField
from latentinpaint.interpolants.transfers import mean_over_frequencies

SIDE = 16
JUDGED = {
    "noise": {"noise": 0.3},
    "coloured": {"coloured": 0.3},
    "blur": {"blur": 1.0, "noise": 0.1},
    "motion": {"motion": 1.0, "noise": 0.1},
    "high_pass": {"high_pass": 1.0, "noise": 0.1},
    "mixture": {"blur": 0.4, "motion": 0.4, "noise": 0.1, "coloured": 0.1},
}


def rough_field() -> GaussianField:
    rows = torch.fft.fftfreq(SIDE, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(SIDE, dtype=torch.float64)[None]
    power = 1 / (1 + 400 * (rows.square() + columns.square()))
    power = 0.25 * power / mean_over_frequencies(power[None, None], SIDE)[0, 0]
    return GaussianField(torch.zeros(1, 1, SIDE, SIDE).double(), power[..., None, None].to(torch.complex128))


def pairs(field: GaussianField, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise and pictures (count, 1, H, W)."""
    picture = field.draw(count, generator).float()
    return torch.randn(picture.shape, generator=generator), picture


@torch.no_grad()
def ratio(flow: MultichannelFlow, field: GaussianField, amounts: Tensor) -> float:
    """The network's mean squared error over the oracle's, at amounts (B, k)."""
    noise, picture = pairs(field, len(amounts), torch.Generator().manual_seed(5))
    process = flow.channels.process(amounts)
    x = process.point(noise, picture)
    network, oracle = (drifts(process, x).data for drifts in (flow.drifts, field))
    return ((network - picture).square().mean() / (oracle - picture).square().mean()).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    options = parser.parse_args()
    torch.manual_seed(0)
    field = rough_field()
    channels = dict(blur_std=1.0, motion_length=5.0, cutoff=0.6)
    flow = MultichannelFlow((1, SIDE, SIDE), options.width, (1, 2), data_exponent=0.0, **channels)
    optimiser = torch.optim.Adam(flow.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, step / 50) * (1 + math.cos(math.pi * step / options.steps)) / 2
    )
    generator = torch.Generator().manual_seed(1)
    measured = flow.measure.draw(1000, torch.Generator().manual_seed(2))
    started = time.monotonic()
    for step in range(options.steps + 1):
        if step % max(1, options.steps // 10) == 0:
            passed = time.monotonic() - started
            print(f"step {step}, {passed:.0f} s: {ratio(flow, field, measured):.4f} over the measure", flush=True)
        loss = flow.loss(*pairs(field, options.batch, generator), generator)["loss"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    for name, amounts in JUDGED.items():
        found = ratio(flow, field, flow.channels.amounts(amounts).float().expand(1000, -1))
        print(f"{name} {amounts}: {found:.4f}")


if __name__ == "__main__":
    main()
