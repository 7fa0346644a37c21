"""Refiners: from the latent of a damaged picture to the latent of the whole one."""

from latentinpaint.refiners.base import Condition, Refiner
from latentinpaint.refiners.ffc_refiner import FFCRefiner
from latentinpaint.refiners.flow_refiner import FlowRefiner
from latentinpaint.refiners.noise_refiner import NoiseRefiner

REFINERS: dict[str, type[Refiner]] = {"ffc": FFCRefiner, "flow": FlowRefiner, "noise": NoiseRefiner}

__all__ = ["REFINERS", "Condition", "FFCRefiner", "FlowRefiner", "NoiseRefiner", "Refiner"]
