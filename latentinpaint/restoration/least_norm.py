r"""What was seen itself, as a picture: :math:`H^+ y`, the picture of least norm that agrees with it.

Hidden pixels are mid-grey, means over squares are spread over them. It shows in a comparison what every method was
given. No evaluations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.restoration.base import Restorer
from latentinpaint.restoration.observation_models import Observed
from latentinpaint.restoration.velocity_prior import VelocityPrior


@dataclass(frozen=True)
class LeastNorm(Restorer):
    """See the module."""

    label = "what was seen"

    def restore(self, prior: VelocityPrior, observed: Observed, generators: Sequence[torch.Generator]) -> Tensor:
        return observed.model.pseudo_inverse(observed.y)
