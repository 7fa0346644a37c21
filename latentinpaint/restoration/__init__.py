"""Restoration with flows: what was seen of a picture, a trained flow as the prior, and methods on both.

Public names are loaded when they are first used, so that the settings of a comparison can be read without them.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentinpaint.restoration.base import Restorer as Restorer
    from latentinpaint.restoration.observation_models import observe as observe
    from latentinpaint.restoration.observation_tasks import OBSERVATION_TASKS as OBSERVATION_TASKS
    from latentinpaint.restoration.observation_tasks import read_task as read_task
    from latentinpaint.restoration.restorers import RESTORERS as RESTORERS
    from latentinpaint.restoration.velocity_prior import prior_of as prior_of

_HOMES = {
    "OBSERVATION_TASKS": "observation_tasks",
    "RESTORERS": "restorers",
    "Restorer": "base",
    "observe": "observation_models",
    "prior_of": "velocity_prior",
    "read_task": "observation_tasks",
}
__all__ = ["OBSERVATION_TASKS", "RESTORERS", "Restorer", "observe", "prior_of", "read_task"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"latentinpaint.restoration.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'latentinpaint.restoration' has no attribute '{name}'")
