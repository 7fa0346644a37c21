"""Flows between two distributions: the mathematics, free of images and networks."""

from latentinpaint.interpolants.interpolant import Interpolant
from latentinpaint.interpolants.samplers import SOLVERS, Trajectory, integrate
from latentinpaint.interpolants.schedules import SCHEDULES, Cosine, Linear, Schedule

__all__ = ["SCHEDULES", "SOLVERS", "Cosine", "Interpolant", "Linear", "Schedule", "Trajectory", "integrate"]
