"""The command line of `tools/train_lama.py`."""

from latentinpaint.training.cli import train_lama as main

__all__ = ["main"]
