"""A small flow refiner, untrained, and conditions for it."""

import torch

from latentinpaint.refiners import Condition, FlowRefiner
from latentinpaint.refiners.latent_paths import PATHS, ScheduledLatentPath

SMALL = dict(width=32, multipliers=(1, 2), blocks=1, steps=3)
SCHEDULED = [name for name, make in PATHS.items() if isinstance(make(), ScheduledLatentPath)]


def build(channels=4, **arguments):
    torch.manual_seed(0)
    refiner = FlowRefiner(channels, **{**SMALL, **arguments}).eval()
    torch.nn.init.normal_(refiner.network.answer.weight, std=0.05)
    return refiner


def make_condition(count=3, channels=4, height=4, width=6):
    area = torch.rand(count, 1, height, width)
    area = torch.where(area > 0.5, area, 0.0)
    area[:, :, 0, 0] = 1 / 64  # one hole pixel makes a hole cell
    return Condition(torch.randn(count, channels, height, width), (area > 0).float(), area)


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]
