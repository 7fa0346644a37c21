"""Flows: generative models that know their objective and how to sample, on the mathematics of `interpolants`."""

from latentinpaint.flows.base import Flow, SamplerConfig
from latentinpaint.flows.hadamard import HadamardFlow
from latentinpaint.flows.mask_conditioned import MaskConditionedFlow
from latentinpaint.flows.multichannel import MultichannelFlow
from latentinpaint.flows.scheduled import ScheduledFlow

FLOWS: dict[str, type[Flow]] = {
    "scheduled": ScheduledFlow,
    "mask_conditioned": MaskConditionedFlow,
    "hadamard": HadamardFlow,
    "multichannel": MultichannelFlow,
}

__all__ = [
    "FLOWS",
    "Flow",
    "HadamardFlow",
    "MaskConditionedFlow",
    "MultichannelFlow",
    "SamplerConfig",
    "ScheduledFlow",
]
