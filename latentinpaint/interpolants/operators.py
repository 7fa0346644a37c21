r"""Linear operators on batches of tensors: what multiplies the two endpoints of an interpolant.

An operator takes x (B, …) to a tensor of the same shape, every item by itself. Operators form an algebra, so that the
formulas of operator interpolants can be written as they stand:

- ``a(x)``: the operator applied; ``a.adjoint``, with :math:`\langle a x, y\rangle = \langle x, a^* y\rangle` in each
  item; ``a.inverse``; ``a.sqrt``, the square root of a symmetric positive one;
- ``a + b``, ``a - b``, ``c * a`` with a number c, and the composition ``a @ b``, b first.

Within a family the result is of that family again. A `Scalar` joins any family, a `Hadamard` of full size a `Dense`;
other operators of different families are kept as a `Sum` or a `Composition`, which know their adjoint, and the latter
its inverse.

The output has the precision of x and is on its device, whatever the operator's own; make operators in float64 where
that matters.

The families: `Scalar` (one number for each item), `Hadamard` (one for each entry), `Fourier` (one for each frequency)
and `Dense` (a matrix). Source of their use: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, "Multitask Learning with
Stochastic Interpolants", arXiv 2508.04605.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.interpolants.broadcasting import fitting, in_type_of, per_item


class Operator(ABC):
    """A linear map of every item of (B, …) to the same shape."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The operator applied to x (B, …)."""

    @property
    @abstractmethod
    def adjoint(self) -> Operator:
        """The operator a* with <a x, y> = <x, a* y> in every item."""

    @property
    def inverse(self) -> Operator:
        """The operator that undoes this one.

        Raises:
            ValueError: if there is none, because some number is zero or a matrix exactly singular, or the family has
                none. A matrix that is nearly singular has an inverse, of large numbers.
        """
        raise ValueError(f"a {type(self).__name__} has no inverse that could be computed")

    @property
    def sqrt(self) -> Operator:
        """The symmetric positive operator whose square is this one.

        Raises:
            ValueError: if this one is not symmetric positive semi-definite, or the family has no square root.
        """
        raise ValueError(f"a {type(self).__name__} has no square root that could be computed")

    def __add__(self, other: Operator) -> Operator:
        return self._plus(other) or other._plus(self) or Sum(self, other)

    def __matmul__(self, other: Operator) -> Operator:
        return self._times(other, first=other) or other._times(self, first=other) or Composition(self, other)

    def __mul__(self, factor: float) -> Operator:
        return Scalar(torch.tensor(float(factor), dtype=torch.float64)) @ self

    __rmul__ = __mul__

    def __neg__(self) -> Operator:
        return -1 * self

    def __sub__(self, other: Operator) -> Operator:
        return self + (-other)

    def _plus(self, other: Operator) -> Operator | None:
        """self + other where both make one operator of this family, else None."""
        return None

    def _times(self, other: Operator, first: Operator) -> Operator | None:
        """The product of self and other, of which `first` acts first, as one of this family, else None."""
        return None


@dataclass(frozen=True, eq=False)
class _Multiplier(Operator):
    """An operator that multiplies: the algebra of its numbers is that of the operators."""

    values: Tensor

    @property
    def adjoint(self) -> _Multiplier:
        return type(self)(self.values.conj())

    @property
    def inverse(self) -> _Multiplier:
        if (self.values == 0).any():
            raise ValueError(f"a {type(self).__name__} with zeros has no inverse")
        return type(self)(1 / self.values)

    @property
    def sqrt(self) -> _Multiplier:
        values = self.values
        rounding = 100 * torch.finfo(values.dtype).eps * values.abs().max()
        if values.is_complex():
            if values.imag.abs().max() > rounding:
                raise ValueError(f"a {type(self).__name__} with complex numbers has no symmetric square root")
            values = values.real
        if (values < -rounding).any():
            raise ValueError(f"a {type(self).__name__} with negative numbers has no square root")
        return type(self)(values.clamp(min=0).sqrt())

    def _plus(self, other: Operator) -> _Multiplier | None:
        values = self._values_of(other)
        if values is None:
            return None
        return type(self)(self.values + values)

    def _times(self, other: Operator, first: Operator) -> _Multiplier | None:
        values = self._values_of(other)
        if values is None:
            return None
        return type(self)(self.values * values)

    def _values_of(self, other: Operator) -> Tensor | None:
        """The numbers of `other` in this family, None if it is of another."""
        if isinstance(other, Scalar):
            return per_item(other.values, self.values)
        if isinstance(other, type(self)):
            return other.values
        return None


@dataclass(frozen=True, eq=False)
class Scalar(_Multiplier):
    """x to a x.

    Args:
        values: one number (), or one for each item (B,).
    """

    def __post_init__(self) -> None:
        if self.values.ndim > 1:
            raise ValueError(f"a Scalar takes one number or (B,), not {tuple(self.values.shape)}")

    def __call__(self, x: Tensor) -> Tensor:
        if self.values.ndim and len(self.values) != len(x):
            raise ValueError(f"a Scalar of {len(self.values)} items is applied to {len(x)} items")
        return in_type_of(x, per_item(self.values, x)) * x

    def _values_of(self, other: Operator) -> Tensor | None:
        if isinstance(other, Scalar):
            return other.values
        return None


def identity() -> Scalar:
    """The operator that changes nothing."""
    return Scalar(torch.tensor(1.0, dtype=torch.float64))


@dataclass(frozen=True, eq=False)
class Hadamard(_Multiplier):
    """x to a * x, entry by entry: every entry has its own clock.

    Args:
        values: numbers that broadcast against x and have as many dimensions: (B or 1, C or 1, …).
    """

    def __call__(self, x: Tensor) -> Tensor:
        return in_type_of(x, fitting(self.values, x)) * x


@dataclass(frozen=True, eq=False)
class Fourier(_Multiplier):
    r"""A circular convolution: x to :math:`F^{-1}(\hat a\,F x)` over the last two axes of x (B, C, H, W).

    Args:
        values: transfer function on the frequencies of `torch.fft.rfft2`, (B or 1, C or 1, H, W // 2 + 1), real or
            complex; see `transfers`. It has to be that of a real kernel on a grid of the width W of x: in the first
            column, and for even W in the last, the numbers at rows k and -k are each other's conjugates.
    """

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim < 3:
            raise ValueError(f"a Fourier operator is applied to (B, …, H, W), not {tuple(x.shape)}")
        spectrum = torch.fft.rfft2(x)
        values = fitting(self.values, spectrum)
        if values.is_complex():
            values = in_type_of(spectrum, values)
        else:
            values = in_type_of(x, values)
        return torch.fft.irfft2(values * spectrum, s=x.shape[-2:])


@dataclass(frozen=True, eq=False)
class Dense(Operator):
    """A matrix on the entries of an item in their order in memory.

    Args:
        matrix: (d, d), or one for each item (B, d, d), where an item of x (B, …) has d numbers.
    """

    matrix: Tensor

    def __post_init__(self) -> None:
        if self.matrix.ndim not in (2, 3) or self.matrix.shape[-1] != self.matrix.shape[-2]:
            raise ValueError(f"a Dense operator takes (d, d) or (B, d, d), not {tuple(self.matrix.shape)}")

    def __call__(self, x: Tensor) -> Tensor:
        return (in_type_of(x, self.matrix) @ x.flatten(1).unsqueeze(-1)).squeeze(-1).reshape(x.shape)

    @property
    def adjoint(self) -> Dense:
        return Dense(self.matrix.mH)

    @property
    def inverse(self) -> Dense:
        inverse, info = torch.linalg.inv_ex(self.matrix)
        if info.any():
            raise ValueError("a singular matrix has no inverse")
        return Dense(inverse)

    @property
    def sqrt(self) -> Dense:
        size = self.matrix.shape[-1]
        rounding = 100 * size * torch.finfo(self.matrix.dtype).eps * self.matrix.abs().amax(dim=(-2, -1))
        if ((self.matrix - self.matrix.mH).abs().amax(dim=(-2, -1)) > rounding).any():
            raise ValueError("a matrix that is not symmetric has no symmetric square root")
        values, vectors = torch.linalg.eigh(self.matrix)
        if (values.amin(dim=-1) < -rounding).any():
            raise ValueError("a matrix with negative eigenvalues has no square root")
        return Dense((vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mH)

    def _plus(self, other: Operator) -> Dense | None:
        matrix = self._matrix_of(other)
        if matrix is None:
            return None
        return Dense(self.matrix + matrix)

    def _times(self, other: Operator, first: Operator) -> Dense | None:
        matrix = self._matrix_of(other)
        if matrix is None:
            return None
        if first is other:
            return Dense(self.matrix @ matrix)
        return Dense(matrix @ self.matrix)

    def _matrix_of(self, other: Operator) -> Tensor | None:
        size = self.matrix.shape[-1]
        if isinstance(other, Scalar):
            eye = torch.eye(size, dtype=self.matrix.dtype, device=self.matrix.device)
            return per_item(other.values, self.matrix.view(-1, size, size)) * eye
        if isinstance(other, Hadamard) and other.values[0].numel() == size:
            return torch.diag_embed(other.values.flatten(1)).squeeze(0)  # one matrix for all items, if it is one
        if isinstance(other, Dense):
            return other.matrix
        return None


@dataclass(frozen=True, eq=False)
class Sum(Operator):
    """x to a x + b x, of operators that have no common family."""

    left: Operator
    right: Operator

    def __call__(self, x: Tensor) -> Tensor:
        return self.left(x) + self.right(x)

    @property
    def adjoint(self) -> Operator:
        return self.left.adjoint + self.right.adjoint


@dataclass(frozen=True, eq=False)
class Composition(Operator):
    """x to a (b x), of operators that have no common family."""

    second: Operator
    first: Operator

    def __call__(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))

    @property
    def adjoint(self) -> Operator:
        return self.first.adjoint @ self.second.adjoint

    @property
    def inverse(self) -> Operator:
        return self.first.inverse @ self.second.inverse


OPERATORS: dict[str, type[Operator]] = {"scalar": Scalar, "hadamard": Hadamard, "fourier": Fourier, "dense": Dense}
