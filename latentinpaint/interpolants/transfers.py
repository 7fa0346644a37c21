r"""Transfer functions for `Fourier` operators: blurs, band limits and coloured noise on a periodic grid.

Every function returns (1, 1, H, W // 2 + 1) in float64, complex where the convolution is not symmetric: the numbers
by which the frequencies of `torch.fft.rfft2` are multiplied. Frequencies are :math:`\omega = 2\pi(f_y, f_x)` in
radians a pixel, with :math:`f` as `torch.fft.fftfreq` gives it; lengths are pixels.
"""

import math

import torch
from torch import Tensor


def gaussian_blur(height: int, width: int, std: float) -> Tensor:
    r"""Blur with a Gaussian of standard deviation `std` pixels, at least 0: :math:`e^{-\sigma^2|\omega|^2/2}`."""
    if std < 0:
        raise ValueError(f"a blur's standard deviation is 0 pixels or more, not {std}")
    return torch.exp(-0.5 * std**2 * radius(height, width) ** 2)


def low_pass(height: int, width: int, cutoff: float) -> Tensor:
    r"""Keep the frequencies with :math:`|\omega| \le` `cutoff` radians a pixel."""
    return (radius(height, width) <= cutoff).double()


def high_pass(height: int, width: int, cutoff: float) -> Tensor:
    """Keep the frequencies that `low_pass` drops."""
    return 1 - low_pass(height, width, cutoff)


def box_blur(height: int, width: int, side: int) -> Tensor:
    """The mean over `side` x `side` pixels, side odd so that it is centred."""
    if side < 1 or side % 2 == 0:
        raise ValueError(f"a box has an odd side of 1 pixel or more, not {side}")
    offsets = torch.arange(side, dtype=torch.float64) - side // 2
    rows, columns = torch.meshgrid(offsets, offsets, indexing="ij")
    return from_points(height, width, rows.flatten(), columns.flatten())


def motion_blur(height: int, width: int, length: float, angle: float, centred: bool = True) -> Tensor:
    """The mean along a line of `length` pixels, above 0, as while a camera moves.

    Args:
        height, width: of the grid.
        length: of the line, pixels.
        angle: of the line, radians, anticlockwise from the horizontal.
        centred: whether the line's middle stays in place; else its beginning does, and the transfer function is
            complex.
    """
    if length <= 0:
        raise ValueError(f"a motion blur has a length above 0 pixels, not {length}")
    count = 2 * max(1, math.ceil(length)) + 1
    along = torch.linspace(0, 1, count, dtype=torch.float64) * length
    if centred:
        along = along - length / 2
    return from_points(height, width, -along * math.sin(angle), along * math.cos(angle))


def power_law(height: int, width: int, exponent: float) -> Tensor:
    r"""Noise whose power falls as :math:`|\omega|^{-\gamma}`: the amplitude :math:`|\omega|^{-\gamma/2}`.

    The constant frequency, where the law is infinite, gets the amplitude of the lowest other one.
    """
    size = radius(height, width)
    lowest = size.new_ones(())
    if size.numel() > 1:
        lowest = size[size > 0].min()
    return size.clamp(min=lowest) ** (-exponent / 2)


def lorentzian(height: int, width: int, scale: float) -> Tensor:
    r"""The amplitude :math:`1 / (1 + c|\omega|^2)`, c = `scale` at least 0."""
    if scale < 0:
        raise ValueError(f"scale is 0 or more, not {scale}")
    return 1 / (1 + scale * radius(height, width) ** 2)


def unit_power(transfer: Tensor, width: int) -> Tensor:
    """The transfer function of the same colour that leaves white noise its variance, on a grid of that width."""
    return transfer / mean_over_frequencies(transfer.abs().square(), width).sqrt()


def mean_over_frequencies(values: Tensor, width: int) -> Tensor:
    """The mean over all H x W frequencies of values on the half grid (B, C, H, W // 2 + 1): (B, C, 1, 1).

    Columns that stand for two frequencies, k and -k, count twice.
    """
    counts = values.new_full((values.shape[-1],), 2.0)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return (values * counts).sum(dim=(-2, -1), keepdim=True) / (values.shape[-2] * width)


def from_kernel(kernel: Tensor, height: int, width: int) -> Tensor:
    """The transfer function of a kernel (h, w), h and w odd, around its middle, no larger than the grid."""
    h, w = kernel.shape
    if h % 2 == 0 or w % 2 == 0 or h > height or w > width:
        raise ValueError(f"a kernel has odd sides no longer than the grid's, not {h} x {w} on {height} x {width}")
    grid = kernel.new_zeros(height, width, dtype=torch.float64)
    grid[:h, :w] = kernel
    return torch.fft.rfft2(grid.roll((-(h // 2), -(w // 2)), dims=(0, 1)))[None, None]


def from_points(height: int, width: int, rows: Tensor, columns: Tensor) -> Tensor:
    """The transfer function of the mean over points (n,), offsets in pixels, spread over their four neighbours."""
    grid = torch.zeros(height, width, dtype=torch.float64)
    top = rows.floor()
    left = columns.floor()
    down = rows - top
    right = columns - left
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            cell = (row.long() % height, column.long() % width)
            grid.index_put_(cell, row_weight * column_weight / len(rows), accumulate=True)
    return torch.fft.rfft2(grid)[None, None]


def radius(height: int, width: int) -> Tensor:
    r""":math:`|\omega|` in radians a pixel, (1, 1, H, W // 2 + 1)."""
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(width, dtype=torch.float64)[None, :]
    return 2 * math.pi * (rows.square() + columns.square()).sqrt()[None, None]
