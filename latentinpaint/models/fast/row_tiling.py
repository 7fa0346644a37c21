"""Convolutions as folding leaves them, and how layers of local reach work in bands.

A map is (B, C, h, w), on a processor best laid out with its channels last. Large maps are the slow ones: a map that
does not fit the caches is written, read, padded and read again from memory, and its pages are handed out anew each
time. `in_bands` therefore takes layers of local reach through a picture some rows at a time.

Every layer takes maps of any floating type and computes in that of its weights; gradients flow through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.stages import run_stages

BAND_BYTES = 2**23


@dataclass(frozen=True)
class Rows:
    """What a layer needs for some rows of its answer.

    Attributes:
        first, last: rows of its input, the last one not included.
        above, below: rows reflected beyond the picture's border.
        skipped: rows that come out before those that were asked for.
    """

    first: int
    last: int
    above: int = 0
    below: int = 0
    skipped: int = 0


class Convolution(nn.Module):
    """A convolution with what stood around it: reflected border before, ReLU after.

    Args:
        weight: (out, in, k, k) as of `nn.Conv2d`, or (in, out, 3, 3) if `transposed`.
        bias: (out,) or None.
        stride: of the kernel, or the doubling's factor 2 if `transposed`.
        padding: rows and columns beyond the border.
        reflect: whether they repeat the picture or are zero.
        relu: whether negative answers become 0.
        transposed: `nn.ConvTranspose2d` of kernel 3, stride 2, padding 1, output padding 1.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int = 1,
        padding: int = 0,
        reflect: bool = False,
        relu: bool = False,
        transposed: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.stride, self.padding, self.reflect, self.relu = stride, padding, reflect, relu
        self.transposed = transposed

    @property
    def out_channels(self) -> int:
        return self.weight.shape[1 if self.transposed else 0]

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if self.reflect and self.padding:
            x = F.pad(x, (self.padding,) * 4, mode="reflect")
        return self.inside(x, 0 if self.reflect else self.padding)

    def inside(self, x: Tensor, padding: int = 0) -> Tensor:
        """The same of a map that has its border already."""
        if self.transposed:
            answer = F.conv_transpose2d(x, self.weight, self.bias, 2, 1, 1)
        else:
            answer = F.conv2d(x, self.weight, self.bias, self.stride, padding)
        return answer.relu_() if self.relu else answer

    def needs(self, first: int, last: int, height: int) -> Rows:
        """For rows first … last - 1 of the answer to a map of so many rows."""
        if self.transposed:  # an even row comes of one row, an odd one of two
            return Rows(first // 2, min(height, last // 2 + 1), skipped=first % 2)
        return _reflected_rows(first, last, height, self.weight.shape[-2], self.stride, self.padding)

    def rows(self, x: Tensor, needed: Rows, count: int) -> Tensor:
        """So many rows of the answer, of the rows (B, C, last - first, w) that they need."""
        x = x.to(self.weight.dtype)
        if self.transposed:
            return self.inside(x).narrow(2, needed.skipped, count)
        return self.inside(F.pad(x, (self.padding,) * 2 + (needed.above, needed.below), mode="reflect"))

    def height(self, height: int) -> int:
        """Rows of the answer to a map of so many rows."""
        if self.transposed:
            return 2 * height
        return (height + 2 * self.padding - self.weight.shape[-2]) // self.stride + 1


class OutputConvolution(nn.Module):
    """A convolution of a large kernel to few channels, such as LaMa's last: 7x7 to 3, with reflected borders.

    A kernel of k x k to 3 channels leaves a processor's vectors mostly empty. As a kernel of k rows and one column
    to 3 k channels, one set for each column of the large kernel, followed by k shifted sums, it is the same.

    Args:
        weight: (out, in, k, k), k odd.
        bias: (out,) or None.

    Shapes: (B, in, h, w) to (B, out, h, w), of float32 at least.
    """

    stride = 1

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        out_channels, in_channels, self.size, _ = weight.shape
        tall = weight.permute(3, 0, 1, 2).reshape(self.size * out_channels, in_channels, self.size, 1)
        self.columns = Convolution(tall)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.out_channels, self.padding = out_channels, self.size // 2

    def forward(self, x: Tensor) -> Tensor:
        return self._padded(x, self.padding, self.padding)

    def needs(self, first: int, last: int, height: int) -> Rows:
        """See `Convolution`."""
        return _reflected_rows(first, last, height, self.size, 1, self.padding)

    def rows(self, x: Tensor, needed: Rows, count: int) -> Tensor:
        """See `Convolution`."""
        return self._padded(x, needed.above, needed.below)

    def height(self, height: int) -> int:
        """See `Convolution`."""
        return height

    def _padded(self, x: Tensor, above: int, below: int) -> Tensor:
        width, count = x.shape[-1], self.out_channels
        columns = self.columns(F.pad(x, (self.padding,) * 2 + (above, below), mode="reflect"))
        # Summed in float32 at least: these are the picture's own numbers.
        answer = columns[:, :count, :, :width].to(torch.promote_types(columns.dtype, torch.float32), copy=True)
        for shift in range(1, self.size):
            answer += columns[:, shift * count : (shift + 1) * count, :, shift : shift + width]
        return answer if self.bias is None else answer.add_(self.bias.view(-1, 1, 1))


def in_bands(
    layers: Sequence[Convolution | OutputConvolution],
    x: Tensor,
    control: Sequence[Tensor] | None = None,
    band_bytes: int = BAND_BYTES,
) -> Tensor:
    """Layers of local reach, one after the other, some rows of the answer at a time: the same numbers.

    Whole maps are used where there is nothing to gain: for small pictures, on other devices than a processor, and
    where a gradient is wanted, which would be summed up band by band.

    Args:
        layers: with reflected borders, or transposed.
        x: (B, C, h, w).
        control: one map a layer, added to its answer.
        band_bytes: size of the largest map that is held for a band.
    """
    heights = [x.shape[2]]
    for layer in layers:
        heights.append(layer.height(heights[-1]))
    count = _rows_at_once(layers, x, heights, band_bytes)
    wants_gradient = torch.is_grad_enabled() and any(given.requires_grad for given in (x, *(control or ())))
    if count >= heights[-1] or wants_gradient or x.device.type != "cpu":
        return run_stages(layers, x, control)
    answer = None
    for first in range(0, heights[-1], count):
        last = min(first + count, heights[-1])
        band = _band(layers, x, control, first, last, heights)
        if answer is None:
            shape = (*band.shape[:2], heights[-1], band.shape[3])
            answer = torch.empty(shape, dtype=band.dtype, memory_format=torch.channels_last)
        answer[:, :, first:last] = band
    return answer


def _band(
    layers: Sequence[Convolution | OutputConvolution],
    x: Tensor,
    control: Sequence[Tensor] | None,
    first: int,
    last: int,
    heights: Sequence[int],
) -> Tensor:
    """Rows first … last - 1 of the answer; `heights` are those of the input and of each answer."""
    wanted, needs = [(first, last)], []
    for layer, height in zip(reversed(layers), heights[-2::-1], strict=True):
        needs.append(layer.needs(*wanted[-1], height))
        wanted.append((needs[-1].first, needs[-1].last))
    band = x[:, :, slice(*wanted.pop())]
    for index, layer in enumerate(layers):
        start, stop = wanted.pop()
        band = layer.rows(band, needs.pop(), stop - start)
        if control is not None:
            band = band + control[index][:, :, start:stop]
    return band


def _rows_at_once(
    layers: Sequence[Convolution | OutputConvolution], x: Tensor, heights: Sequence[int], band_bytes: int
) -> int:
    """Rows of the answer whose maps stay below `band_bytes`; 8 at least, or more would be padding than rows."""
    shape = x.shape[3] / x.shape[2]
    largest = max(
        layer.out_channels * height * (height * shape) * len(x) * x.element_size()
        for layer, height in zip(layers, heights[1:], strict=True)
    )
    return max(8, int(heights[-1] * band_bytes / largest))


def _reflected_rows(first: int, last: int, height: int, kernel: int, stride: int, padding: int) -> Rows:
    start, stop = first * stride - padding, (last - 1) * stride - padding + kernel
    return Rows(max(0, start), min(height, stop), max(0, -start), max(0, stop - height))
