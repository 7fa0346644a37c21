r"""Fusing: a copy of a trained network that computes the same function, faster.

In evaluation mode BatchNorm is a scale and a shift a channel,

.. math:: y = s (W x + b - \mu) + \beta, \quad s = \gamma / \sqrt{\sigma^2 + \epsilon}
    \;\; = \;\; (s W) x + (s (b - \mu) + \beta),

so the convolution before it can include it. The paths of a fast Fourier convolution that meet in one BatchNorm
share its scale; one of them gets the shift. What else is done to the copy is a list of passes, `PASSES`, applied in
their order; `docs/speed.md` says what each one brings.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from latentinpaint.models.autoencoder import LamaAutoencoder
from latentinpaint.models.diffusers_autoencoder import DiffusersAutoencoder
from latentinpaint.models.fast.binary_features import fold_vector
from latentinpaint.models.fast.modules import (
    CastTo,
    FusedBlock,
    FusedFFC,
    FusedMaskControl,
    RowTiledSequential,
    RowTiledStages,
)
from latentinpaint.models.fast.row_tiling import FusedConvolution, OutputConvolution
from latentinpaint.models.ffc import FFC, FFCResnetBlock, FourierUnit
from latentinpaint.models.mask_control import FullResolutionStage, MaskControl, MaskStage
from latentinpaint.models.unet import TimeUNet

M = TypeVar("M", bound=nn.Module)

# What replaces a module of a type.
Rules = dict[type[nn.Module], Callable[[Any], nn.Module]]


def fuse(module: M, dtype: torch.dtype | None = None, passes: Iterable[str] | None = None) -> M:
    """A copy for inference: the same function to rounding, frozen, in evaluation mode. The module is not changed.

    Gradients flow through the copy to its inputs, not into its weights. It cannot be saved as a model or trained:
    its layers have other names. Networks without BatchNorm, such as a flow's, only get another memory layout.

    Args:
        module: an autoencoder, a mask control, a refiner or a whole pipeline; the copy is called like it.
        dtype: torch.bfloat16 computes convolutions in it, and Fourier transforms, latents and pictures in float32;
            None keeps the type of the weights.
        passes: keys of `PASSES`, all by default.
    """
    fused: nn.Module = deepcopy(module).requires_grad_(False).eval()
    devices = {parameter.device for parameter in fused.parameters()}
    if any(device.type == "mps" for device in devices):  # which has no float64 to fuse weights in
        fused = fused.cpu()
    for name in PASSES if passes is None else passes:
        fused = PASSES[name](fused)
    if dtype is not None:
        fused = _cast_networks(fused, dtype)
    if len(devices) == 1:
        fused = fused.to(devices.pop())
    return cast(M, fused.eval())  # `eval` also for the new parts


def fuse_norms(module: nn.Module) -> nn.Module:
    """Every BatchNorm into the convolution before it, every ReLU in place."""
    return _replaced(
        module,
        {
            nn.Conv2d: _fuse_convolution,
            nn.ConvTranspose2d: _fuse_convolution,
            nn.Sequential: _fuse_sequence,
            MaskStage: _fuse_sequence,
            FullResolutionStage: _fuse_sequence,
            FourierUnit: _fuse_unit,
            FFC: _fuse_ffc,
            MaskControl: _fuse_control,
        },
    )


def use_channels_last(module: nn.Module) -> nn.Module:
    """Weights with their channels last in memory, a layout that convolutions keep for their outputs."""
    return module.to(memory_format=torch.channels_last)


def merge_paths(module: nn.Module) -> nn.Module:
    """Fourier blocks pad once, add in place and concatenate nothing."""
    return _replaced(module, {FFC: _merge_ffc, FFCResnetBlock: _merge_block})


def split_output(module: nn.Module) -> nn.Module:
    """Large kernels to few channels as tall kernels and shifted sums."""
    return _replaced(module, {FusedConvolution: _split_output})


def tile_rows(module: nn.Module) -> nn.Module:
    """The layers at and next to full resolution, some rows at a time."""
    return _replaced(module, {LamaAutoencoder: _tile_ends})


PASSES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "norms": fuse_norms,
    "channels_last": use_channels_last,
    "paths": merge_paths,
    "output": split_output,
    "row_tiling": tile_rows,
}


def _replaced(module: nn.Module, rules: Rules) -> nn.Module:
    """The module with every part replaced that has a rule, innermost first; another library's stays as it is."""
    if isinstance(module, TimeUNet | DiffusersAutoencoder):
        return module
    for name, child in module.named_children():
        setattr(module, name, _replaced(child, rules))
    rule = rules.get(type(module))
    if rule is None:
        return module
    return rule(module)


# The rules ------------------------------------------------------------------------------------------------


def _fuse_convolution(module: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """As a `FusedConvolution`, if that can compute it."""
    if not _is_supported(module):
        return module
    assert not isinstance(module.padding, str)
    return FusedConvolution(
        module.weight,
        module.bias,
        module.stride[0],
        module.padding[0],
        reflect=module.padding_mode == "reflect",
        transposed=isinstance(module, nn.ConvTranspose2d),
    )


def _is_supported(module: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    sizes = (module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.ConvTranspose2d) and (*sizes, module.output_padding) != ((3, 3), (2, 2), (1, 1), (1, 1)):
        return False
    symmetric = all(len(set(size)) == 1 for size in sizes)
    ungrouped = module.groups == 1 and set(module.dilation) == {1}
    return symmetric and ungrouped and module.padding_mode in ("zeros", "reflect")


def _fuse_sequence(sequence: nn.Sequential) -> nn.Module:
    """Successive convolution, BatchNorm and ReLU as one; a sequence of one convolution as that convolution."""
    layers: list[nn.Module] = []
    for layer in sequence:
        previous = layers[-1] if layers else None
        if not isinstance(previous, FusedConvolution):
            layers.append(layer)
        elif isinstance(layer, nn.BatchNorm2d) and not previous.relu:
            layers[-1] = _scaled(previous, *_scale_and_shift(layer))
        elif isinstance(layer, nn.ReLU):
            previous.relu = True
        else:
            layers.append(layer)
    if len(layers) == 1 and isinstance(layers[0], FusedConvolution):
        return layers[0]
    return nn.Sequential(*layers)


def _fuse_unit(unit: FourierUnit) -> FourierUnit:
    unit.mix = _scaled(_fused(unit.mix), *_scale_and_shift(unit.norm))
    unit.norm = nn.Identity()
    return unit


def _fuse_ffc(ffc: FFC) -> FFC:
    num_local, _ = ffc.split
    scale, shift = _scale_and_shift(ffc.norm)
    ffc.norm = nn.Identity()
    if ffc.from_local is not None:
        ffc.from_local = _scaled(_fused(ffc.from_local), scale, shift)
    if ffc.global_to_local is not None:
        ffc.global_to_local = _scaled(_fused(ffc.global_to_local), scale[:num_local])
    if ffc.global_to_global is not None:
        expand = _fused(ffc.global_to_global.expand)
        if ffc.from_local is None:  # which otherwise adds the shift
            ffc.global_to_global.expand = _scaled(expand, scale[num_local:], shift[num_local:])
        else:
            ffc.global_to_global.expand = _scaled(expand, scale[num_local:])
    return ffc


def _fuse_control(control: MaskControl) -> FusedMaskControl:
    """Binary features are a constant now: kernels for the mask in the place of kernels for them."""
    stages = control.levels
    zero_convs = control.taps
    first = _fused(stages[0])
    if first.weight.shape[-1] == 1:
        vector = torch.relu(first.weight.double().flatten())
        stages[0] = nn.Identity()
        zero_convs[0] = _for_mask(_fused(zero_convs[0]), vector)
        if len(stages) > 1:
            stages[1] = _for_mask(_fused(stages[1]), vector)
    return FusedMaskControl(stages, zero_convs)


def _merge_ffc(ffc: FFC) -> FusedFFC:
    from_local = None
    global_to_local = None
    if ffc.from_local is not None:
        from_local = _fused(ffc.from_local)
    if ffc.global_to_local is not None:
        global_to_local = _fused(ffc.global_to_local)
    return FusedFFC(ffc.split, from_local, global_to_local, ffc.global_to_global)


def _merge_block(block: FFCResnetBlock) -> FusedBlock:
    return FusedBlock(block.first, block.second)


def _split_output(layer: FusedConvolution) -> nn.Module:
    kernel = layer.weight.shape[-1]
    plain = layer.reflect and layer.stride == 1 and not layer.relu and not layer.transposed
    large = kernel >= 5 and kernel % 2 == 1 and layer.padding == kernel // 2
    if plain and large and layer.out_channels <= 4:
        return OutputConvolution(layer.weight, layer.bias)
    return layer


def _tile_ends(autoencoder: LamaAutoencoder) -> LamaAutoencoder:
    first, second, *_ = autoencoder.encoder
    if isinstance(first, FusedConvolution) and isinstance(second, FusedConvolution):
        autoencoder.encoder = RowTiledStages(autoencoder.encoder, 2)
    *before, upsampling, output, sigmoid = autoencoder.decoder
    if isinstance(upsampling, FusedConvolution) and isinstance(output, OutputConvolution):
        autoencoder.decoder = nn.Sequential(*before, RowTiledSequential(upsampling, output), sigmoid)
    return autoencoder


# Weights --------------------------------------------------------------------------------------------------


def _fused(module: nn.Module) -> FusedConvolution:
    """The module, which is fused already, because rules are applied innermost first."""
    assert isinstance(module, FusedConvolution)
    return module


def _for_mask(layer: FusedConvolution, vector: Tensor) -> FusedConvolution:
    weight = fold_vector(layer.weight.double(), vector).to(layer.weight.dtype)
    return FusedConvolution(weight, layer.bias, layer.stride, layer.padding, layer.reflect, layer.relu)


def _scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """The factor and the summand of each channel, in float64."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _scaled(layer: FusedConvolution, scale: Tensor, shift: Tensor | None = None) -> FusedConvolution:
    """The convolution with every output channel scaled and shifted; computed in float64."""
    dtype = layer.weight.dtype
    per_channel = (1, -1, 1, 1) if layer.transposed else (-1, 1, 1, 1)
    weight = (layer.weight.double() * scale.view(per_channel)).to(dtype)
    bias = shift
    if layer.bias is not None:
        bias = layer.bias.double() * scale
        if shift is not None:
            bias = bias + shift
    if bias is not None:
        bias = bias.to(dtype)
    return FusedConvolution(weight, bias, layer.stride, layer.padding, layer.reflect, layer.relu, layer.transposed)


def _cast_networks(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Fused convolutions and U-Nets with weights of another type."""
    if isinstance(module, TimeUNet):
        return CastTo(module, dtype)
    if isinstance(module, FusedConvolution):
        return module.to(dtype)
    for name, child in module.named_children():
        setattr(module, name, _cast_networks(child, dtype))
    return module
