"""Lattice field theory: the phi^4 model, its exact samplers, their statistics, comparison with other samples."""

from latentinpaint.lattice.energy import PhiFour
from latentinpaint.lattice.hmc import HybridMonteCarlo
from latentinpaint.lattice.langevin import LANGEVIN_SCHEMES, Langevin
from latentinpaint.lattice.markov import MarkovChain, Run, run_chains

__all__ = ["LANGEVIN_SCHEMES", "HybridMonteCarlo", "Langevin", "MarkovChain", "PhiFour", "Run", "run_chains"]
