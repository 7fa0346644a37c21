"""The TAESD family: tiny autoencoders that imitate those of diffusion models.

Architecture: Bohan, "Tiny AutoEncoder for Stable Diffusion", https://github.com/madebyollin/taesd. All maps but the
latent have 64 channels; a block is three 3x3 convolutions around which its input passes; the encoder halves the map
three times, the decoder doubles it three times. The members differ in the latent (4 channels for Stable Diffusion 1
and XL, 16 for Stable Diffusion 3 and FLUX.1, 32 for FLUX.2) and in the blocks at stride 8, which in the latest one
have another branch, normalised over the whole map. They have nothing else that looks further than its kernel, so that
everything but those blocks can be computed in bands of rows, exactly.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, whole_number
from latentinpaint.models.autoencoder import Autoencoder
from latentinpaint.models.bands import run_in_bands
from latentinpaint.models.stages import Stages, maps_of, run_stages

WIDTH = 64
LATENT_RANGE = 3.0  # the decoder limits raw features softly to -3 … 3
POOLED_WIDTH = 4 * WIDTH
GROUPS = 4
BANDED_STAGES = 2  # of the encoder, up to stride 4
# Pixels that an output depends on to each side, at the strides 1, 2, 4 of the convolutions: those of the encoder's
# banded stages reach 4 + 1 + 9 * 2 + 2 + 9 * 4 = 61, those of the decoder behind its first blocks
# 4 + 9 * 4 + 2 + 9 * 2 + 1 + 3 + 1 = 65.
ENCODER_HALO = 16  # rows at stride 4
DECODER_HALO = 9  # rows at stride 8


class TinyBlock(nn.Module):
    """Three 3x3 convolutions with a path around them; (B, 64, h, w) to the same.

    Args:
        pooled: whether a branch that is normalised over the whole map is added first.
    """

    def __init__(self, pooled: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(_conv(WIDTH), nn.ReLU(), _conv(WIDTH), nn.ReLU(), _conv(WIDTH))
        self.pool: nn.Sequential | None = None
        if pooled:
            self.pool = nn.Sequential(
                nn.Conv2d(WIDTH, POOLED_WIDTH, 1, bias=False),
                nn.GroupNorm(GROUPS, POOLED_WIDTH),
                nn.ReLU(),
                nn.Conv2d(POOLED_WIDTH, WIDTH, 1, bias=False),
            )

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class SoftLimit(nn.Module):
    """Raw features limited softly to `LATENT_RANGE`; same shape."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.tanh(features / LATENT_RANGE) * LATENT_RANGE


class TaesdAutoencoder(Autoencoder):
    """A member of the TAESD family; see the module.

    Args:
        latent_channels: channels of the latent.
        pooled: whether the blocks at stride 8 have the branch that is normalised over the whole map.
        sha256: of the file that its weights come from, which model files keep; None if there is none.

    Shapes: pictures (B, 3, H, W), latents (B, latent_channels, H / 8, W / 8).
    """

    hole_value = 0.5

    def __init__(self, latent_channels: int = 4, pooled: bool = False, sha256: str | None = None) -> None:
        whole_number("latent_channels", latent_channels, 1)
        super().__init__(latent_channels)
        self.image_channels = 3
        self.stride = 8
        self.stage_channels = (WIDTH, WIDTH, WIDTH, latent_channels)
        self.stage_strides = (2, 4, 8, 8)
        self.encoder = Stages(
            [
                nn.Sequential(_conv(3, WIDTH), TinyBlock(), _halving(), *_blocks()),
                nn.Sequential(_halving(), *_blocks()),
                nn.Sequential(_halving(), *_blocks(pooled)),
                nn.Sequential(_conv(WIDTH, latent_channels)),
            ]
        )
        first = nn.Sequential(SoftLimit(), _conv(latent_channels, WIDTH), nn.ReLU(), *_blocks(pooled))
        rest = nn.Sequential(*_doubling(3), *_doubling(3), *_doubling(1), _conv(WIDTH, 3))
        self.decoder = nn.ModuleList([first, rest])

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor], sha256: str | None = None) -> "TaesdAutoencoder":
        """The member whose tensors these are, of any floating type.

        Its names begin with ``encoder.`` and ``decoder.`` and number the layers, from 0 or from another number:
        files differ in whether layers without weights count.

        Raises:
            InputError: if they are not a member's.
        """
        last = latent_convolution(weights)
        if last is None or last.ndim != 4:
            raise InputError("these are not the weights of a TAESD autoencoder")
        pooled = any(".pool." in name for name in weights)
        autoencoder = cls(len(last), pooled, sha256)
        own = autoencoder.state_dict()
        places = [name for name in own if not name.startswith("latent_")]
        # The layers have the same order everywhere, so that the numbers themselves do not matter.
        own_names = sorted(places, key=_layer_order)
        their_names = sorted(weights, key=_layer_order)
        if list(map(_within_layer, own_names)) != list(map(_within_layer, their_names)):
            raise InputError("these are not the weights of a TAESD autoencoder: it has other layers")
        for name, theirs in zip(own_names, their_names, strict=True):
            if own[name].shape != weights[theirs].shape:
                raise InputError(
                    f"these are not the weights of a TAESD autoencoder: {theirs} has the shape "
                    f"{tuple(weights[theirs].shape)} in place of {tuple(own[name].shape)}"
                )
            own[name] = weights[theirs].float()
        autoencoder.load_state_dict(own)
        return autoencoder

    @property
    def stages(self) -> Stages:
        return self.encoder

    def encode_features(
        self, image: Tensor, control: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        self.encoder.check(control)
        maps = [image]
        rest = None
        if control is not None:
            maps += control[:BANDED_STAGES]
            rest = control[BANDED_STAGES:]

        def first_stages(image: Tensor, *control: Tensor) -> Tensor:
            return run_stages(self.encoder[:BANDED_STAGES], image, control or None)

        cell = self.stage_strides[BANDED_STAGES - 1]
        features = run_in_bands(first_stages, maps, image.shape[2] // cell, cell, ENCODER_HALO)
        return run_stages(self.encoder[BANDED_STAGES:], features, rest)

    def decoder_maps(self, latent: Tensor) -> list[Tensor]:
        first, _ = self.decoder
        return maps_of(TinyBlock, first.children(), self._raw(latent))

    def decode_features(self, features: Tensor) -> Tensor:
        return self.decode_unclamped(features).clamp(0, 1)

    def decode_unclamped(self, features: Tensor) -> Tensor:
        first, rest = self.decoder
        return run_in_bands(rest, [first(features)], features.shape[2], self.stride, DECODER_HALO)


def latent_convolution(weights: Mapping[str, Tensor]) -> Tensor | None:
    """The weight of the encoder's last layer in a file of the family; None in other files."""
    return weights.get("encoder.14.weight", weights.get("encoder.layers.14.weight"))


def _conv(in_channels: int, out_channels: int = WIDTH, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)


def _halving() -> nn.Conv2d:
    return nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False)


def _doubling(blocks: int) -> list[nn.Module]:
    """The layers that double a map, and the blocks behind them."""
    return [nn.Upsample(scale_factor=2), _conv(WIDTH, bias=False), *_blocks(count=blocks)]


def _blocks(pooled: bool = False, count: int = 3) -> list[nn.Module]:
    return [TinyBlock(pooled) for _ in range(count)]


def _layer_order(name: str) -> list[tuple[int, str]]:
    """Orders names of parameters by the numbers in them."""
    parts = []
    for part in name.split("."):
        if part.isdecimal():
            parts.append((int(part), ""))
        else:
            parts.append((-1, part))
    return parts


def _within_layer(name: str) -> str:
    """What a parameter is called within its layer: ``conv.0.weight``, ``weight``, …"""
    found = re.search(r"((conv|pool)\.\d+\.)?(weight|bias)$", name)
    return found[0] if found else name
