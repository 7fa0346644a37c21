"""Refiners: from the latent of a damaged picture to the latent of the whole one."""

from latentinpaint.refiners.base import Condition, Refiner
from latentinpaint.refiners.ffc import FFCRefiner
from latentinpaint.refiners.flow import FlowRefiner

REFINERS: dict[str, type[Refiner]] = {"ffc": FFCRefiner, "flow": FlowRefiner}

__all__ = ["REFINERS", "Condition", "FFCRefiner", "FlowRefiner", "Refiner"]
