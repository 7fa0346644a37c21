r"""Folding: a copy of a trained network that answers the same, faster.

In evaluation mode BatchNorm is a scale and a shift a channel,

.. math:: y = s (W x + b - \mu) + \beta, \quad s = \gamma / \sqrt{\sigma^2 + \epsilon}
    \;\; = \;\; (s W) x + (s (b - \mu) + \beta),

so the convolution before it can do its work. The paths of a fast Fourier convolution that meet in one BatchNorm
share its scale; one of them gets the shift. What else is done to the copy is a list of passes, `PASSES`, applied in
their order; `docs/speed.md` says what each one brings.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn

from latentinpaint.models.autoencoder import LamaAutoencoder
from latentinpaint.models.fast.modules import (
    BandedStages,
    Bands,
    FoldedBlock,
    FoldedControl,
    FoldedFFC,
    InPrecision,
    Kinds,
)
from latentinpaint.models.fast.row_tiling import Convolution, OutputConvolution
from latentinpaint.models.ffc import FFC, FFCResnetBlock, FourierUnit
from latentinpaint.models.mask_control import MaskControl, kernel_of_kinds
from latentinpaint.models.unet import TimeUNet

# What a module of a type becomes.
Rules = dict[type[nn.Module], Callable[[nn.Module], nn.Module]]


def fuse(module: nn.Module, dtype: torch.dtype | None = None, passes: Iterable[str] | None = None) -> nn.Module:
    """A copy for answering: the same function to rounding, frozen, in evaluation mode. The module stays as it is.

    Gradients flow through the copy to what it is given, not into its weights. It is no model to be saved or trained:
    its layers have other names. Networks without BatchNorm, such as a flow's, are left but for their layout.

    Args:
        module: an autoencoder, a mask control, a refiner or a whole pipeline.
        dtype: torch.bfloat16 computes convolutions in it, and Fourier transforms, latents and pictures in float32;
            None keeps the type of the weights.
        passes: keys of `PASSES`, all by default.
    """
    folded = deepcopy(module).requires_grad_(False).eval()
    for name in PASSES if passes is None else passes:
        folded = PASSES[name](folded)
    folded = folded if dtype is None else _in_precision(folded, dtype)
    return folded.eval()  # the parts that are new among them


def fold_norms(module: nn.Module) -> nn.Module:
    """Every BatchNorm into the convolution before it, every ReLU in place."""
    return _rebuilt(
        module,
        {
            nn.Conv2d: _plain_convolution,
            nn.ConvTranspose2d: _plain_convolution,
            nn.Sequential: _fold_sequence,
            FourierUnit: _fold_unit,
            FFC: _fold_ffc,
            MaskControl: _fold_control,
        },
    )


def use_channels_last(module: nn.Module) -> nn.Module:
    """Weights with their channels last in memory, to which convolutions adapt what they are given."""
    return module.to(memory_format=torch.channels_last)


def merge_paths(module: nn.Module) -> nn.Module:
    """Fourier blocks pad once, add in place and join nothing."""
    return _rebuilt(
        module,
        {
            FFC: lambda ffc: FoldedFFC(ffc.split, ffc.from_local, ffc.global_to_local, ffc.global_to_global),
            FFCResnetBlock: lambda block: FoldedBlock(block.first, block.second),
        },
    )


def split_output(module: nn.Module) -> nn.Module:
    """Large kernels to few channels as tall kernels and shifted sums."""
    return _rebuilt(module, {Convolution: _split_output})


def work_in_bands(module: nn.Module) -> nn.Module:
    """The layers at and next to full resolution, some rows at a time."""
    return _rebuilt(module, {LamaAutoencoder: _band_ends})


PASSES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "norms": fold_norms,
    "channels_last": use_channels_last,
    "paths": merge_paths,
    "output": split_output,
    "bands": work_in_bands,
}


def _rebuilt(module: nn.Module, rules: Rules) -> nn.Module:
    """The module with what a rule names replaced, innermost first."""
    if isinstance(module, TimeUNet):
        return module
    for name, child in module.named_children():
        setattr(module, name, _rebuilt(child, rules))
    rule = rules.get(type(module))
    return module if rule is None else rule(module)


def _plain_convolution(module: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """As a `Convolution`, if it is of the kinds that those are."""
    transposed = isinstance(module, nn.ConvTranspose2d)
    kernel, stride, padding = (set(value) for value in (module.kernel_size, module.stride, module.padding))
    known = module.groups == 1 and set(module.dilation) == {1} and len(kernel) == len(stride) == len(padding) == 1
    if transposed:
        known = known and (kernel, stride, padding, module.output_padding) == ({3}, {2}, {1}, (1, 1))
    if not known or module.padding_mode not in ("zeros", "reflect"):
        return module
    reflect = module.padding_mode == "reflect"
    return Convolution(module.weight, module.bias, stride.pop(), padding.pop(), reflect, transposed=transposed)


def _fold_sequence(sequence: nn.Sequential) -> nn.Module:
    """Convolution, BatchNorm and ReLU in a row as one; a sequence of one convolution as that convolution."""
    layers: list[nn.Module] = []
    for layer in sequence:
        before = layers[-1] if layers and isinstance(layers[-1], Convolution) else None
        if before is not None and not before.relu and isinstance(layer, nn.BatchNorm2d):
            scale, shift = _scale_and_shift(layer)
            layers[-1] = _scaled(before, scale, shift)
        elif before is not None and isinstance(layer, nn.ReLU):
            before.relu = True
        else:
            layers.append(layer)
    single = len(layers) == 1 and isinstance(layers[0], Convolution)
    return layers[0] if single else nn.Sequential(*layers)


def _fold_unit(unit: FourierUnit) -> FourierUnit:
    unit.mix, unit.norm = _scaled(unit.mix, *_scale_and_shift(unit.norm)), nn.Identity()
    return unit


def _fold_ffc(ffc: FFC) -> FFC:
    local, _ = ffc.split
    scale, shift = _scale_and_shift(ffc.norm)
    ffc.norm = nn.Identity()
    if ffc.from_local is not None:
        ffc.from_local = _scaled(ffc.from_local, scale, shift)
    if ffc.global_to_local is not None:
        ffc.global_to_local = _scaled(ffc.global_to_local, scale[:local])
    if ffc.global_to_global is not None:
        alone = ffc.from_local is None
        ffc.global_to_global.expand = _scaled(
            ffc.global_to_global.expand, scale[local:], shift[local:] if alone else None
        )
    return ffc


def _fold_control(control: MaskControl) -> FoldedControl:
    """The first level's features take two values, see `MaskControl`: kernels for the two kinds of pixels instead."""
    levels, taps = control.levels, control.taps
    weight, bias = (v.double().flatten() for v in (levels[0].weight, levels[0].bias))
    if levels[0].weight.shape[-1] == 1:
        vectors = torch.relu(torch.stack([bias, weight + bias]))
        levels[0] = Kinds()
        taps[0] = _of_kinds(taps[0], vectors)
        if len(levels) > 1:
            levels[1] = _of_kinds(levels[1], vectors)
    return FoldedControl(levels, taps)


def _of_kinds(layer: Convolution, vectors: Tensor) -> Convolution:
    weight = kernel_of_kinds(layer.weight.double(), vectors).to(layer.weight.dtype)
    return Convolution(weight, layer.bias, layer.stride, layer.padding, layer.reflect, layer.relu)


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What it multiplies each channel with, and adds then; float64."""
    mean, variance, weight, bias = (v.double() for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    scale = weight / torch.sqrt(variance + norm.eps)
    return scale, bias - mean * scale


def _scaled(layer: Convolution, scale: Tensor, shift: Tensor | None = None) -> Convolution:
    """The convolution with every channel of its answer multiplied and shifted; float64 until the end."""
    kind = layer.weight.dtype
    per_channel = (1, -1, 1, 1) if layer.transposed else (-1, 1, 1, 1)
    weight = (layer.weight.double() * scale.view(per_channel)).to(kind)
    bias = None if layer.bias is None else layer.bias.double() * scale
    if shift is not None:
        bias = shift if bias is None else bias + shift
    bias = None if bias is None else bias.to(kind)
    return Convolution(weight, bias, layer.stride, layer.padding, layer.reflect, layer.relu, layer.transposed)


def _split_output(layer: Convolution) -> nn.Module:
    kernel, few = layer.weight.shape[-1], layer.out_channels <= 4
    whole = layer.reflect and layer.stride == 1 and not layer.relu and not layer.transposed
    wide = kernel >= 5 and layer.padding == kernel // 2 and kernel % 2
    return OutputConvolution(layer.weight, layer.bias) if few and whole and wide else layer


def _band_ends(autoencoder: LamaAutoencoder) -> LamaAutoencoder:
    first, second, *_ = autoencoder.encoder
    if isinstance(first, Convolution) and isinstance(second, Convolution):
        autoencoder.encoder = BandedStages(autoencoder.encoder, 2)
    *before, widening, output, squash = autoencoder.decoder
    if isinstance(widening, Convolution) and isinstance(output, OutputConvolution):
        autoencoder.decoder = nn.Sequential(*before, Bands(widening, output), squash)
    return autoencoder


def _in_precision(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    if isinstance(module, TimeUNet):
        return InPrecision(module, dtype)
    if isinstance(module, Convolution):
        return module.to(dtype)
    for name, child in module.named_children():
        setattr(module, name, _in_precision(child, dtype))
    return module
