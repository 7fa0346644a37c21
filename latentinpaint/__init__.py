"""latentinpaint: image inpainting in latent space.

Public names are loaded when they are first used, so `import latentinpaint` costs next to nothing. What is being done
is told to the logger "latentinpaint", which is silent until a program gives it a handler and a level.
"""

import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter as Inpainter

__version__ = "0.1.0"
__all__ = ["Inpainter", "__version__"]

_HOMES = {"Inpainter": "latentinpaint.inpainter"}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'latentinpaint' has no attribute '{name}'")
