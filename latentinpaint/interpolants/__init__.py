"""Stochastic interpolants by numbers, entrywise clocks or operators: mathematics, free of images and networks."""

from latentinpaint.interpolants.interpolant import Drifts, Endpoints, Process
from latentinpaint.interpolants.operators import OPERATORS, Dense, Fourier, Hadamard, Operator, Scalar, identity
from latentinpaint.interpolants.path_solvers import NOISES, PATH_SOLVERS, integrate_path
from latentinpaint.interpolants.paths import HadamardPath, Path, ScheduledPath, StraightPath
from latentinpaint.interpolants.rewards import OperatorReward, QuadraticReward, observation
from latentinpaint.interpolants.schedules import SCHEDULES, Cosine, Linear, Schedule, VariancePreserving
from latentinpaint.interpolants.solvers import SOLVERS, Solution, Solver, integrate

__all__ = [
    "NOISES",
    "OPERATORS",
    "PATH_SOLVERS",
    "SCHEDULES",
    "SOLVERS",
    "Cosine",
    "Dense",
    "Drifts",
    "Endpoints",
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
    "Solution",
    "Solver",
    "StraightPath",
    "VariancePreserving",
    "identity",
    "integrate",
    "integrate_path",
    "observation",
]
