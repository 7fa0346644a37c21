"""Refiners: from the latent of a damaged picture to the latent of the whole one."""

from latentinpaint.refiners.base import Condition, Refiner
from latentinpaint.refiners.ffc_refiner import FFCRefiner
from latentinpaint.refiners.flow_refiner import FlowRefiner

REFINERS: dict[str, type[Refiner]] = {"ffc": FFCRefiner, "flow": FlowRefiner}

__all__ = ["REFINERS", "Condition", "FFCRefiner", "FlowRefiner", "Refiner"]
