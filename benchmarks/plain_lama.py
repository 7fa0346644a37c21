"""LaMa's generator in plain PyTorch: what `generator_speed.py` measures against.

Written from the description in Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions",
WACV 2022, arXiv 2109.07161, as its authors and most who took it up write such a network: a pair of tensors (local,
global) goes from layer to layer, every path between the two is a convolution of its own, BatchNorm follows as a
layer, borders are padded by reflection before each convolution, and tensors lie channel by channel in memory.

    x = (masked picture, mask)                       (B, 4, H, W)
    reflect 3, 7x7 to n; three halvings 3x3 to 8 n, the last split 1/4 local, 3/4 global
    `blocks` residual blocks of two fast Fourier convolutions, ratio 0.75
    three doublings 3x3 to n; reflect 3, 7x7 to 3; sigmoid

`copy_weights` takes the weights from this package's own modules, so that both answer the same.
"""

import torch
from torch import Tensor, nn

from latentinpaint.models import FFC, LamaAutoencoder
from latentinpaint.models.ffc import SpectralTransform
from latentinpaint.refiners import FFCRefiner

Pair = tuple[Tensor, Tensor]


class PlainFourierUnit(nn.Module):
    """1x1 convolution, BatchNorm and ReLU in the frequency domain; (B, C, h, w) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        spectrum = torch.fft.rfftn(x, dim=(-2, -1), norm="ortho")
        spectrum = torch.stack((spectrum.real, spectrum.imag), dim=-1)
        spectrum = spectrum.permute(0, 1, 4, 2, 3).contiguous().flatten(1, 2)
        spectrum = self.relu(self.bn(self.conv_layer(spectrum)))
        spectrum = spectrum.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
        spectrum = torch.complex(spectrum[..., 0], spectrum[..., 1])
        return torch.fft.irfftn(spectrum, s=(height, width), dim=(-2, -1), norm="ortho")


class PlainSpectralTransform(nn.Module):
    """The path from global to global; (B, C, h, w) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU(inplace=True)
        )
        self.fu = PlainFourierUnit(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(x + self.fu(x))


class PlainFFC(nn.Module):
    """One fast Fourier convolution with BatchNorm and ReLU, on a pair (local, global)."""

    def __init__(self, local: int, wide: int) -> None:
        super().__init__()
        self.convl2l = _reflected(local, local)
        self.convl2g = _reflected(local, wide)
        self.convg2l = _reflected(wide, local)
        self.convg2g = PlainSpectralTransform(wide)
        self.bn_l, self.bn_g = nn.BatchNorm2d(local), nn.BatchNorm2d(wide)
        self.act_l, self.act_g = nn.ReLU(inplace=True), nn.ReLU(inplace=True)

    def forward(self, x: Pair) -> Pair:
        near, far = x
        out_l = self.convl2l(near) + self.convg2l(far)
        out_g = self.convl2g(near) + self.convg2g(far)
        return self.act_l(self.bn_l(out_l)), self.act_g(self.bn_g(out_g))


class PlainBlock(nn.Module):
    """A pair plus what two fast Fourier convolutions make of it."""

    def __init__(self, local: int, wide: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = PlainFFC(local, wide), PlainFFC(local, wide)

    def forward(self, x: Pair) -> Pair:
        out = self.conv2(self.conv1(x))
        return x[0] + out[0], x[1] + out[1]


class PlainSplit(nn.Module):
    """The last halving: one convolution for the local part, one for the global."""

    def __init__(self, channels: int, local: int, wide: int) -> None:
        super().__init__()
        self.convl2l = _reflected(channels, local, stride=2)
        self.convl2g = _reflected(channels, wide, stride=2)
        self.bn_l, self.bn_g = nn.BatchNorm2d(local), nn.BatchNorm2d(wide)
        self.act_l, self.act_g = nn.ReLU(inplace=True), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Pair:
        return self.act_l(self.bn_l(self.convl2l(x))), self.act_g(self.bn_g(self.convl2g(x)))


class PlainLama(nn.Module):
    """The generator; masked pictures with their masks (B, 4, H, W) to pictures (B, 3, H, W), H and W multiples of 8.

    Args:
        base_channels: LaMa's ngf, n above.
        blocks: residual blocks, 9 in "lama-fourier".
        ratio: fraction of the channels that is global, between 0 and 1.
    """

    def __init__(self, base_channels: int = 64, blocks: int = 9, ratio: float = 0.75) -> None:
        super().__init__()
        n = base_channels
        wide = int(8 * n * ratio)
        local = 8 * n - wide
        self.head = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(4, n, 7, bias=False), nn.BatchNorm2d(n), nn.ReLU(inplace=True)
        )
        self.down = nn.Sequential(_halving(n, 2 * n), _halving(2 * n, 4 * n), PlainSplit(4 * n, local, wide))
        self.blocks = nn.Sequential(*(PlainBlock(local, wide) for _ in range(blocks)))
        self.up = nn.Sequential(_doubling(8 * n, 4 * n), _doubling(4 * n, 2 * n), _doubling(2 * n, n))
        self.tail = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(torch.cat(self.blocks(self.down(self.head(x))), dim=1))

    def decode(self, features: Tensor) -> Tensor:
        """The layers after the blocks: (B, 8 n, h, w) to (B, 3, 8 h, 8 w)."""
        return self.tail(self.up(features))


def copy_weights(plain: PlainLama, autoencoder: LamaAutoencoder, refiner: FFCRefiner) -> PlainLama:
    """Give the plain generator the weights of an autoencoder with a mask channel and of a refiner."""
    encoder, decoder = autoencoder.encoder, autoencoder.decoder
    plain.head[1].load_state_dict(encoder[0][0].state_dict())
    plain.head[2].load_state_dict(encoder[0][1].state_dict())
    for mine, theirs in zip(plain.down[:2], encoder[1:3], strict=True):
        mine.load_state_dict(theirs.state_dict())
    split = plain.down[2]
    local = split.convl2l.out_channels
    _copy_rows((split.convl2l, split.convl2g), encoder[3][0].weight, local)
    _copy_norm((split.bn_l, split.bn_g), encoder[3][1], local)
    for mine, theirs in zip(plain.blocks, refiner.blocks, strict=True):
        _copy_ffc(mine.conv1, theirs.first)
        _copy_ffc(mine.conv2, theirs.second)
    for mine, theirs in zip(plain.up, decoder[:3], strict=True):
        mine.load_state_dict(theirs.state_dict())
    plain.tail[1].load_state_dict(decoder[3].state_dict())
    return plain


def _copy_ffc(plain: PlainFFC, ffc: FFC) -> None:
    local = plain.convl2l.out_channels
    _copy_rows((plain.convl2l, plain.convl2g), ffc.from_local.weight, local)
    plain.convg2l.load_state_dict(ffc.global_to_local.state_dict())
    _copy_spectral(plain.convg2g, ffc.global_to_global)
    _copy_norm((plain.bn_l, plain.bn_g), ffc.norm, local)


def _copy_spectral(plain: PlainSpectralTransform, transform: SpectralTransform) -> None:
    plain.conv1.load_state_dict(transform.reduce.state_dict())
    plain.fu.conv_layer.load_state_dict(transform.unit.mix.state_dict())
    plain.fu.bn.load_state_dict(transform.unit.norm.state_dict())
    plain.conv2.load_state_dict(transform.expand.state_dict())


@torch.no_grad()
def _copy_rows(pair: tuple[nn.Conv2d, nn.Conv2d], weight: Tensor, local: int) -> None:
    pair[0].weight.copy_(weight[:local])
    pair[1].weight.copy_(weight[local:])


@torch.no_grad()
def _copy_norm(pair: tuple[nn.BatchNorm2d, nn.BatchNorm2d], norm: nn.BatchNorm2d, local: int) -> None:
    for name, value in norm.state_dict().items():
        whole = value.ndim == 0
        pair[0].state_dict()[name].copy_(value if whole else value[:local])
        pair[1].state_dict()[name].copy_(value if whole else value[local:])


def _reflected(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, padding_mode="reflect", bias=False)


def _halving(narrow: int, wide: int) -> nn.Sequential:
    return nn.Sequential(_reflected(narrow, wide, stride=2), nn.BatchNorm2d(wide), nn.ReLU(inplace=True))


def _doubling(wide: int, narrow: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(narrow), nn.ReLU(inplace=True))
