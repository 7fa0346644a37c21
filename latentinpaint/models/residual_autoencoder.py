"""A residual autoencoder without normalisation, which starts as the best linear one.

Pictures become features by space-to-depth and strided convolutions and return by depth-to-space; between them there
are residual blocks without BatchNorm (Lim et al., "Enhanced Deep Residual Networks for Single Image
Super-Resolution", arXiv 1707.02921; Shi et al., "Real-Time Single Image and Video Super-Resolution", arXiv
1609.05158). Nothing but the blocks has an activation, so the path around them is linear from the picture to the
latent and back. `start_from_patches` sets this path to the principal components of the pictures' 8x8 patches, which
is the best linear code of its size, and training begins where a random start arrives after hours.

The principal components are turned by a Hadamard matrix, whose entries all have the same size: every channel of the
latent then has the same variance, and because the basis is orthonormal, distances between latents are close to those
between pictures.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.errors import InputError, whole_number
from latentinpaint.models.autoencoder import Autoencoder
from latentinpaint.models.stages import PlainResidualBlock, Stages, bias_of, maps_of

CONTRAST = 4.0  # pictures in [0, 1] enter as [-2, 2], about standard deviation 1
PATCH_SIDE = 8
PATCH_VALUES = 3 * PATCH_SIDE**2
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # places (row, column) in a square of two by two, in their order in depth
CODE_SCALE = 0.5  # of the principal components, so that they are about as large as the pictures


class PictureScale(nn.Module):
    """Pictures in [0, 1] to values about 0; same shape."""

    def forward(self, image: Tensor) -> Tensor:
        return (image - 0.5) * CONTRAST


class ResidualAutoencoder(Autoencoder):
    """Residual blocks at strides 2, 4 and 8; see the module.

    Args:
        latent_channels: channels of the latent.
        encoder_widths, encoder_blocks: channels and residual blocks of the encoder at strides 2, 4 and 8.
        decoder_widths, decoder_blocks: those of the decoder at strides 8, 4 and 2.

    Shapes: pictures (B, 3, H, W), latents (B, latent_channels, H / 8, W / 8).

    Raises:
        InputError: if a width or a number of blocks is missing, below its least value, or not a whole number.
    """

    hole_value = 0.5

    def __init__(
        self,
        latent_channels: int = 64,
        encoder_widths: Sequence[int] = (48, 96, 128),
        encoder_blocks: Sequence[int] = (0, 1, 3),
        decoder_widths: Sequence[int] = (128, 96, 48),
        decoder_blocks: Sequence[int] = (4, 3, 2),
    ) -> None:
        whole_number("latent_channels", latent_channels, 1)
        _check_three("encoder_widths", encoder_widths, 1)
        _check_three("encoder_blocks", encoder_blocks, 0)
        _check_three("decoder_widths", decoder_widths, 1)
        _check_three("decoder_blocks", decoder_blocks, 0)
        super().__init__(latent_channels)
        self.image_channels = 3
        self.stride = PATCH_SIDE
        self.stage_channels = (*encoder_widths, latent_channels)
        self.stage_strides = (2, 4, 8, 8)
        half, quarter, eighth = encoder_widths
        first = nn.Sequential(PictureScale(), nn.PixelUnshuffle(2), nn.Conv2d(12, half, 3, padding=1))
        second = nn.Sequential(nn.Conv2d(half, quarter, 4, stride=2, padding=1))
        third = nn.Sequential(nn.Conv2d(quarter, eighth, 4, stride=2, padding=1))
        last = nn.Sequential(nn.Conv2d(eighth, latent_channels, 3, padding=1))
        for stage, width, blocks in zip((first, second, third), encoder_widths, encoder_blocks, strict=True):
            _append_blocks(stage, width, blocks)
        self.encoder = Stages([first, second, third, last])
        eighth, quarter, half = decoder_widths
        self.decoder = nn.Sequential(nn.Conv2d(latent_channels, eighth, 3, padding=1))
        _append_blocks(self.decoder, eighth, decoder_blocks[0])
        self.decoder.extend([nn.Conv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2)])
        _append_blocks(self.decoder, quarter, decoder_blocks[1])
        self.decoder.extend([nn.Conv2d(quarter, 4 * half, 1), nn.PixelShuffle(2)])
        _append_blocks(self.decoder, half, decoder_blocks[2])
        self.decoder.extend([nn.Conv2d(half, 12, 3, padding=1), nn.PixelShuffle(2)])

    @property
    def stages(self) -> Stages:
        return self.encoder

    def decode_features(self, features: Tensor) -> Tensor:
        return self.decode_unclamped(features).clamp(0, 1)

    def decode_unclamped(self, features: Tensor) -> Tensor:
        return self.decoder(features) / CONTRAST + 0.5

    def decoder_maps(self, latent: Tensor) -> list[Tensor]:
        count = self.arguments["decoder_blocks"][0]
        return maps_of(PlainResidualBlock, self.decoder[: 1 + count], self._raw(latent))

    @torch.no_grad()
    def start_from_patches(self, images: Iterable[Tensor]) -> None:
        """Set the linear path to the principal components of the pictures' patches.

        Args:
            images: batches (B, 3, H, W) in [0, 1], H and W multiples of 8; read once.

        Raises:
            InputError: if the widths cannot hold the path, or there is no batch.
        """
        least = {"encoder_widths": (12, 48, self.latent_channels), "decoder_widths": (self.latent_channels, 48, 12)}
        for name, needed in least.items():
            for width, smallest in zip(self.arguments[name], needed, strict=True):
                if width < smallest:
                    raise InputError(f"a start from patches needs {name} of {needed} or more")
        mean, basis = _principal_components(images, self.latent_channels)
        turned = basis @ _rotation(self.latent_channels).to(basis)
        self._start_encoder(mean, turned)
        self._start_decoder(mean, turned)

    def _start_encoder(self, mean: Tensor, basis: Tensor) -> None:
        """Channels 0, 1, … of every stage carry the path; the others keep their random features."""
        first, second, third, last = [_stage_convolution(stage) for stage in self.encoder]
        _carry(first, 12)
        second.weight[:48] = 0
        bias_of(second)[:48] = 0
        count = basis.shape[1]
        third.weight[:count] = 0
        for phase, (row, column) in enumerate(PHASES):
            for channel in range(12):
                second.weight[4 * channel + phase, channel, 1 + row, 1 + column] = 1
            third.weight[:count, :48, 1 + row, 1 + column] = CODE_SCALE * basis[phase::4].T
        bias_of(third)[:count] = -CODE_SCALE * (basis.T @ mean)
        _carry(last, count)

    def _start_decoder(self, mean: Tensor, basis: Tensor) -> None:
        convolutions = [layer for layer in self.decoder if isinstance(layer, nn.Conv2d)]
        first, to_quarter, to_half, last = convolutions
        count = basis.shape[1]
        _carry(first, count)
        to_quarter.weight[:PATCH_VALUES] = 0
        to_quarter.weight[:PATCH_VALUES, :count, 0, 0] = basis / CODE_SCALE
        bias_of(to_quarter)[:PATCH_VALUES] = mean
        _carry(to_half, 48)
        _carry(last, 12)


def _stage_convolution(stage: nn.Module) -> nn.Conv2d:
    """The convolution of an encoder stage outside its residual blocks."""
    for layer in stage.children():
        if isinstance(layer, nn.Conv2d):
            return layer
    raise TypeError("the stage has no convolution")


def _carry(convolution: nn.Conv2d, count: int) -> None:
    """Let the first channels pass as they are."""
    middle = convolution.kernel_size[0] // 2
    convolution.weight[:count] = 0
    bias_of(convolution)[:count] = 0
    convolution.weight[range(count), range(count), middle, middle] = 1


def _append_blocks(layers: nn.Sequential, width: int, count: int) -> None:
    for _ in range(count):
        layers.append(PlainResidualBlock(width))


def _principal_components(images: Iterable[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """The mean (192,) of patches in the order of the encoder's depth, and their first components (192, count)."""
    number = 0
    total = torch.zeros(PATCH_VALUES, dtype=torch.float64)
    products = torch.zeros(PATCH_VALUES, PATCH_VALUES, dtype=torch.float64)
    scale = PictureScale()
    for batch in images:
        depth = scale(batch.cpu())
        for _ in range(3):
            depth = F.pixel_unshuffle(depth, 2)
        patches = depth.permute(0, 2, 3, 1).reshape(-1, PATCH_VALUES).double()
        total += patches.sum(0)
        products += patches.T @ patches
        number += len(patches)
    if number == 0:
        raise InputError("a start from patches needs at least one batch of pictures")
    mean = total / number
    _, vectors = torch.linalg.eigh(products / number - torch.outer(mean, mean))
    return mean.float(), vectors.flip(1)[:, :count].float()


def _rotation(size: int) -> Tensor:
    """An orthogonal matrix (size, size): Hadamard's where there is one of a power of two, else a random one."""
    if size & (size - 1):
        return torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(0)))[0]
    rotation = torch.ones(1, 1)
    step = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) * 0.5**0.5
    while len(rotation) < size:
        rotation = torch.kron(step, rotation)
    return rotation


def _check_three(name: str, values: Sequence[int], least: int) -> None:
    if len(values) != 3:
        raise InputError(f"{name} are three numbers, not {list(values)}")
    for value in values:
        whole_number(name, value, least)
