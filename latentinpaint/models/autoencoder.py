"""Autoencoders: from a picture to its latent and back.

Conventions. Pictures are float32 ``(B, 3, H, W)`` in [0, 1] with ``H`` and ``W`` multiples of ``stride``.
The raw output of the last encoder stage is called *features* ``h``; the *latent* is ``z = (h - mean) / std``
with one mean and one standard deviation a channel, measured on training pictures and stored here as buffers. The
numbers of every latent therefore have mean 0 and standard deviation 1; only this module knows the raw scale.

An encoder is a list of *stages*. A control (see `mask_control`) is one feature map a stage, added to that
stage's output before the next one reads it. LaMa's own way to show an encoder where the hole is, the mask as a fourth
channel of the picture, is `with_mask_channel`; a picture without a mask is then one without a hole.

Architecture of `LamaAutoencoder`: the layers before and after the Fourier blocks of LaMa (Suvorov et al.,
"Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022, arXiv 2109.07161).
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from latentinpaint.errors import whole_number
from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.models.stages import Stages, downsample_block, stem, upsample_block

A = TypeVar("A", bound="Autoencoder")


class Autoencoder(RecordsArguments, nn.Module, ABC):
    """The interface of all autoencoders; a subclass provides `stages` and `decode_features`.

    Attributes:
        stride: side of the square of pixels behind one latent cell.
        image_channels: channels of the pictures.
        latent_channels: channels of the latent.
        stage_channels: channels after each encoder stage (empty: there are no stages to control).
        stage_strides: pixels per cell after each stage.
        mask_channel: whether the encoder reads the mask as one more channel of the picture.
        hole_value: what it reads in the hole, in [0, 1]; LaMa's is 0.
        latent_mean, latent_std: (latent_channels,), of the raw features; see the module.
    """

    stride: int
    image_channels: int
    latent_channels: int
    stage_channels: tuple[int, ...]
    stage_strides: tuple[int, ...]
    mask_channel: bool = False
    hole_value: float = 0.0
    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.frozen = False
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))

    @property
    @abstractmethod
    def stages(self) -> Stages:
        """The encoder's stages in order, whose composition is the encoder; empty where it is no chain of modules."""

    @abstractmethod
    def decode_features(self, features: Tensor) -> Tensor:
        """Raw features (B, C, h, w) to pictures (B, 3, h * stride, w * stride) in [0, 1]."""

    def decode_unclamped(self, features: Tensor) -> Tensor:
        """The same before it is limited to [0, 1]: there the squared error has a gradient everywhere."""
        return self.decode_features(features)

    def start_from_patches(self, images: Iterable[Tensor]) -> None:  # noqa: B027
        """Begin a training at what training pictures, batches (B, 3, H, W), suggest; most begin at random."""

    def encode_features(
        self, image: Tensor, control: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Pictures to raw, unstandardised features (B, C, H / stride, W / stride); see `encode`."""
        features = image
        if self.mask_channel:
            if mask is None:
                mask = torch.zeros_like(image[:, :1])
            features = torch.cat([image, mask.to(image.dtype)], dim=1)
        return self.stages(features, control)

    def encode(self, image: Tensor, control: Sequence[Tensor] | None = None, mask: Tensor | None = None) -> Tensor:
        """Pictures to latents.

        Args:
            image: (B, 3, H, W) in [0, 1], H and W multiples of `stride`.
            control: one map a stage, (B, stage_channels[i], H / stage_strides[i], W / stage_strides[i]).
            mask: (B, 1, H, W), 1 = hole, for an encoder with a mask channel (others ignore it); None is no hole.

        Returns:
            (B, latent_channels, H / stride, W / stride), standardised.
        """
        return self.standardise(self.encode_features(image, control, mask))

    def decode(self, latent: Tensor) -> Tensor:
        """Latents (B, C, h, w) to pictures (B, 3, h * stride, w * stride) in [0, 1]."""
        return self.decode_features(self._raw(latent))

    def decoder_maps(self, latent: Tensor) -> list[Tensor]:
        """What the decoder's first layers make of latents (B, C, h, w), at that scale; empty if it shows nothing."""
        return []

    def _raw(self, latent: Tensor) -> Tensor:
        return latent * _per_channel(self.latent_std) + _per_channel(self.latent_mean)

    def standardise(self, features: Tensor) -> Tensor:
        """Raw features to latents of mean 0 and standard deviation 1 a channel."""
        return (features - _per_channel(self.latent_mean)) / _per_channel(self.latent_std)

    @torch.no_grad()
    def measure_latents(self, images: Iterable[Tensor]) -> None:
        """Set the latents' mean and standard deviation from batches of training pictures.

        Runs in evaluation mode, because that is how the latents will be used. Channels that never vary (a dead
        ReLU) get standard deviation 1, so that they stay finite.

        Args:
            images: batches (B, 3, H, W) in [0, 1]; read once.

        Raises:
            ValueError: if there is no batch.
        """
        was_training = self.training
        self.eval()
        count = 0
        total = torch.zeros(self.latent_channels, dtype=torch.float64)
        total_square = torch.zeros(self.latent_channels, dtype=torch.float64)
        for batch in images:
            features = self.encode_features(batch.to(self.latent_mean.device)).double().cpu()
            count += features.numel() // self.latent_channels
            total += features.sum(dim=(0, 2, 3))
            total_square += features.square().sum(dim=(0, 2, 3))
        self.train(was_training)
        if count == 0:
            raise ValueError("latent statistics need at least one batch of pictures")
        mean = total / count
        std = (total_square / count - mean.square()).clamp(min=0).sqrt()
        # A channel that is nearly always zero would have huge values where it is not: no channel is divided by less
        # than a thousandth of the usual standard deviation.
        smallest = 0.001 * std.median()
        std = torch.where(std < 1e-6, torch.ones_like(std), std.clamp(min=smallest))
        self.latent_mean.copy_(mean)
        self.latent_std.copy_(std)

    def freeze(self: A) -> A:
        """Stop every change for good: no gradients, and evaluation mode even after `train()`.

        `requires_grad_(False)` alone would leave BatchNorm's running statistics moving.
        """
        self.frozen = True
        self.requires_grad_(False)
        return self.eval()

    def thaw(self: A, part: str) -> A:
        """Let a part of a frozen autoencoder be trained again.

        Args:
            part: "first", the encoder's first convolution (BatchNorm stays as it is), or "all".

        Raises:
            ValueError: if there is no such part.
        """
        if part == "all":
            self.frozen = False
            self.requires_grad_(True)
            return self.train()
        convolution = self._first_convolution()
        if part != "first" or convolution is None:
            raise ValueError(f"{type(self).__name__} has no part '{part}' to be trained")
        convolution.requires_grad_(True)
        return self

    def train(self: A, mode: bool = True) -> A:
        super().train(mode and not self.frozen)
        return self

    def fingerprint(self) -> str:
        """A short hash of all weights and statistics: equal if and only if it is the same autoencoder."""
        digest = hashlib.sha256(repr(sorted(self.arguments.items())).encode())
        for name, value in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def _first_convolution(self) -> nn.Conv2d | None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                return module
        return None


class LamaAutoencoder(Autoencoder):
    """LaMa's encoder and decoder: a 7x7 convolution and three stages that halve the map, and the mirror image.

    Args:
        base_channels: channels after the first stage (LaMa's ngf); they double with every halving.
        latent_channels: channels of the latent; None means 8 * base_channels, as LaMa has it.
        residual_blocks: residual blocks added after every stage, in the encoder and in the decoder. 0 is LaMa.
        final_relu: whether the convolution of the encoder's last stage is followed by LaMa's ReLU, which gives
            the latents a floor.
        mask_channel: whether the encoder takes the mask as a fourth channel, as LaMa's does.

    Shapes: pictures (B, 3, H, W), latents (B, latent_channels, H / 8, W / 8).
    """

    HALVINGS = 3

    def __init__(
        self,
        base_channels: int = 8,
        latent_channels: int | None = None,
        residual_blocks: int = 0,
        final_relu: bool = True,
        mask_channel: bool = False,
    ) -> None:
        whole_number("base_channels", base_channels, 1)
        whole_number("residual_blocks", residual_blocks, 0)
        if latent_channels is not None:
            whole_number("latent_channels", latent_channels, 1)
        strides = [2**level for level in range(self.HALVINGS + 1)]
        widths = [base_channels * stride for stride in strides]
        if latent_channels is not None:
            widths[-1] = latent_channels
        super().__init__(widths[-1])
        self.mask_channel = mask_channel
        self.image_channels = 3
        self.stride = strides[-1]
        self.stage_channels = tuple(widths)
        self.stage_strides = tuple(strides)
        self.encoder = Stages([stem(self.image_channels + mask_channel, widths[0], residual_blocks)])
        for level in range(1, self.HALVINGS + 1):
            relu = final_relu or level < self.HALVINGS
            self.encoder.append(downsample_block(widths[level - 1], widths[level], residual_blocks, relu))
        self.decoder = nn.Sequential()
        for level in range(self.HALVINGS, 0, -1):
            self.decoder.append(upsample_block(widths[level], widths[level - 1], residual_blocks))
        self.decoder.append(nn.Conv2d(widths[0], self.image_channels, 7, padding=3, padding_mode="reflect"))
        self.decoder.append(nn.Sigmoid())

    @property
    def stages(self) -> Stages:
        return self.encoder

    def decode_features(self, features: Tensor) -> Tensor:
        return self.decoder(features)

    def with_mask_channel(self) -> "LamaAutoencoder":
        """A frozen copy whose encoder takes the mask as a fourth channel, with weights 0: its latents are still the
        same, whatever the mask."""
        wider = LamaAutoencoder(**{**self.arguments, "mask_channel": True})
        weights = self.state_dict()
        first = weights["encoder.0.0.weight"]
        if not self.mask_channel:
            weights["encoder.0.0.weight"] = torch.cat([first, torch.zeros_like(first[:, :1])], dim=1)
        wider.load_state_dict(weights)
        return wider.freeze()


class IdentityAutoencoder(Autoencoder):
    """The autoencoder that does nothing: with it every refiner works in pixel space.

    Pictures in [0, 1] are their own features; the latent is standardised to ``(image - mean) / std``, by
    default to [-1, 1] (mean and std 0.5), until `measure_latents` is called.

    Args:
        channels: channels of the pictures.
    """

    def __init__(self, channels: int = 3) -> None:
        super().__init__(channels)
        self.image_channels = channels
        self.stride = 1
        self.stage_channels = ()
        self.stage_strides = ()
        self.latent_mean.fill_(0.5)
        self.latent_std.fill_(0.5)

    @property
    def stages(self) -> Stages:
        return Stages()

    def decode_features(self, features: Tensor) -> Tensor:
        return features


def _per_channel(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1)
