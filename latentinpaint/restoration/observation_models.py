r"""What is seen of a picture: :math:`y = H x + \sigma n` with a linear H, as a mask, a blur or a coarser grid.

Pictures x are (B, C, H, W) in [-1, 1], and so is the scale of :math:`\sigma`. The noise is added to every entry of y,
those that a mask hides as well; no method looks at these, because :math:`H^\top` removes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import check_at_least
from latentinpaint.interpolants import Fourier, Hadamard, Operator, Scalar, identity
from latentinpaint.runtime.randomness import draw_normal

NEGLIGIBLE = 1e-6  # singular values below this part of the largest one have no inverse


class ObservationModel(ABC):
    """H, its adjoint, its pseudo-inverse, and the closed-form solution that guidance needs."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """H x of pictures (B, C, H, W)."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        r""":math:`H^\top y`, with :math:`\langle H x, y\rangle = \langle x, H^\top y\rangle` in every item."""

    @abstractmethod
    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """The picture of least norm among those whose observation is nearest to y."""

    @abstractmethod
    def solve(self, y: Tensor, gram: float, constant: float) -> Tensor:
        r""":math:`(a H H^\top + b)^{-1} y`, a = `gram`, b = `constant`, 0 or more; the pseudo-inverse for b = 0.

        With :math:`a = \nu^2` and :math:`b = \sigma^2` this gives the posterior mean of a Gaussian
        :math:`N(m, \nu^2)`, by Woodbury's identity
        :math:`m + \nu^2 H^\top (\nu^2 H H^\top + \sigma^2)^{-1} (y - H m)`.
        """

    @property
    def known(self) -> Tensor | None:
        """Which entries are seen, (B or 1, 1, H, W), of a mask; None of other models."""
        return None

    def item(self, number: int) -> ObservationModel:
        """The model of one item of a batch; models that treat all items alike are their own."""
        return self


@dataclass(frozen=True, eq=False)
class MultiplierObservation(ObservationModel):
    """H is diagonal: in the entries, or in the frequencies.

    operator: its numbers, for entries or frequencies.
    """

    operator: Hadamard | Fourier

    def __call__(self, x: Tensor) -> Tensor:
        return self.operator(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.operator.adjoint(y)

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        return _pseudo_inverse(self.operator)(y)

    def solve(self, y: Tensor, gram: float, constant: float) -> Tensor:
        curvature = _number(gram) @ (self.operator @ self.operator.adjoint) + _number(constant) @ identity()
        return _pseudo_inverse(curvature)(y)


class MaskedObservation(MultiplierObservation):
    """The entries that a mask leaves.

    Args:
        known: (B or 1, 1, H, W), 1 where a pixel is seen, else 0.
    """

    def __init__(self, known: Tensor) -> None:
        super().__init__(Hadamard(known.double()))

    @property
    def known(self) -> Tensor:
        return self.operator.values

    def item(self, number: int) -> MaskedObservation:
        return MaskedObservation(self.known[number % len(self.known)][None])


class BlurredObservation(MultiplierObservation):
    """A circular convolution.

    Args:
        transfer: of `interpolants.transfers`, (1, 1, H, W // 2 + 1).
    """

    def __init__(self, transfer: Tensor) -> None:
        super().__init__(Fourier(transfer))


@dataclass(frozen=True)
class AveragedObservation(ObservationModel):
    """The means over squares of `factor` x `factor` pixels, so that H H^T = 1 / factor^2: super-resolution."""

    factor: int

    def __call__(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.factor)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.pseudo_inverse(y) / self.factor**2

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        return y.repeat_interleave(self.factor, dim=-1).repeat_interleave(self.factor, dim=-2)

    def solve(self, y: Tensor, gram: float, constant: float) -> Tensor:
        return y / (gram / self.factor**2 + constant)


@dataclass(frozen=True, eq=False)
class Observed:
    """What was seen of a batch of pictures, and how.

    model: H. y: (B, …), with noise on every entry. noise_std: its standard deviation, pictures being in [-1, 1].
    shape: of the pictures, (C, H, W).
    """

    model: ObservationModel
    y: Tensor
    noise_std: float
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.y)

    def residual(self, x: Tensor) -> Tensor:
        """y - H x, 0 where a mask hides: the noise there says nothing."""
        difference = self.y - self.model(x)
        if self.model.known is None:
            return difference
        return self.model(difference)

    def likelihood_score(self, missing: Tensor, variance: float) -> Tensor:
        r""":math:`H^\top (\nu^2 H H^\top + \sigma^2)^{-1} (y - H x)`, of pictures known up to a Gaussian's variance.

        It is the gradient of :math:`\log N(y; H x, \nu^2 H H^\top + \sigma^2)`, (B, C, H, W).

        Args:
            missing: y - H x, see `residual`.
            variance: :math:`\nu^2`.
        """
        return self.model.adjoint(self.model.solve(missing, variance, self.noise_std**2))

    def noised(self, noise: Tensor, t: float) -> Tensor:
        """What would be seen at time t of the path from noise (B, C, H, W) to the pictures."""
        return t * self.y + (1 - t) * self.model(noise)

    def blank(self) -> Tensor:
        """Zeros of the pictures' shape, (B, C, H, W)."""
        return self.y.new_zeros(len(self.y), *self.shape)

    def item(self, number: int) -> Observed:
        """One item, as a batch of one."""
        return replace(self, model=self.model.item(number), y=self.y[number : number + 1])


def observe(
    model: ObservationModel, pictures: Tensor, noise_std: float, generators: Sequence[torch.Generator]
) -> Observed:
    """Pictures (B, C, H, W) in [-1, 1] as they are seen, each with noise of a generator of its own.

    Raises:
        InputError: if `noise_std` is below 0.
    """
    check_at_least("noise", noise_std, 0)
    seen = model(pictures)
    noise = draw_normal(seen, generators)
    return Observed(model, seen + noise_std * noise, noise_std, tuple(pictures.shape[1:]))


def _number(value: float) -> Scalar:
    return Scalar(torch.tensor(float(value), dtype=torch.float64))


def _pseudo_inverse(operator: Operator) -> Operator:
    """The inverse of a diagonal operator where it has one, 0 elsewhere."""
    assert isinstance(operator, Hadamard | Fourier)
    values = operator.values
    size = values.abs()
    regular = size > NEGLIGIBLE * size.max()
    safe = torch.where(regular, values, torch.ones_like(values))
    return type(operator)(torch.where(regular, 1 / safe, torch.zeros_like(values)))
