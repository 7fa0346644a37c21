"""Untrained flows whose pictures are about grey, as priors of small pictures; folders and sheets of such."""

import numpy as np
import torch
from PIL import Image

from latentinpaint.flows import HadamardFlow, ScheduledFlow
from latentinpaint.restoration.restoration_config import RestorationConfig
from latentinpaint.weights import save_flow


def save_priors(folder, side=16):
    """Flows of colour and grey pictures and of points; their folders by name."""
    torch.manual_seed(0)
    made = {
        "scheduled": ScheduledFlow((3, side, side), "time_unet", {"width": 8, "multipliers": (1, 2), "blocks": 1}),
        "grey": ScheduledFlow((1, side, side), "time_unet", {"width": 8, "multipliers": (1, 2), "blocks": 1}),
        "hadamard": HadamardFlow((3, side, side), width=8, multipliers=(1, 2), blocks=1),
        "points": ScheduledFlow((2,), network_arguments={"width": 8}),
        "small": HadamardFlow((3, 8, 8), width=8, multipliers=(1, 2), blocks=1),
    }
    for name, flow in made.items():
        save_flow(flow, folder / name / "flow.safetensors")
    return {name: folder / name for name in made}


def write_pictures(folder, count=9, side=20):
    """Smooth pictures, larger than the prior's."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(30, 220, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def config_of(priors, images, output, **options):
    """Settings of a comparison without networks of features."""
    options = {"task": "box:3", "lpips_network": "", "features": "", "jobs": 1, "device": "cpu", **options}
    return RestorationConfig(prior=str(priors["scheduled"]), images=str(images), output=str(output), **options)
