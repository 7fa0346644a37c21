"""Fast Fourier convolutions: blocks whose receptive field is the whole picture.

The channels of a map are split into a *local* part, ordinary 3x3 convolutions, and a *global* part, which also
passes a 1x1 convolution in the frequency domain; the two exchange features in every layer. The real FFT is
orthonormal, over height and width; real and imaginary part are neighbouring channels.

Sources: Chi, Jiang, Mu, "Fast Fourier Convolution", NeurIPS 2020; the residual block: LaMa, arXiv 2109.07161;
styles that scale what a convolution reads: Karras et al., arXiv 1912.04958, with Fourier blocks Jain et al., arXiv
2208.03382.
One tensor holds both parts (local channels first), so nothing is concatenated between layers: that is the same
function as LaMa's pair of tensors, with the convolutions that read the same input merged into one.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from latentinpaint.models.unet import start_at_zero


def global_channels(channels: int, ratio: float) -> int:
    """The number of `channels` that belong to the global part; ratio in [0, 1]."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio is a fraction between 0 and 1, not {ratio}")
    return int(channels * ratio)


def in_frequency_domain(x: Tensor, mix: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `mix` to a map's spectrum and transform back; (B, C, h, w) to the same shape.

    Args:
        x: of any floating type.
        mix: maps spectra (B, 2 C, h, w // 2 + 1), real and imaginary part of a channel side by side, to spectra.
    """
    height, width = x.shape[-2:]
    # The FFT has no half-precision kernels on most devices, and its sums need the range of float32.
    full = x.to(torch.promote_types(x.dtype, torch.float32))
    with torch.autocast(x.device.type, enabled=False):
        # With channels last, which suits convolutions, complex numbers viewed as pairs are in the order of `mix`.
        spectrum = torch.fft.rfft2(full.permute(0, 2, 3, 1), dim=(1, 2), norm="ortho")
        parts = torch.view_as_real(spectrum).flatten(-2).permute(0, 3, 1, 2)
    mixed = mix(parts.to(x.dtype)).to(full.dtype)
    with torch.autocast(x.device.type, enabled=False):
        spectrum = torch.view_as_complex(mixed.permute(0, 2, 3, 1).contiguous().unflatten(-1, (-1, 2)))
        spatial = torch.fft.irfft2(spectrum, s=(height, width), dim=(1, 2), norm="ortho").permute(0, 3, 1, 2)
    return spatial.to(x.dtype)


class FourierUnit(nn.Module):
    """1x1 convolution, BatchNorm and ReLU on the real FFT of a map; (B, C, h, w) to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix: nn.Module = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        return in_frequency_domain(x, lambda spectrum: torch.relu(self.norm(self.mix(spectrum))))


class SpectralTransform(nn.Module):
    """The global branch: halve the channels, add the Fourier unit's output, widen again.

    Args:
        in_channels, out_channels: channels before and after; the unit works on out_channels // 2.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = out_channels // 2
        self.reduce = nn.Sequential(nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.unit = FourierUnit(width)
        self.expand: nn.Module = nn.Conv2d(width, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h, w)."""
        x = self.reduce(x)
        # x comes first: a sum takes the layout of its first term, and a transform's output has its channels first.
        return self.expand(x + self.unit(x))


class FFC(nn.Module):
    """One fast Fourier convolution, 3x3 with reflected borders, BatchNorm and ReLU after it.

    Args:
        channels: channels in and out.
        ratio: fraction of them that is global, in [0, 1]; 0 is an ordinary convolution.

    Shapes: (B, channels, h, w) to the same, local channels first; h and w at least 2.
    """

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        num_global = global_channels(channels, ratio)
        num_local = channels - num_global
        if num_global == 1:
            raise ValueError("the global part needs at least 2 channels: raise ratio or channels")
        self.split = (num_local, num_global)
        self.from_local: nn.Module | None = None
        self.global_to_local: nn.Module | None = None
        self.global_to_global: SpectralTransform | None = None
        if num_local:
            self.from_local = _convolution(num_local, channels)
        if num_local and num_global:
            self.global_to_local = _convolution(num_global, num_local)
        if num_global:
            self.global_to_global = SpectralTransform(num_global, num_global)
        self.norm: nn.Module = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x_local, x_global = self._parts(x)
        if self.from_local is None:
            y = torch.zeros_like(x)
        else:
            y = self.from_local(x_local)
        if self.global_to_global is not None:
            y_local, y_global = self._parts(y)
            if self.global_to_local is not None:
                y_local = y_local + self.global_to_local(x_global)
            y = torch.cat([y_local, y_global + self.global_to_global(x_global)], dim=1)
        return torch.relu(self.norm(y))

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The local and the global channels of (B, channels, h, w)."""
        x_local, x_global = torch.split(x, list(self.split), dim=1)
        return x_local, x_global


class FFCResnetBlock(nn.Module):
    """``x + FFC(FFC(x))``, LaMa's residual block; (B, channels, h, w) to the same shape."""

    def __init__(self, channels: int, ratio: float = 0.75) -> None:
        super().__init__()
        self.first = FFC(channels, ratio)
        self.second = FFC(channels, ratio)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class StyledBlocks(nn.ModuleList):
    """Residual blocks that all read the same style.

    Args:
        blocks: number of them.
        channels, ratio: see `FFC`.
        style: numbers in a style.

    Shapes: x (B, channels, h, w) and style (B, style) to x's shape.
    """

    def __init__(self, blocks: int, channels: int, ratio: float, style: int) -> None:
        super().__init__(StyledBlock(channels, ratio, style) for _ in range(blocks))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        for block in self:
            x = block(x, style)
        return x


class StyledBlock(nn.Module):
    """``x + FFC((1 + scale) FFC(x) + shift)``, scale and shift of every channel affine in a style.

    They begin at 0, as a `FFCResnetBlock` with these weights. The arguments are those of `StyledBlocks`.
    """

    def __init__(self, channels: int, ratio: float, style: int) -> None:
        super().__init__()
        self.first = FFC(channels, ratio)
        self.second = FFC(channels, ratio)
        self.modulation = nn.Linear(style, 2 * channels)
        start_at_zero(self.modulation)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.first(x)
        scale, shift = self.modulation(style)[..., None, None].to(y.dtype).chunk(2, dim=1)
        return x + self.second((1 + scale) * y + shift)


def _convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="reflect", bias=False)
