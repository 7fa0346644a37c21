"""The command line of `tools/train_flow.py`."""

from latentinpaint.training.cli import train_flow as main

__all__ = ["main"]
