"""LaMa's generator straight from a state dict of its layout, in float64, and random state dicts to try it on.

Written from the description of the network (arXiv 2109.07161 and the names in published checkpoints), with a local
and a global tensor as LaMa has them: convolutions are those of torch.nn.functional, padding and FFT those of NumPy.
Nothing of the package is used.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

EPSILON = 1e-5

# The parts of a published configuration that matter, with its references.
CONFIG = """\
run_title: a name with ${location.nowhere}
training_model:
  kind: default
  concat_mask: true
  store_discr_outputs_for_vis: true
generator:
  kind: ffc_resnet
  input_nc: 4
  output_nc: 3
  ngf: NGF
  n_downsampling: 3
  n_blocks: BLOCKS
  add_out_act: sigmoid
  init_conv_kwargs:
    ratio_gin: 0
    ratio_gout: 0
    enable_lfu: false
  downsample_conv_kwargs:
    ratio_gin: ${generator.init_conv_kwargs.ratio_gout}
    ratio_gout: ${generator.downsample_conv_kwargs.ratio_gin}
    enable_lfu: false
  resnet_conv_kwargs:
    ratio_gin: RATIO
    ratio_gout: ${generator.resnet_conv_kwargs.ratio_gin}
    enable_lfu: false
"""


def config_text(ngf=8, blocks=9, ratio=0.75):
    """The text of a config.yaml."""
    return CONFIG.replace("NGF", str(ngf)).replace("BLOCKS", str(blocks)).replace("RATIO", str(ratio))


def write_folder(folder: Path, content, config=None) -> Path:
    """LaMa's folder: models/best.ckpt and, if there is a text for it, config.yaml."""
    (folder / "models").mkdir(parents=True)
    torch.save(content, folder / "models" / "best.ckpt")
    if config is not None:
        (folder / "config.yaml").write_text(config)
    return folder


class Generator:
    """LaMa's generator in evaluation mode; calling it maps (B, 4, H, W), masked RGB and mask, to (B, 3, H, W)."""

    def __init__(self, state, blocks, prefix="generator.model."):
        self.state = {name.removeprefix(prefix): value.double() for name, value in state.items()}
        self.blocks = blocks

    def __call__(self, x):
        x_local, x_global = self.layer(reflected(x.double(), 3), None, "1", stride=1, padding=0)
        for place in ("2", "3", "4"):
            x_local, x_global = self.layer(x_local, x_global, place, stride=2, padding=1)
        for block in range(5, 5 + self.blocks):
            inner = self.layer(x_local, x_global, f"{block}.conv1", stride=1, padding=1)
            inner = self.layer(*inner, f"{block}.conv2", stride=1, padding=1)
            x_local, x_global = (
                None if a is None else a + b for a, b in zip((x_local, x_global), inner, strict=True)
            )
        x = torch.cat([part for part in (x_local, x_global) if part is not None], dim=1)
        place = 5 + self.blocks + 1
        for _ in range(3):
            weight, bias = self.state[f"{place}.weight"], self.state[f"{place}.bias"]
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
            x = self.norm(x, f"{place + 1}").relu()
            place += 3
        x = F.conv2d(reflected(x, 3), self.state[f"{place + 1}.weight"], self.state[f"{place + 1}.bias"])
        return 1 / (1 + torch.exp(-x))

    def layer(self, x_local, x_global, place, stride, padding):
        """One Fourier convolution with BatchNorm and ReLU; a part without channels is None."""
        paths = {"l2l": x_local, "l2g": x_local, "g2l": x_global}
        sums = {"l": None, "g": None}
        for path, x in paths.items():
            weight = self.state.get(f"{place}.ffc.conv{path}.weight")
            if weight is not None:
                output = F.conv2d(reflected(x, padding), weight, stride=stride)
                sums[path[-1]] = output if sums[path[-1]] is None else sums[path[-1]] + output
        if f"{place}.ffc.convg2g.conv2.weight" in self.state:
            output = self.spectral(x_global, f"{place}.ffc.convg2g")
            sums["g"] = output if sums["g"] is None else sums["g"] + output
        return tuple(
            None if sums[part] is None else self.norm(sums[part], f"{place}.bn_{part}").relu() for part in "lg"
        )

    def spectral(self, x, place):
        x = F.conv2d(x, self.state[f"{place}.conv1.0.weight"])
        x = self.norm(x, f"{place}.conv1.1").relu()
        spectrum = np.fft.rfft2(x.numpy(), norm="ortho")
        batch, channels, height, width = spectrum.shape
        stacked = np.empty((batch, 2 * channels, height, width))
        stacked[:, 0::2], stacked[:, 1::2] = spectrum.real, spectrum.imag
        stacked = F.conv2d(torch.from_numpy(stacked), self.state[f"{place}.fu.conv_layer.weight"])
        stacked = self.norm(stacked, f"{place}.fu.bn").relu().numpy()
        output = np.fft.irfft2(stacked[:, 0::2] + 1j * stacked[:, 1::2], s=x.shape[-2:], norm="ortho")
        return F.conv2d(x + torch.from_numpy(output), self.state[f"{place}.conv2.weight"])

    def norm(self, x, place):
        keys = ("running_mean", "running_var", "weight", "bias")
        mean, var, weight, bias = (self.state[f"{place}.{key}"].view(1, -1, 1, 1) for key in keys)
        return (x - mean) / torch.sqrt(var + EPSILON) * weight + bias


def reflected(x, width):
    """Padded by reflection without repeating the border."""
    return torch.from_numpy(np.pad(x.numpy(), [(0, 0), (0, 0), (width, width), (width, width)], mode="reflect"))


def random_state(ngf=8, blocks=9, ratio=0.75, seed=0, most=1024, prefix="generator.model."):
    """A state dict of LaMa's layout with random weights, whose activations stay of order 1.

    Convolutions keep the variance of their input, BatchNorm's statistics and affine parts are random, and a block's
    last BatchNorm is small, so that the residual sums grow slowly.
    """
    make = _Maker(torch.Generator().manual_seed(seed))
    channels = [min(most, ngf * 2**level) for level in range(4)]
    num_global = int(channels[3] * ratio)
    num_local = channels[3] - num_global
    make.convolution("1.ffc.convl2l", ngf, 4, 7)
    make.norm("1.bn_l", ngf)
    for place in (2, 3):
        make.convolution(f"{place}.ffc.convl2l", channels[place - 1], channels[place - 2], 3)
        make.norm(f"{place}.bn_l", channels[place - 1])
    for part, width in (("l", num_local), ("g", num_global)):
        if width:
            make.convolution(f"4.ffc.convl2{part}", width, channels[2], 3)
            make.norm(f"4.bn_{part}", width)
    for block in range(5, 5 + blocks):
        make.fourier(f"{block}.conv1", num_local, num_global)
        make.fourier(f"{block}.conv2", num_local, num_global, gain=0.12)
    place = 5 + blocks + 1
    for level in (3, 2, 1):
        make.convolution(f"{place}", channels[level - 1], channels[level], 3, transposed=True)
        make.norm(f"{place + 1}", channels[level - 1])
        place += 3
    make.convolution(f"{place + 1}", 3, ngf, 7, bias=True)
    return {prefix + name: value for name, value in make.state.items()}


class _Maker:
    def __init__(self, generator):
        self.generator, self.state = generator, {}

    def convolution(self, name, outward, inward, side, transposed=False, bias=False):
        shape = (inward, outward, side, side) if transposed else (outward, inward, side, side)
        # A transposed convolution of stride 2 reaches each pixel with a quarter of its taps.
        taps = inward * side**2 / (4 if transposed else 1)
        self.state[f"{name}.weight"] = torch.randn(shape, generator=self.generator) / taps**0.5
        if transposed or bias:
            self.state[f"{name}.bias"] = self.uniform(outward, -0.3, 0.3)

    def norm(self, name, channels, gain=1.0):
        self.state[f"{name}.weight"] = gain * self.uniform(channels, 0.7, 1.5)
        self.state[f"{name}.bias"] = gain * self.uniform(channels, -0.5, 0.5)
        self.state[f"{name}.running_mean"] = self.uniform(channels, -0.3, 0.3)
        self.state[f"{name}.running_var"] = self.uniform(channels, 0.5, 1.5)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(1234)

    def fourier(self, place, num_local, num_global, gain=1.0):
        for path, inward, outward in (
            ("l2l", num_local, num_local),
            ("l2g", num_local, num_global),
            ("g2l", num_global, num_local),
        ):
            if inward and outward:
                self.convolution(f"{place}.ffc.conv{path}", outward, inward, 3)
        if num_global:
            half = num_global // 2
            self.convolution(f"{place}.ffc.convg2g.conv1.0", half, num_global, 1)
            self.norm(f"{place}.ffc.convg2g.conv1.1", half)
            self.convolution(f"{place}.ffc.convg2g.fu.conv_layer", 2 * half, 2 * half, 1)
            self.norm(f"{place}.ffc.convg2g.fu.bn", 2 * half)
            self.convolution(f"{place}.ffc.convg2g.conv2", num_global, half, 1)
        for part, channels in (("l", num_local), ("g", num_global)):
            if channels:
                self.norm(f"{place}.bn_{part}", channels, gain)

    def uniform(self, count, low, high):
        return low + (high - low) * torch.rand(count, generator=self.generator)
