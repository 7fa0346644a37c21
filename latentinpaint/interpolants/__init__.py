"""Stochastic interpolants by numbers, entrywise clocks or operators: mathematics, free of images and networks."""

from latentinpaint.interpolants.interpolant import Drifts, Ends, Process
from latentinpaint.interpolants.operators import OPERATORS, Dense, Fourier, Hadamard, Operator, Scalar, identity
from latentinpaint.interpolants.paths import HadamardPath, Path, ScheduledPath, StraightPath
from latentinpaint.interpolants.rewards import OperatorReward, QuadraticReward, observation
from latentinpaint.interpolants.samplers import NOISES, SOLVERS, Trajectory, integrate, simulate
from latentinpaint.interpolants.schedules import SCHEDULES, Cosine, Linear, Schedule, VariancePreserving

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
    "OperatorReward",
    "Path",
    "Process",
    "QuadraticReward",
    "Scalar",
    "Schedule",
    "ScheduledPath",
    "StraightPath",
    "Trajectory",
    "VariancePreserving",
    "identity",
    "integrate",
    "observation",
    "simulate",
]
