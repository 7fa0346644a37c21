"""The methods of restoration by their names."""

from latentinpaint.restoration.base import Restorer
from latentinpaint.restoration.d_flow import DFlow
from latentinpaint.restoration.flow_priors import FlowPriors
from latentinpaint.restoration.flower import Flower
from latentinpaint.restoration.guidance import Guidance
from latentinpaint.restoration.hadamard_posterior import HadamardPosterior
from latentinpaint.restoration.least_norm import LeastNorm
from latentinpaint.restoration.ot_ode import OTODE
from latentinpaint.restoration.pnp_flow import PnPFlow
from latentinpaint.restoration.replacement import Replacement, Resampling

RESTORERS: dict[str, type[Restorer]] = {
    "pnp_flow": PnPFlow,
    "ot_ode": OTODE,
    "d_flow": DFlow,
    "flow_priors": FlowPriors,
    "flower": Flower,
    "guidance": Guidance,
    "seen": LeastNorm,
    "replace": Replacement,
    "repaint": Resampling,
    "hadamard": HadamardPosterior,
}
