"""Where each tensor of this package's pipeline stands in LaMa's state dict.

LaMa's generator is one sequence ``model.N``: 0 pads, 1 is the 7x7 convolution, 2 to 4 halve the map, then come the
residual blocks, one layer that concatenates local and global channels, three times transposed convolution, BatchNorm
and ReLU, a pad, the last convolution and the sigmoid. Where this package has one tensor for both parts of the
channels, LaMa has two: the local part first, concatenated along the output channels. A part without channels has no
tensors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

HALVINGS = 3
FIRST_BLOCK = HALVINGS + 2  # the first residual block's index in the sequence
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
AFFINE = ("weight", "bias")


@dataclass(frozen=True)
class Dimensions:
    """The sizes that decide everything else.

    Attributes:
        ngf: channels after the first convolution.
        latent: channels inside the blocks; LaMa has 8 * ngf, at most 1024.
        blocks: residual blocks.
        num_global: how many of the blocks' channels are global.
    """

    ngf: int
    latent: int
    blocks: int
    num_global: int

    @property
    def split(self) -> tuple[int, int]:
        """Local and global channels of the blocks."""
        return self.latent - self.num_global, self.num_global

    @property
    def first_upsampling(self) -> int:
        """Index of the first transposed convolution in the sequence, after the blocks and the concatenation."""
        return FIRST_BLOCK + self.blocks + 1

    @property
    def last(self) -> int:
        """Index of the last convolution, after the upsampling and a pad."""
        return self.first_upsampling + 3 * HALVINGS + 1


@dataclass(frozen=True)
class Entry:
    """One tensor of the pipeline and LaMa's parts of it.

    Attributes:
        name: in the pipeline's state dict.
        lama_names: of the parts in LaMa's.
        sizes: the parts' lengths along the first axis, where there are two.
    """

    name: str
    lama_names: tuple[str, ...]
    sizes: tuple[int, ...] = ()


def layout(dimensions: Dimensions) -> list[Entry]:
    """Every tensor of the pipeline but the latent's mean and standard deviation, which LaMa does not have."""
    entries: list[Entry] = []
    for stage in range(HALVINGS + 1):
        split = dimensions.split if stage == HALVINGS else (1, 0)
        entries.append(_from_local(f"autoencoder.encoder.{stage}.0.weight", f"model.{stage + 1}", split))
        entries += _norm(f"autoencoder.encoder.{stage}.1", f"model.{stage + 1}", split)
    for block in range(dimensions.blocks):
        lama_block = f"model.{FIRST_BLOCK + block}"
        entries += _ffc(f"refiner.blocks.{block}.first", f"{lama_block}.conv1", dimensions.split)
        entries += _ffc(f"refiner.blocks.{block}.second", f"{lama_block}.conv2", dimensions.split)
    entries += _decoder(dimensions)
    return entries


def to_lama(weights: Mapping[str, Tensor], dimensions: Dimensions) -> dict[str, Tensor]:
    """LaMa's tensors ``model.N…`` from a pipeline's state dict; copies, none shares another's memory."""
    converted: dict[str, Tensor] = {}
    for entry in layout(dimensions):
        value = weights[entry.name]
        if len(entry.lama_names) == 1 or value.ndim == 0:  # both parts of a BatchNorm have counted the same batches
            for name in entry.lama_names:
                converted[name] = value.clone()
        else:
            for name, part in zip(entry.lama_names, value.split(entry.sizes), strict=True):
                converted[name] = part.clone()
    return converted


def from_lama(weights: Mapping[str, Tensor], dimensions: Dimensions) -> dict[str, Tensor]:
    """A pipeline's state dict from LaMa's tensors ``model.N…``; latents stay on LaMa's scale: mean 0, deviation 1."""
    converted = {
        "autoencoder.latent_mean": torch.zeros(dimensions.latent),
        "autoencoder.latent_std": torch.ones(dimensions.latent),
    }
    for entry in layout(dimensions):
        parts = [weights[name] for name in entry.lama_names]
        if parts[0].ndim:
            converted[entry.name] = torch.cat(parts)
        else:
            converted[entry.name] = torch.stack(parts).amax()
    return converted


def _ffc(name: str, lama: str, split: tuple[int, int]) -> Iterator[Entry]:
    """One fast Fourier convolution."""
    num_local, num_global = split
    if num_local:
        yield _from_local(f"{name}.from_local.weight", lama, split)
    if num_local and num_global:
        yield Entry(f"{name}.global_to_local.weight", (f"{lama}.ffc.convg2l.weight",))
    if num_global:
        spectral = f"{name}.global_to_global"
        lama_spectral = f"{lama}.ffc.convg2g"
        yield from _equal(f"{spectral}.reduce.0", f"{lama_spectral}.conv1.0", ("weight",))
        yield from _equal(f"{spectral}.reduce.1", f"{lama_spectral}.conv1.1", NORM)
        yield from _equal(f"{spectral}.unit.mix", f"{lama_spectral}.fu.conv_layer", ("weight",))
        yield from _equal(f"{spectral}.unit.norm", f"{lama_spectral}.fu.bn", NORM)
        yield from _equal(f"{spectral}.expand", f"{lama_spectral}.conv2", ("weight",))
    yield from _norm(f"{name}.norm", lama, split)


def _decoder(dimensions: Dimensions) -> Iterator[Entry]:
    for level in range(HALVINGS):
        index = dimensions.first_upsampling + 3 * level
        yield from _equal(f"autoencoder.decoder.{level}.0", f"model.{index}", AFFINE)
        yield from _equal(f"autoencoder.decoder.{level}.1", f"model.{index + 1}", NORM)
    yield from _equal(f"autoencoder.decoder.{HALVINGS}", f"model.{dimensions.last}", AFFINE)


def _from_local(name: str, lama: str, split: tuple[int, int]) -> Entry:
    """The convolution that reads the local part and writes both."""
    return _concatenated(name, (f"{lama}.ffc.convl2l.weight", f"{lama}.ffc.convl2g.weight"), split)


def _norm(name: str, lama: str, split: tuple[int, int]) -> Iterator[Entry]:
    for key in NORM:
        yield _concatenated(f"{name}.{key}", (f"{lama}.bn_l.{key}", f"{lama}.bn_g.{key}"), split)


def _concatenated(name: str, lama_names: tuple[str, str], split: tuple[int, int]) -> Entry:
    """Of two parts of these sizes, those that have channels."""
    present = []
    for lama_name, size in zip(lama_names, split, strict=True):
        if size:
            present.append((lama_name, size))
    names, sizes = zip(*present, strict=True)
    return Entry(name, names, sizes)


def _equal(name: str, lama: str, keys: tuple[str, ...]) -> Iterator[Entry]:
    for key in keys:
        yield Entry(f"{name}.{key}", (f"{lama}.{key}",))
