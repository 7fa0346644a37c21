r"""The process: a point between two endpoints, and what a model of its endpoints predicts there.

.. math::
    I_{\alpha,\beta} = \alpha x_0 + \beta x_1 \tag{1}

for bounded operators :math:`\alpha, \beta`, a source :math:`x_0` (usually standard normal noise, independent of the
data) and data :math:`x_1`. Everything a flow needs are the expected endpoints at a point x, its *drifts*

.. math::
    \eta_0(\alpha, \beta, x) = \mathbb E[x_0 \mid I_{\alpha,\beta} = x], \qquad
    \eta_1(\alpha, \beta, x) = \mathbb E[x_1 \mid I_{\alpha,\beta} = x], \tag{2}

of which one gives the other, because

.. math:: \alpha\,\eta_0 + \beta\,\eta_1 = x. \tag{5}

For standard normal noise that is independent of the data they hold the score of the density of I,

.. math:: \nabla\log\rho_{\alpha,\beta}(x) = -\alpha^{-\top}\eta_0(\alpha, \beta, x). \tag{6}

The paper prints :math:`\alpha^{-1}` in (6); the transpose matters where alpha is not symmetric.

Source of the numbered formulas: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, "Multitask Learning with Stochastic
Interpolants", arXiv 2508.04605.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentinpaint.interpolants.operators import Operator


@dataclass(frozen=True, eq=False)
class Endpoints:
    """The expected source ``eta_0`` and the expected data ``eta_1`` (2), both (B, …)."""

    source: Tensor
    data: Tensor

    @property
    def difference(self) -> Tensor:
        """``eta = eta_0 - eta_1`` (10), what a Hadamard model is trained to predict."""
        return self.source - self.data


@dataclass(frozen=True, eq=False)
class Process:
    """One pair of operators, and what follows from it for points x (B, …)."""

    alpha: Operator
    beta: Operator

    def point(self, x_0: Tensor, x_1: Tensor) -> Tensor:
        """``alpha x_0 + beta x_1`` (1), for endpoints (B, …)."""
        return self.alpha(x_0) + self.beta(x_1)

    def endpoints_from_source(self, x: Tensor, eta_0: Tensor) -> Endpoints:
        """Both endpoints from the expected source, by (5).

        Raises:
            ValueError: if beta has no inverse.
        """
        return Endpoints(eta_0, self.beta.inverse(x - self.alpha(eta_0)))

    def endpoints_from_data(self, x: Tensor, eta_1: Tensor) -> Endpoints:
        """Both endpoints from the expected data, by (5).

        Raises:
            ValueError: if alpha has no inverse.
        """
        return Endpoints(self.alpha.inverse(x - self.beta(eta_1)), eta_1)

    def endpoints_from_difference(self, x: Tensor, eta: Tensor) -> Endpoints:
        """Both endpoints from ``eta_0 - eta_1``, by (50) and (51); right where alpha + beta is the identity alone."""
        return Endpoints(x + self.beta(eta), x - self.alpha(eta))

    def score(self, endpoints: Endpoints) -> Tensor:
        """The gradient of the log density at the point where `endpoints` are expected, by (6).

        Raises:
            ValueError: if alpha has no inverse.
        """
        return -self.alpha.inverse.adjoint(endpoints.source)

    def __sub__(self, other: "Process") -> "Process":
        """The difference of both operators: what a step from `other` to here adds of each end."""
        return Process(self.alpha - other.alpha, self.beta - other.beta)


# A model of the endpoints: the process and a point x (B, …) to the endpoints that are expected there.
Drifts = Callable[[Process, Tensor], Endpoints]
