"""Modules of fused networks: no BatchNorm, few passes over memory, the same function.

Maps are (B, C, h, w), best with their channels last; see `row_tiling` for the convolutions. Gradients flow through.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.fast.row_tiling import FusedConvolution, TileableLayer, run_row_tiled
from latentinpaint.models.stages import Stages, run_stages


class RowTiledSequential(nn.Module):
    """Layers computed in tiles of rows, see `run_row_tiled`; (B, C, h, w) to the last one's output."""

    def __init__(self, *layers: TileableLayer) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return run_row_tiled(tileable(self.layers), x)


class RowTiledStages(Stages):
    """An encoder's stages, the first `count` of which, all `FusedConvolution`s, are computed in tiles of rows."""

    def __init__(self, stages: Stages, count: int) -> None:
        super().__init__(stages)
        self.count = count

    def forward(self, features: Tensor, control: Sequence[Tensor] | None = None) -> Tensor:
        self.check(control)
        stages = list(self)
        tiled = tileable(stages[: self.count])
        whole = stages[self.count :]
        if control is None:
            return run_stages(whole, run_row_tiled(tiled, features))
        features = run_row_tiled(tiled, features, control[: self.count])
        return run_stages(whole, features, control[self.count :])


class FusedFFC(nn.Module):
    """One fast Fourier convolution whose paths read the same padded map and add to the same output.

    Args:
        split: local and global channels.
        from_local, global_to_local, global_to_global: the paths, without ReLU; None where there is none.
    """

    def __init__(
        self,
        split: tuple[int, int],
        from_local: FusedConvolution | None,
        global_to_local: FusedConvolution | None,
        global_to_global: nn.Module | None,
    ) -> None:
        super().__init__()
        self.num_local, _ = split
        self.from_local = from_local
        self.global_to_local = global_to_local
        self.global_to_global = global_to_global

    def forward(self, x: Tensor) -> Tensor:
        num_local = self.num_local
        if self.from_local is None:
            assert self.global_to_global is not None
            return self.global_to_global(x).relu_()
        padded = F.pad(x.to(self.from_local.weight.dtype), (1, 1, 1, 1), mode="reflect")
        y = self.from_local.valid_conv(padded[:, :num_local])
        if self.global_to_local is not None:
            y[:, :num_local] += self.global_to_local.valid_conv(padded[:, num_local:])
        if self.global_to_global is not None:
            y[:, num_local:] += self.global_to_global(x[:, num_local:])
        return y.relu_()


class FusedBlock(nn.Module):
    """``x + second(first(x))``, added in place where no gradient needs the values that were there."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        if torch.is_grad_enabled() and y.requires_grad:
            return y + x.to(y.dtype)
        return y.add_(x)


class FusedMaskControl(nn.Module):
    """A mask control whose stages are ordinary layers.

    Args:
        stages: each reads the output of the one before it, the first one the mask.
        zero_convs: one for each stage; their outputs are the control.
    """

    def __init__(self, stages: nn.ModuleList, zero_convs: nn.ModuleList) -> None:
        super().__init__()
        self.stages = stages
        self.zero_convs = zero_convs

    def forward(self, mask: Tensor) -> list[Tensor]:
        """As `MaskControl`."""
        features = mask
        control = []
        for stage, zero_conv in zip(self.stages, self.zero_convs, strict=True):
            features = stage(features)
            control.append(zero_conv(features))
        return control


class CastTo(nn.Module):
    """A network of two arguments, a map and a time, with weights and maps of another floating type.

    Args:
        network: returns maps; the precision of the time is not changed.
        dtype: of its weights and maps; the output is cast back to the type of the input.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.to(dtype)
        self.dtype = dtype

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.network(x.to(self.dtype), time).to(x.dtype)


def tileable(layers: Sequence[nn.Module] | nn.ModuleList) -> list[TileableLayer]:
    """The layers, all of which `run_row_tiled` can compute."""
    found: list[TileableLayer] = []
    for layer in layers:
        assert isinstance(layer, TileableLayer)
        found.append(layer)
    return found
