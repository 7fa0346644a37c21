"""Stochastic interpolants by numbers, entrywise clocks or operators: mathematics, free of images and networks."""

from latentinpaint.interpolants.interpolant import Drifts, Ends, Process
from latentinpaint.interpolants.operators import OPERATORS, Dense, Fourier, Hadamard, Operator, Scalar, identity
from latentinpaint.interpolants.paths import HadamardPath, Path, ScheduledPath, StraightPath
from latentinpaint.interpolants.rewards import QuadraticReward, observation
from latentinpaint.interpolants.samplers import NOISES, SOLVERS, Trajectory, integrate, simulate
from latentinpaint.interpolants.schedules import SCHEDULES, Cosine, Linear, Schedule

__all__ = [
    "NOISES",
    "OPERATORS",
    "SCHEDULES",
    "SOLVERS",
    "Cosine",
    "Dense",
    "Drifts",
    "Ends",
    "Fourier",
    "Hadamard",
    "HadamardPath",
    "Linear",
    "Operator",
    "Path",
    "Process",
    "QuadraticReward",
    "Scalar",
    "Schedule",
    "ScheduledPath",
    "StraightPath",
    "Trajectory",
    "identity",
    "integrate",
    "observation",
    "simulate",
]
