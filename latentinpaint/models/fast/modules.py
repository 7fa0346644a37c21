"""Parts of a network as `folding` leaves them: no BatchNorm, few passes over memory, the same function.

Maps are (B, C, h, w), best with their channels last; see `bands` for the convolutions. Gradients flow through.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models.fast.row_tiling import Convolution, in_bands
from latentinpaint.models.stages import Stages, run_stages


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
