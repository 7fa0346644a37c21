"""The command line of `tools/pretrain_ae.py`."""

from latentinpaint.training.cli import pretrain_ae as main

__all__ = ["main"]
