"""BatchNorm over the batches of all processes, as if they were one.

With mean m_r and variance v_r of process r's share, all shares equally large,

    mean      m = mean_r m_r
    variance  v = mean_r v_r + mean_r (m_r - m)^2

`torch.nn.SyncBatchNorm` computes the same, on GPUs alone and without second derivatives, which the gradient penalty
of adversarial training takes.
"""

import torch
import torch.nn.functional as F
from pytorch_lightning.plugins import LayerSync
from torch import Tensor, nn

from latentinpaint.runtime.processes import process_count, process_number, total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`BatchNorm2d` whose training statistics are those of all processes; every process has to call it."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or process_count() == 1:
            return super().forward(input)
        self._check_input_dim(input)
        x = input.float()
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        mean, variance = _combined(mean, variance)
        self._update_running(mean.detach(), variance.detach(), process_count() * x.numel() // x.shape[1])
        scale = torch.rsqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _update_running(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of a batch of `count` values a channel."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = self.momentum
        if share is None:
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * count / (count - 1), share)


class SharedBatchNorm(LayerSync):
    """What makes every BatchNorm of a model a shared one while it is trained, and its own again.

    The layers stay the same objects: copies of a network and averages of its weights are left alone.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        """Share the statistics."""
        _change_class(model, nn.BatchNorm2d, SharedBatchNorm2d)
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Undo it."""
        _change_class(model, SharedBatchNorm2d, nn.BatchNorm2d)
        return model


def _combined(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the variance of all processes' values, from those of this one's, (C,) each."""
    count = process_count()
    own = F.one_hot(torch.tensor(process_number(), device=mean.device), count).to(mean)
    means, variances = total(own[:, None, None] * torch.stack([mean, variance])).unbind(dim=1)  # (processes, C) each
    return means.mean(dim=0), variances.mean(dim=0) + means.var(dim=0, correction=0)


def _change_class(model: nn.Module, old: type[nn.Module], new: type[nn.Module]) -> None:
    for module in model.modules():
        if type(module) is old:
            module.__class__ = new
