"""Where each tensor of this package's pipeline stands in LaMa's state dict.

LaMa's generator is one sequence ``model.N``: 0 pads, 1 is the 7x7 convolution, 2 to 4 halve, then come the residual
blocks, one layer that joins local and global channels, three doublings of convolution, BatchNorm and ReLU, a pad, the
last convolution and the sigmoid. Where this package has one tensor for both parts of the channels, LaMa has two: the
local part first, joined along the output channels. A part without channels has no tensors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

HALVINGS = 3
BLOCKS_FROM = HALVINGS + 2  # the first residual block's place in the sequence
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Dimensions:
    """The sizes that decide everything else.

    Attributes:
        ngf: channels after the first convolution.
        latent: channels inside the blocks; LaMa has 8 * ngf, at most 1024.
        blocks: residual blocks.
        wide: how many of the blocks' channels are global.
    """

    ngf: int
    latent: int
    blocks: int
    wide: int

    @property
    def last(self) -> int:
        """The last convolution's place in the sequence, after the joining layer, the doublings and a pad."""
        return BLOCKS_FROM + self.blocks + 1 + 3 * HALVINGS + 1


@dataclass(frozen=True)
class Entry:
    """One tensor here and its parts there: `sizes` are the parts' lengths along the first axis."""

    ours: str
    parts: tuple[str, ...]
    sizes: tuple[int, ...] = ()


def layout(dimensions: Dimensions) -> list[Entry]:
    """Every tensor of the pipeline but the latent's mean and deviation, which LaMa does not have."""
    split = (dimensions.latent - dimensions.wide, dimensions.wide)
    entries = []
    for stage in range(HALVINGS + 1):
        parts = split if stage == HALVINGS else (1, 0)
        ours, theirs = f"autoencoder.encoder.{stage}", f"model.{stage + 1}"
        entries.append(_from_local(f"{ours}.0.weight", theirs, parts))
        entries += _norm(f"{ours}.1", theirs, parts)
    for block in range(dimensions.blocks):
        for ours, theirs in (("first", "conv1"), ("second", "conv2")):
            names = f"refiner.blocks.{block}.{ours}", f"model.{BLOCKS_FROM + block}.{theirs}"
            entries += _fourier_convolution(*names, split)
    return entries + list(_decoder(dimensions))


def _fourier_convolution(ours: str, theirs: str, split: tuple[int, int]) -> Iterator[Entry]:
    near, far = split
    if near:
        yield _from_local(f"{ours}.from_local.weight", theirs, split)
    if near and far:
        yield Entry(f"{ours}.global_to_local.weight", (f"{theirs}.ffc.convg2l.weight",))
    if far:
        ours_g, theirs_g = f"{ours}.global_to_global", f"{theirs}.ffc.convg2g"
        yield Entry(f"{ours_g}.reduce.0.weight", (f"{theirs_g}.conv1.0.weight",))
        yield from _same(f"{ours_g}.reduce.1", f"{theirs_g}.conv1.1", NORM)
        yield Entry(f"{ours_g}.unit.mix.weight", (f"{theirs_g}.fu.conv_layer.weight",))
        yield from _same(f"{ours_g}.unit.norm", f"{theirs_g}.fu.bn", NORM)
        yield Entry(f"{ours_g}.expand.weight", (f"{theirs_g}.conv2.weight",))
    yield from _norm(f"{ours}.norm", theirs, split)


def _decoder(dimensions: Dimensions) -> Iterator[Entry]:
    first = BLOCKS_FROM + dimensions.blocks + 1
    for level in range(HALVINGS):
        yield from _same(f"autoencoder.decoder.{level}.0", f"model.{first + 3 * level}", ("weight", "bias"))
        yield from _same(f"autoencoder.decoder.{level}.1", f"model.{first + 3 * level + 1}", NORM)
    yield from _same(f"autoencoder.decoder.{HALVINGS}", f"model.{dimensions.last}", ("weight", "bias"))


def _from_local(ours: str, theirs: str, split: tuple[int, int]) -> Entry:
    """The convolution that reads the local part and writes both."""
    return _joined(ours, (f"{theirs}.ffc.convl2l.weight", f"{theirs}.ffc.convl2g.weight"), split)


def _norm(ours: str, theirs: str, split: tuple[int, int]) -> list[Entry]:
    return [_joined(f"{ours}.{key}", (f"{theirs}.bn_l.{key}", f"{theirs}.bn_g.{key}"), split) for key in NORM]


def _joined(ours: str, parts: tuple[str, str], split: tuple[int, int]) -> Entry:
    there = [index for index in (0, 1) if split[index]]
    return Entry(ours, tuple(parts[i] for i in there), tuple(split[i] for i in there))


def _same(ours: str, theirs: str, keys: tuple[str, ...]) -> list[Entry]:
    return [Entry(f"{ours}.{key}", (f"{theirs}.{key}",)) for key in keys]


def to_lama(weights: Mapping[str, Tensor], dimensions: Dimensions) -> dict[str, Tensor]:
    """LaMa's tensors ``model.N…`` out of a pipeline's state dict; copies, none shares another's memory."""
    theirs = {}
    for entry in layout(dimensions):
        value = weights[entry.ours]
        whole = len(entry.parts) == 1 or value.ndim == 0  # both parts of a BatchNorm have counted the same batches
        pieces = [value] * len(entry.parts) if whole else value.split(entry.sizes)
        theirs |= {name: piece.clone() for name, piece in zip(entry.parts, pieces, strict=True)}
    return theirs


def from_lama(weights: Mapping[str, Tensor], dimensions: Dimensions) -> dict[str, Tensor]:
    """A pipeline's state dict out of LaMa's tensors ``model.N…``; the latent keeps its scale: mean 0, deviation 1."""
    ours = {
        "autoencoder.latent_mean": torch.zeros(dimensions.latent),
        "autoencoder.latent_std": torch.ones(dimensions.latent),
    }
    for entry in layout(dimensions):
        parts = [weights[name] for name in entry.parts]
        ours[entry.ours] = torch.cat(parts) if parts[0].ndim else torch.stack(parts).amax()
    return ours
