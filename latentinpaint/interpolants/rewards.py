r"""Quadratic rewards: sampling :math:`\rho_1^r(x) = Z^{-1} e^{r(x)} \rho_1(x)` with a model of :math:`\rho_1`.

.. math:: r(x) = \tfrac12\langle x, A x\rangle + \langle b, x\rangle \tag{13}

The drift of the data under the reward, at a process (alpha, beta) and a point x, is the model's own drift elsewhere,

.. math:: \eta_1^r(\alpha, \beta, x) = \eta_1(\alpha_r, \beta_r, x_r),

where, for standard normal noise that is independent of the data,

.. math::
    \beta_r^\top(\alpha_r\alpha_r^\top)^{-1}\beta_r &= \beta^\top(\alpha\alpha^\top)^{-1}\beta - A, \tag{20} \\
    \beta_r^\top(\alpha_r\alpha_r^\top)^{-1}x_r &= \beta^\top(\alpha\alpha^\top)^{-1}x + b. \tag{21}

Many pairs solve (20); any of them will do if the model was trained there. `OperatorReward` takes, for operators of
any family, the symmetric one with :math:`\beta_r = 1 - \alpha_r`: with :math:`\Lambda` and h the right sides,

.. math::
    \alpha_r = (1 + \Lambda^{1/2})^{-1}, \qquad x_r = \alpha_r \Lambda^{-1/2} h.

`QuadraticReward` is the same entry by entry, with :math:`\beta = 1 - \alpha` and a diagonal A, so that a Hadamard
model is enough, in a form that holds where alpha is 0. With :math:`q = (1-\alpha)^2 - A\alpha^2`,

.. math::
    \alpha_r = \frac{\alpha}{\alpha + \sqrt q}, \qquad
    x_r = \frac{(1-\alpha)x + \alpha^2 b}{\sqrt q\,(\alpha + \sqrt q)}. \tag{54, 55}

An observation :math:`y = x + \sigma n` of some entries is the reward :math:`A = -1/\sigma^2,\ b = y/\sigma^2` there:
`observation`. Numbering and source as in `interpolant`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.interpolants.broadcasting import per_item
from latentinpaint.interpolants.interpolant import Drifts, Endpoints, Process
from latentinpaint.interpolants.operators import Dense, Hadamard, Operator, Scalar, identity


@dataclass(frozen=True, eq=False)
class QuadraticReward:
    """``r(x) = <x, A x> / 2 + <b, x>`` with a diagonal A.

    Args:
        quadratic: A's diagonal, which broadcasts against x (B, …) with as many dimensions.
        linear: b, likewise.
    """

    quadratic: Tensor
    linear: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """The reward of every item, (B,)."""
        return (0.5 * self.quadratic * x.square() + self.linear * x).flatten(1).sum(dim=1)

    def elsewhere(self, alpha: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where to evaluate the model: ``alpha_r`` and ``x_r`` (54, 55) for alpha in [0, 1] and x (B, …).

        Raises:
            ValueError: where no path reaches alpha: A > 0 needs alpha < 1 / (1 + sqrt(A)), and a linear reward alone
                alpha < 1. Entries without a reward stay where they are.
        """
        rewarded = (self.quadratic != 0) | (self.linear != 0)
        q = torch.where(rewarded, (1 - alpha).square() - self.quadratic * alpha.square(), 1.0)
        if (q <= 0).any():
            raise ValueError(
                "there is no path from here: alpha stays below 1 / (1 + sqrt(A)) where A > 0, below 1 where A = 0"
            )
        root = q.sqrt()
        moved = ((1 - alpha) * x + alpha.square() * self.linear) / (root * (alpha + root))
        return torch.where(rewarded, alpha / (alpha + root), alpha), torch.where(rewarded, moved, x)

    def drifts(self, model: Drifts) -> Drifts:
        """The drifts under the reward of a model's data, for processes with entrywise alpha and beta = 1 - alpha.

        Where alpha is 0 an entry is data already, and its expected source is taken to be 0. The model is evaluated at
        processes of `Hadamard` operators; they raise ValueError for other processes.
        """

        def rewarded(process: Process, x: Tensor) -> Endpoints:
            alpha = _entries(process.alpha, x)
            beta = _entries(process.beta, x)
            if (alpha + beta - 1).abs().max() > 1e-5:
                raise ValueError("a diagonal reward needs a process with beta = 1 - alpha")
            alpha_r, x_r = self.elsewhere(alpha, x)
            data = model(Process(Hadamard(alpha_r), Hadamard(1 - alpha_r)), x_r).data
            noisy = alpha > 0
            source = torch.where(noisy, x - (1 - alpha) * data, 0.0) / torch.where(noisy, alpha, 1.0)
            return Endpoints(source, torch.where(noisy, data, x))

        return rewarded


@dataclass(frozen=True, eq=False)
class OperatorReward:
    """``r(x) = <x, A x> / 2 + <b, x>`` with a symmetric operator A: an entrywise, a Fourier or a dense one.

    Args:
        quadratic: A, of the process's family or a `Scalar`.
        linear: b (B or 1, …).
    """

    quadratic: Operator
    linear: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """The reward of every item, (B,)."""
        return (0.5 * self.quadratic(x) * x + self.linear * x).flatten(1).sum(dim=1)

    def elsewhere(self, process: Process, x: Tensor) -> tuple[Process, Tensor]:
        """Where to evaluate the model: the process and the point (B, …) that solve (20) and (21).

        Raises:
            ValueError: where no path leads: ``beta^T (alpha alpha^T)^{-1} beta - A`` has to be positive; or if alpha
                has no inverse.
        """
        alpha, beta = process.alpha, process.beta
        precision = (alpha @ alpha.adjoint).inverse
        curvature = beta.adjoint @ precision @ beta - self.quadratic
        try:
            root = (0.5 * (curvature + curvature.adjoint)).sqrt
            unroot = _inverse(root)
        except ValueError as error:
            raise ValueError(
                "there is no path from here: beta^T (alpha alpha^T)^-1 beta - A is not positive; where a reward is "
                "flat in some direction, start a little below alpha = 1"
            ) from error
        alpha_r = (identity() + root).inverse
        slope = beta.adjoint(precision(x)) + self.linear.to(x)
        return Process(alpha_r, identity() - alpha_r), alpha_r(unroot(slope))

    def drifts(self, model: Drifts) -> Drifts:
        """The drifts under the reward of a model's data, for processes with an invertible alpha."""

        def rewarded(process: Process, x: Tensor) -> Endpoints:
            return process.endpoints_from_data(x, model(*self.elsewhere(process, x)).data)

        return rewarded


def _inverse(operator: Operator) -> Operator:
    """The inverse, unless a matrix has none but for rounding."""
    if isinstance(operator, Dense):
        values = torch.linalg.eigvalsh(operator.matrix)
        rounding = 100 * values.shape[-1] * torch.finfo(values.dtype).eps
        # Of a square root: where the square is 0 but for rounding, the root is 0 but for the root of rounding.
        if (values.amin(dim=-1) < rounding**0.5 * values.amax(dim=-1)).any():
            raise ValueError("a singular matrix has no inverse")
    return operator.inverse


def observation(y: Tensor, known: Tensor, noise_std: float) -> QuadraticReward:
    """The reward whose data are those given a noisy observation: the exact posterior.

    Args:
        y: (B, …), the observation; what it holds where nothing is known does not matter.
        known: broadcasts against y, 1 where an entry was observed, else 0.
        noise_std: standard deviation of the observation's noise, above 0.
    """
    if not noise_std > 0:
        raise ValueError(f"the noise of an observation has a standard deviation above 0, not {noise_std}")
    precision = known.to(y) / noise_std**2
    return QuadraticReward(-precision.expand_as(y), torch.where(known > 0, y, torch.zeros_like(y)) * precision)


def _entries(operator: Operator, x: Tensor) -> Tensor:
    """The numbers of an entrywise operator, with as many dimensions as x (B, …)."""
    if isinstance(operator, Scalar):
        return per_item(operator.values, x).to(x) * x.new_ones([1] * x.ndim)
    if not isinstance(operator, Hadamard):
        raise ValueError("a diagonal reward needs entrywise operators, such as a HadamardPath's")
    return operator.values
