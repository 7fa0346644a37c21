"""Small flows with random networks, and samples for them."""

import torch

from latentinpaint.flows import HadamardFlow, MaskConditionedFlow, MultichannelFlow, ScheduledFlow

PICTURE = (2, 8, 8)
SMALL_UNET = dict(width=16, multipliers=(1, 2), blocks=1)


def make(name, **arguments):
    torch.manual_seed(0)
    flow = {
        "points": lambda: ScheduledFlow((2,), network_arguments={"width": 16}, **arguments),
        "pictures": lambda: ScheduledFlow(PICTURE, "add_unet", {"width": 8}, **arguments),
        "mask_conditioned": lambda: MaskConditionedFlow(PICTURE, base_channels=8, tolerance=1e-2, **arguments),
        "hadamard": lambda: HadamardFlow(PICTURE, **SMALL_UNET, block_side=3, steps=4, **arguments),
        "multichannel": lambda: MultichannelFlow(PICTURE, **SMALL_UNET, steps=4, **arguments),
    }[name]()
    if name in ("hadamard", "multichannel"):
        torch.nn.init.normal_(flow.network.network.answer.weight, std=0.05)
    return flow


FLOW_NAMES = ("points", "pictures", "mask_conditioned", "hadamard", "multichannel")


def samples(flow, count=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(count, *flow.shape, generator=g) for _ in range(2))


def seeded(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]
