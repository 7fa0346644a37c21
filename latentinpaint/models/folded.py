"""Layers as `folding` leaves them: no BatchNorm, few passes over memory, the same function.

A map is (B, C, h, w), on a processor best laid out with its channels last. Large maps are the slow ones: a map that
does not fit the caches is written, read, padded and read again from memory, and its pages are handed out anew each
time. `in_bands` therefore takes layers of local reach through a picture some rows at a time.

Every layer here takes maps of any floating type and computes in that of its weights; gradients flow through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.autoencoder import Stages, run_stages

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


class Bands(nn.Sequential):
    """Layers that work in bands, see `in_bands`; (B, C, h, w) to the last one's answer."""

    def forward(self, x: Tensor) -> Tensor:
        return in_bands(self, x)


class BandedStages(Stages):
    """An encoder's stages, the first `count` of which, all `Convolution`s, work in bands."""

    def __init__(self, stages: Stages, count: int) -> None:
        super().__init__(stages)
        self.count = count

    def forward(self, features: Tensor, control: Sequence[Tensor] | None = None) -> Tensor:
        self.check(control)
        stages = list(self)
        features = in_bands(stages[: self.count], features, control and control[: self.count])
        return run_stages(stages[self.count :], features, control and control[self.count :])


class FoldedSpectralTransform(nn.Module):
    """The global branch with its FFT fed and read without copies.

    With channels last, a real FFT over the two middle axes leaves real and imaginary parts side by side behind each
    channel: seen as real numbers that is the order of channels that the convolution expects.

    Args:
        reduce, mix, expand: its convolutions, the first two with their ReLU.
    """

    def __init__(self, reduce: nn.Module, mix: nn.Module, expand: nn.Module) -> None:
        super().__init__()
        self.reduce, self.mix, self.expand = reduce, mix, expand

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h, w)."""
        x = self.reduce(x)
        height, width = x.shape[-2:]
        # The FFT has no half-precision kernels on most devices, and its sums need the range of float32.
        full = x.to(torch.promote_types(x.dtype, torch.float32))
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.fft.rfft2(full.permute(0, 2, 3, 1), dim=(1, 2), norm="ortho")
            parts = torch.view_as_real(spectrum).flatten(-2).permute(0, 3, 1, 2)
        mixed = self.mix(parts.to(x.dtype)).to(full.dtype)
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.view_as_complex(mixed.permute(0, 2, 3, 1).contiguous().unflatten(-1, (-1, 2)))
            spatial = torch.fft.irfft2(spectrum, s=(height, width), dim=(1, 2), norm="ortho").permute(0, 3, 1, 2)
        # x comes first: a sum takes the layout of its first term, and a transform's answer has its channels first.
        return self.expand((x + spatial).to(x.dtype))


class FoldedFFC(nn.Module):
    """One fast Fourier convolution whose paths read the same padded map and add to the same answer.

    Args:
        split: local and global channels.
        from_local, global_to_local, global_to_global: the paths, without ReLU; None where there is none.
    """

    def __init__(
        self,
        split: tuple[int, int],
        from_local: Convolution | None,
        global_to_local: Convolution | None,
        global_to_global: nn.Module | None,
    ) -> None:
        super().__init__()
        self.split = split
        self.from_local, self.global_to_local, self.global_to_global = from_local, global_to_local, global_to_global

    def forward(self, x: Tensor) -> Tensor:
        local, wide = self.split
        if self.from_local is None:
            return self.global_to_global(x).relu_()
        padded = F.pad(x.to(self.from_local.weight.dtype), (1, 1, 1, 1), mode="reflect")
        answer = self.from_local.inside(padded[:, :local])
        if self.global_to_local is not None:
            answer[:, :local] += self.global_to_local.inside(padded[:, local:])
        if wide:
            answer[:, local:] += self.global_to_global(x[:, local:])
        return answer.relu_()


class FoldedBlock(nn.Module):
    """``x + second(first(x))``, added in place where no gradient asks for what was there."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        answer = self.second(self.first(x))
        if torch.is_grad_enabled() and answer.requires_grad:
            return answer + x.to(answer.dtype)
        return answer.add_(x)


class Kinds(nn.Module):
    """A mask (B, 1, H, W) of zeros and ones as two maps: where pixels are known, and where they are hole."""

    def forward(self, mask: Tensor) -> Tensor:
        return torch.cat([1 - mask, mask], dim=1)


class FoldedControl(nn.Module):
    """A mask control whose levels and taps need no other rule than one after the other.

    Args:
        levels: each reads what the one before it has answered, the first one the mask.
        taps: one for each level, whose answers are the control.
    """

    def __init__(self, levels: nn.ModuleList, taps: nn.ModuleList) -> None:
        super().__init__()
        self.levels, self.taps = levels, taps

    def forward(self, mask: Tensor) -> list[Tensor]:
        """As `MaskControl`."""
        features, controls = mask, []
        for level, tap in zip(self.levels, self.taps, strict=True):
            features = level(features)
            controls.append(tap(features))
        return controls


class InPrecision(nn.Module):
    """A network of two arguments, a map and a time, whose weights and maps have a type of their own.

    Args:
        network: answers maps; how exactly it is told the time is not touched.
        dtype: of its weights and maps; its answer comes back in that of what it was given.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = network.to(dtype), dtype

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.network(x.to(self.dtype), time).to(x.dtype)


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
