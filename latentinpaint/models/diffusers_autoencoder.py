"""Autoencoders of the diffusers library behind this package's interface.

The network is the library's own object, and what it computes is the library's own forward; latents are means, never
samples, of an encoder that gives a distribution. Features of a mask are added by hooks after the modules that
`CONTROL_POINTS` names, and to the latent. Pictures go in and come out in [-1, 1], as diffusers has it.

A large picture is computed in bands of rows that are blended (`bands`): most of these networks normalise whole maps
or attend to them, so that the result differs a little from that of the whole picture; docs/autoencoders.md says how
much.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latentinpaint.errors import InputError, MissingPackageError, choose
from latentinpaint.models.autoencoder import Autoencoder
from latentinpaint.models.bands import run_in_bands
from latentinpaint.models.stages import Stages

HALO = 128  # pixels that a band reads beyond its own rows, if that is more than one cell
MEASURED_SIDE = 512  # pixels of the picture that channels and strides are measured on, without computing anything


def _down_blocks(config: Mapping[str, Any], encoder: nn.Module) -> list[str]:
    """The blocks at whose end a map is halved, those without layers left out."""
    names = []
    for name, block in encoder.get_submodule("down_blocks").named_children():
        if any(True for _ in block.parameters()):
            names.append(f"down_blocks.{name}")
    return names


def _before_halving(config: Mapping[str, Any], encoder: nn.Module) -> list[str]:
    """The last blocks before maps are halved, those at full resolution left out, and the last of all."""
    names = []
    last = -1
    for blocks in config.get("num_encoder_blocks", (1, 3, 3, 3)):
        last += 1 + blocks
        names.append(f"layers.{last}")
    return names[1:]


CONTROL_POINTS: dict[str, Callable[[Mapping[str, Any], nn.Module], list[str]]] = {
    "AutoencoderKL": _down_blocks,
    "AutoencoderTiny": _before_halving,
    "AutoencoderDC": _down_blocks,
    "VQModel": _down_blocks,
}
"""The classes of diffusers that are supported, and the modules of their encoders that a mask is shown after."""

# The maps to add in the encoding that runs, of this thread alone.
_CONTROL: ContextVar[Sequence[Tensor] | None] = ContextVar("control", default=None)


class DiffusersAutoencoder(Autoencoder):
    """One of diffusers' autoencoders of pictures; needs the package diffusers.

    Args:
        architecture: the class's name there, a key of `CONTROL_POINTS`.
        config: its arguments, as its config.json has them.
        sha256: of the file that its weights come from, which model files keep; None if there is none.

    Attributes:
        network: the library's object.

    Raises:
        MissingPackageError: if diffusers is not installed.
        InputError: if the architecture is none of these, or cannot be built so.
    """

    hole_value = 0.5

    def __init__(self, architecture: str, config: Mapping[str, Any], sha256: str | None = None) -> None:
        points = choose(CONTROL_POINTS, architecture, "architecture")
        with _one_sentence(architecture):
            with torch.device("meta"):
                blank = _build(architecture, config)
            names = points(config, blank.get_submodule("encoder"))
            shapes = _shapes(blank, names)
            network = _build(architecture, config)
        latent_channels, _ = shapes[-1]
        super().__init__(latent_channels)
        self.image_channels = 3
        self.stage_channels = tuple(channels for channels, _ in shapes)
        self.stage_strides = tuple(MEASURED_SIDE // side for _, side in shapes)
        self.stride = self.stage_strides[-1]
        self.network = network
        for index, name in enumerate(names):
            module = self.network.get_submodule("encoder").get_submodule(name)
            module.register_forward_hook(partial(_add_map, index))

    @property
    def stages(self) -> Stages:
        """None: the encoder is called as a whole."""
        return Stages()

    def encode_features(
        self, image: Tensor, control: Sequence[Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        if control is not None and len(control) != len(self.stage_channels):
            raise ValueError(f"control has {len(control)} maps, the encoder {len(self.stage_channels)} stages")
        return self._in_bands(self._encode, [image, *(control or ())], image.shape[2] // self.stride)

    def decode_features(self, features: Tensor) -> Tensor:
        return self.decode_unclamped(features).clamp(0, 1)

    def decode_unclamped(self, features: Tensor) -> Tensor:
        return self._in_bands(self._decode, [features], features.shape[2])

    def _in_bands(self, function: Callable[..., Tensor], maps: Sequence[Tensor], cells: int) -> Tensor:
        halo = max(1, HALO // self.stride)
        return run_in_bands(function, maps, cells, self.stride, halo, blended=True)

    def _encode(self, image: Tensor, *control: Tensor) -> Tensor:
        token = _CONTROL.set(control or None)
        try:
            features = _latent_of(self.network, 2 * image - 1)
        finally:
            _CONTROL.reset(token)
        if control:
            features = features + control[-1]
        return features

    def _decode(self, features: Tensor) -> Tensor:
        return (_picture_of(self.network, features) + 1) / 2


def _build(architecture: str, config: Mapping[str, Any]) -> nn.Module:
    """The library's object with random weights."""
    try:
        import diffusers
    except ImportError as error:
        raise MissingPackageError(
            f"an autoencoder of the class {architecture} needs diffusers: pip install 'latentinpaint[diffusers]'"
        ) from error
    return getattr(diffusers, architecture).from_config(dict(config))


@contextmanager
def _one_sentence(architecture: str) -> Iterator[None]:
    """Whatever the library says of a configuration is told as an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # it has no error of its own for this
        said = str(error).strip().split("\n")[0]
        raise InputError(f"no {architecture} of pictures can be built with this configuration: {said}") from error


def _latent_of(network: nn.Module, image: Tensor) -> Tensor:
    """The latent of pictures in [-1, 1]; the mean where the encoder gives a distribution."""
    encoded = network.encode(image, return_dict=False)[0]  # type: ignore[operator]
    if isinstance(encoded, Tensor):
        return encoded
    return encoded.mean


def _picture_of(network: nn.Module, latent: Tensor) -> Tensor:
    """The pictures in [-1, 1] of latents."""
    return network.decode(latent, return_dict=False)[0]  # type: ignore[operator]


def _shapes(blank: nn.Module, names: Sequence[str]) -> list[tuple[int, int]]:
    """Channels and side of the maps after some modules of the encoder, and of the latent, for a `MEASURED_SIDE`²
    picture; `blank` is a network on the meta device."""
    shapes: list[tuple[int, int]] = []

    def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        shapes.append((output.shape[1], output.shape[3]))

    for name in names:
        blank.get_submodule("encoder").get_submodule(name).register_forward_hook(note)
    image = torch.zeros(1, 3, MEASURED_SIDE, MEASURED_SIDE, device="meta")
    latent = _latent_of(blank, image)
    back = _picture_of(blank, latent)
    if back.shape != image.shape:
        raise InputError(
            f"a {type(blank).__name__} of this configuration gives back pictures of another size or kind"
        )
    return [*shapes, (latent.shape[1], latent.shape[3])]


def _add_map(index: int, module: nn.Module, inputs: tuple, output: Tensor) -> Tensor | None:
    """A forward hook: adds the control's map of this number, if there is one."""
    control = _CONTROL.get()
    if control is None:
        return None
    return output + control[index]
