"""BatchNorm over the batches of all processes, as if they were one.

With mean m_r and variance v_r of process r's share, all shares equally large,

    mean      m = mean_r m_r
    variance  v = mean_r v_r + mean_r (m_r - m)^2

`torch.nn.SyncBatchNorm` computes the same, on GPUs alone and without second derivatives, which the gradient penalty
of adversarial training takes.
"""

from collections.abc import Sequence
from typing import Any

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
        weight = self.weight
        bias = self.bias
        if weight is None:
            weight = torch.ones_like(input[0, :, 0, 0])
        if bias is None:
            bias = torch.zeros_like(weight)
        output, mean, variance = _SharedNormalisation.apply(input, weight, bias, self.eps)
        self._update_running(mean, variance, process_count() * input.numel() // input.shape[1])
        return output

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


class _SharedNormalisation(torch.autograd.Function):
    """Normalised maps, and the mean and variance (C,) of all processes' values.

    Torch's own kernels compute it, which pass over the maps once where a formula of tensors does several times. They
    have no second derivatives: a gradient that is to be differentiated is that of the formula.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401  torch's own
        output, own_mean, own_inverse = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        mean, variance = _combined(own_mean, (own_inverse.pow(-2) - eps).clamp(min=0))
        inverse = torch.rsqrt(variance + eps)
        # From this process's mean and deviation to those of all, in place: new memory takes longer than the sums.
        scale = inverse / own_inverse
        shift = bias * (1 - scale) + weight * inverse * (own_mean - mean)
        torch.addcmul(_at_pixels(shift, x), output, _at_pixels(scale, x), out=output)
        ctx.save_for_backward(x, weight, bias, mean, variance)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return output, mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *others: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401  as above
        x, weight, bias, mean, variance = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_gradients((x, weight, bias), ctx.needs_input_grad, gradient, ctx.eps), None
        # As in an evaluation, where the statistics are constants; what they add follows from the same sums.
        layout = (
            torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        )
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient.contiguous(memory_format=layout),
            x,
            weight,
            mean,
            variance,
            None,
            None,
            False,
            ctx.eps,
            [True, True, True],
        )
        values = process_count() * x.numel() // x.shape[1]
        weight_mean, bias_mean = total(torch.stack([of_weight, of_bias])).div(values).unbind()
        inverse = torch.rsqrt(variance + ctx.eps)
        slope = weight * inverse.square() * weight_mean
        offset = weight * inverse * bias_mean - slope * mean
        of_x.sub_(_at_pixels(offset, x)).addcmul_(x, _at_pixels(slope, x), value=-1)
        return of_x, of_weight, of_bias, None


def _at_pixels(values: Tensor, x: Tensor) -> Tensor:
    """Values of channels (C,) beside maps (B, C, H, W), in their type."""
    return values[:, None, None].to(x.dtype)


def _gradients(
    inputs: tuple[Tensor, Tensor, Tensor], needed: Sequence[bool], gradient: Tensor, eps: float
) -> list[Tensor | None]:
    """The gradients of maps, weight and bias where they are needed, which can be differentiated themselves."""
    places = [place for place in range(len(inputs)) if needed[place]]
    chosen = [inputs[place] for place in places]
    found: list[Tensor | None] = [None] * len(inputs)
    gradients = torch.autograd.grad(_by_formula(*inputs, eps), chosen, gradient, create_graph=True)
    for place, value in zip(places, gradients, strict=True):
        found[place] = value
    return found


def _by_formula(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """The normalised maps as a formula of tensors."""
    values = x.float()
    variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
    mean, variance = _combined(mean, variance)
    scale = torch.rsqrt(variance + eps) * weight
    shift = bias - mean * scale
    return torch.addcmul(shift[:, None, None], values, scale[:, None, None]).to(x.dtype)


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
