"""Convolutions of fused networks, and layers of small receptive field computed a tile of rows at a time.

A map is (B, C, h, w), on a processor best laid out with its channels last. Large maps are slow: a map that does not
fit the caches is written to memory, read, padded and read again, and its memory pages are allocated anew each time.
`run_row_tiled` therefore takes a picture through several layers a tile of some rows at a time.

Every layer accepts maps of any floating type and computes in that of its weights; gradients flow through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.stages import run_stages
from latentinpaint.runtime.progress import report

TILE_BYTES = 2**23
SMALLEST_TILE = 8  # rows; of a smaller tile more would be padding than rows


@dataclass(frozen=True)
class RowRange:
    """Rows of a map, and what a layer needs to compute a range of output rows from them.

    Attributes:
        start, stop: rows of the map, `stop` not included.
        above, below: rows reflected beyond the picture's border.
        skipped: output rows that come before the range.
    """

    start: int
    stop: int
    above: int = 0
    below: int = 0
    skipped: int = 0

    def __len__(self) -> int:
        return self.stop - self.start

    def of(self, x: Tensor) -> Tensor:
        """These rows of a map (B, C, h, w)."""
        return x[:, :, self.start : self.stop]


class FusedConvolution(nn.Module):
    """A convolution with reflected border before it and ReLU after it, if they are there.

    Args:
        weight: (out, in, k, k) as of `nn.Conv2d`, or (in, out, 3, 3) if `transposed`.
        bias: (out,) or None.
        stride: of the kernel, or the factor 2 of the upsampling if `transposed`.
        padding: rows and columns beyond the border.
        reflect: whether they are reflected or zero.
        relu: whether negative outputs become 0.
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
        self.bias = _constant(bias)
        self.stride = stride
        self.padding = padding
        self.reflect = reflect
        self.relu = relu
        self.transposed = transposed

    @property
    def out_channels(self) -> int:
        return self.weight.shape[1 if self.transposed else 0]

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        if not self.reflect:
            return self.valid_conv(x, self.padding)
        if self.padding:
            x = F.pad(x, (self.padding,) * 4, mode="reflect")
        return self.valid_conv(x)

    def valid_conv(self, x: Tensor, padding: int = 0) -> Tensor:
        """The same for a map that has its border already, or gets `padding` zeros."""
        if self.transposed:
            y = F.conv_transpose2d(x, self.weight, self.bias, 2, 1, 1)
        else:
            y = F.conv2d(x, self.weight, self.bias, self.stride, padding)
        return y.relu_() if self.relu else y

    def receptive_rows(self, start: int, stop: int, height: int) -> RowRange:
        """The input rows, of `height`, that output rows start … stop - 1 depend on."""
        if self.transposed:  # an even row depends on one row, an odd one on two
            return RowRange(start // 2, min(height, stop // 2 + 1), skipped=start % 2)
        return _reflected_rows(start, stop, height, self.weight.shape[-2], self.stride, self.padding)

    def compute_rows(self, x: Tensor, rows: RowRange, count: int) -> Tensor:
        """`count` output rows from x (B, C, len(rows), w), the input rows that they depend on."""
        x = x.to(self.weight.dtype)
        if self.transposed:
            return self.valid_conv(x).narrow(2, rows.skipped, count)
        padding = (self.padding, self.padding, rows.above, rows.below)
        return self.valid_conv(F.pad(x, padding, mode="reflect"))

    def output_height(self, height: int) -> int:
        """Rows of the output for a map of `height` rows."""
        if self.transposed:
            return 2 * height
        return (height + 2 * self.padding - self.weight.shape[-2]) // self.stride + 1


class OutputConvolution(nn.Module):
    """A convolution of a large kernel to few channels, such as LaMa's last: 7x7 to 3, with reflected borders.

    A kernel of k x k to 3 channels leaves a processor's vector registers mostly empty. A kernel of k rows and one
    column to 3 k channels, one set for each column of the large kernel, followed by k shifted sums, is the same.

    Args:
        weight: (out, in, k, k), k odd.
        bias: (out,) or None.

    Shapes: (B, in, h, w) to (B, out, h, w), of float32 at least.
    """

    stride = 1

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_channels, in_channels, self.size, _ = weight.shape
        tall = weight.permute(3, 0, 1, 2).reshape(self.size * self.out_channels, in_channels, self.size, 1)
        self.columns = FusedConvolution(tall)
        self.bias = _constant(bias)
        self.padding = self.size // 2

    def forward(self, x: Tensor) -> Tensor:
        return self._padded_conv(x, self.padding, self.padding)

    def receptive_rows(self, start: int, stop: int, height: int) -> RowRange:
        """See `FusedConvolution`."""
        return _reflected_rows(start, stop, height, self.size, 1, self.padding)

    def compute_rows(self, x: Tensor, rows: RowRange, count: int) -> Tensor:
        """See `FusedConvolution`."""
        return self._padded_conv(x, rows.above, rows.below)

    def output_height(self, height: int) -> int:
        """See `FusedConvolution`."""
        return height

    def _padded_conv(self, x: Tensor, above: int, below: int) -> Tensor:
        width = x.shape[-1]
        count = self.out_channels
        columns = self.columns(F.pad(x, (self.padding, self.padding, above, below), mode="reflect"))
        # Summed in float32 at least: these are the picture's own numbers.
        y = columns[:, :count, :, :width].to(torch.promote_types(columns.dtype, torch.float32), copy=True)
        for shift in range(1, self.size):
            y += columns[:, shift * count : (shift + 1) * count, :, shift : shift + width]
        if self.bias is not None:
            y.add_(self.bias.view(-1, 1, 1))
        return y


TileableLayer: TypeAlias = FusedConvolution | OutputConvolution


def run_row_tiled(
    layers: Sequence[TileableLayer],
    x: Tensor,
    control: Sequence[Tensor] | None = None,
    tile_bytes: int = TILE_BYTES,
) -> Tensor:
    """The layers one after the other, a tile of rows of the output at a time: the same numbers.

    Whole maps are used where there is nothing to gain: for small pictures, on other devices than a processor, and
    where a gradient is wanted, which would be accumulated tile by tile.

    Args:
        layers: with reflected borders, or transposed.
        x: (B, C, h, w).
        control: one map a layer, added to its output.
        tile_bytes: size of the largest map that is held for a tile.
    """
    heights = [x.shape[2]]
    for layer in layers:
        heights.append(layer.output_height(heights[-1]))
    height = heights[-1]
    count = _rows_per_tile(layers, x, heights, tile_bytes)
    if count >= height or _wants_gradient(x, control) or x.device.type != "cpu":
        return run_stages(layers, x, control)
    first = _compute_tile(layers, x, control, RowRange(0, count), heights)
    shape = (*first.shape[:2], height, first.shape[3])
    output = torch.empty(shape, dtype=first.dtype, memory_format=torch.channels_last)
    output[:, :, :count] = first
    for start in range(count, height, count):
        rows = RowRange(start, min(start + count, height))
        output[:, :, rows.start : rows.stop] = _compute_tile(layers, x, control, rows, heights)
    return output


def plan_rows(layers: Sequence[TileableLayer], rows: RowRange, heights: Sequence[int]) -> list[RowRange]:
    """What each layer reads so that the last one can compute `rows`, in the order of the layers.

    Args:
        layers: see `run_row_tiled`.
        rows: of the last layer's output.
        heights: of the first layer's input and of every layer's output.
    """
    plan: list[RowRange] = []
    for layer, height in zip(reversed(layers), reversed(heights[:-1]), strict=True):
        rows = layer.receptive_rows(rows.start, rows.stop, height)
        plan.insert(0, rows)
    return plan


def _compute_tile(
    layers: Sequence[TileableLayer],
    x: Tensor,
    control: Sequence[Tensor] | None,
    rows: RowRange,
    heights: Sequence[int],
) -> Tensor:
    """Rows of the last layer's output; see `plan_rows`."""
    plan = plan_rows(layers, rows, heights)
    written = [*plan[1:], rows]
    tile = plan[0].of(x)
    for index, layer in enumerate(layers):
        report()
        tile = layer.compute_rows(tile, plan[index], len(written[index]))
        if control is not None:
            tile = tile + written[index].of(control[index])
    return tile


def _rows_per_tile(layers: Sequence[TileableLayer], x: Tensor, heights: Sequence[int], tile_bytes: int) -> int:
    """Rows of the output whose maps stay below `tile_bytes`, but `SMALLEST_TILE` at least."""
    aspect = x.shape[3] / x.shape[2]
    largest = 0.0
    for layer, height in zip(layers, heights[1:], strict=True):
        largest = max(largest, layer.out_channels * height * (height * aspect) * len(x) * x.element_size())
    return max(SMALLEST_TILE, int(heights[-1] * tile_bytes / largest))


def _wants_gradient(x: Tensor, control: Sequence[Tensor] | None) -> bool:
    tensors = [x, *(control or ())]
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _reflected_rows(start: int, stop: int, height: int, kernel: int, stride: int, padding: int) -> RowRange:
    first = start * stride - padding
    last = (stop - 1) * stride - padding + kernel
    return RowRange(max(0, first), min(height, last), max(0, -first), max(0, last - height))


def _constant(value: Tensor | None) -> nn.Parameter | None:
    """A parameter that is not trained."""
    if value is None:
        return None
    return nn.Parameter(value, requires_grad=False)
