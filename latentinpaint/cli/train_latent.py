"""The command line of `tools/train_latent.py`."""

from latentinpaint.training.cli import train_latent as main

__all__ = ["main"]
