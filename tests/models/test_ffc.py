"""Fourier blocks against a reference written with explicit sums in numpy, float64, LaMa's pair of tensors."""

import numpy as np
import pytest
import torch
from torch import nn

from latentinpaint.models.ffc import FFC, FFCResnetBlock, FourierUnit, SpectralTransform, StyledBlock, StyledBlocks

SIZES = [(4, 6), (5, 7), (3, 4), (6, 3), (1, 5), (2, 2), (1, 1)]
RATIOS = [0.0, 0.25, 0.75, 1.0]


def random_module(module, seed=0):
    """In evaluation mode and float64, with statistics and affine parts far from those of initialisation."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.5, generator=generator)
            part.running_var.uniform_(0.5, 2.0, generator=generator)
            part.weight.data.normal_(1, 0.5, generator=generator)
            part.bias.data.normal_(0, 0.5, generator=generator)
    return module.double().eval()


def opened(module):
    """Every ReLU behind a BatchNorm always open, so that no change is cut off by chance."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.bias.data.fill_(20.0)
    return module


def array(parameter):
    return parameter.detach().numpy()


def batch_norm(x, norm, channels=slice(None)):
    mean, var, weight, bias = (array(p)[channels, None, None] for p in norm_parts(norm))
    return (x - mean) / np.sqrt(var + norm.eps) * weight + bias


def norm_parts(norm):
    return norm.running_mean, norm.running_var, norm.weight, norm.bias


def one_by_one(x, convolution):
    return np.einsum("oi,bihw->bohw", array(convolution.weight)[:, :, 0, 0], x)


def fourier_unit(x, unit):
    """Direct sums: half spectrum over the width, whole over the height, 1 / sqrt(h w) each way."""
    batch, channels, height, width = x.shape
    half = width // 2 + 1
    along_height = np.exp(-2j * np.pi * np.outer(np.arange(height), np.arange(height)) / height)
    along_width = np.exp(-2j * np.pi * np.outer(np.arange(width), np.arange(half)) / width)
    spectrum = np.einsum("bcyx,yk,xl->bckl", x, along_height, along_width) / np.sqrt(height * width)
    stacked = np.empty((batch, 2 * channels, height, half))
    stacked[:, 0::2], stacked[:, 1::2] = spectrum.real, spectrum.imag
    stacked = np.maximum(batch_norm(one_by_one(stacked, unit.mix), unit.norm), 0)
    spectrum = stacked[:, 0::2] + 1j * stacked[:, 1::2]
    # A column of the half spectrum stands for itself and its mirror image, except the first and Nyquist's.
    count = np.full(half, 2.0)
    count[0] = 1
    if width % 2 == 0:
        count[-1] = 1
    rows = np.einsum("bckl,yk->bcyl", spectrum, along_height.conj())
    return np.einsum("bcyl,xl,l->bcyx", rows, along_width.conj(), count).real / np.sqrt(height * width)


def spectral_transform(x, transform):
    convolution, norm, _ = transform.reduce
    x = np.maximum(batch_norm(one_by_one(x, convolution), norm), 0)
    return one_by_one(x + fourier_unit(x, transform.unit), transform.expand)


def three_by_three(x, kernel):
    """Correlation with reflected borders, one shift at a time."""
    height, width = x.shape[-2:]
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="reflect")
    shifts = ((i, j) for i in range(3) for j in range(3))
    return sum(np.einsum("oi,bihw->bohw", kernel[:, :, i, j], padded[..., i : i + height, j : j + width])
               for i, j in shifts)  # fmt: skip


def lama_ffc(x_l, x_g, layer):
    """LaMa's form: four paths between a local and a global tensor, and a BatchNorm and ReLU for each."""
    local = x_l.shape[1]
    from_local = None if layer.from_local is None else array(layer.from_local.weight)
    convg2l = None if layer.global_to_local is None else array(layer.global_to_local.weight)
    out_l, out_g = np.zeros_like(x_l), np.zeros_like(x_g)
    if local:
        convl2l, convl2g = from_local[:local], from_local[local:]
        out_l = out_l + three_by_three(x_l, convl2l)
        out_g = out_g + three_by_three(x_l, convl2g)
    if local and x_g.shape[1]:
        out_l = out_l + three_by_three(x_g, convg2l)
    if x_g.shape[1]:
        out_g = out_g + spectral_transform(x_g, layer.global_to_global)
    out_l = np.maximum(batch_norm(out_l, layer.norm, slice(None, local)), 0)
    out_g = np.maximum(batch_norm(out_g, layer.norm, slice(local, None)), 0)
    return out_l, out_g


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_fourier_unit_is_a_direct_dft(size):
    unit = random_module(FourierUnit(3))
    x = noise(2, 3, *size)
    np.testing.assert_allclose(array(unit(x)), fourier_unit(array(x), unit), atol=1e-10)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_spectral_transform_is_a_direct_dft(size):
    transform = random_module(SpectralTransform(4, 6))
    x = noise(2, 4, *size)
    output = transform(x)
    assert output.shape == (2, 6, *size)
    np.testing.assert_allclose(array(output), spectral_transform(array(x), transform), atol=1e-10)


def test_half_precision_goes_through_float32():
    unit = random_module(FourierUnit(2)).float()
    x = noise(1, 2, 8, 8).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = unit(x)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, unit(x), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", [(4, 6), (5, 3)], ids=str)
def test_ffc_is_lamas(ratio, size):
    layer = random_module(FFC(8, ratio))
    local = {0.0: 8, 0.25: 6, 0.75: 2, 1.0: 0}[ratio]
    x = noise(2, 8, *size)
    expected = np.concatenate(lama_ffc(array(x)[:, :local], array(x)[:, local:], layer), axis=1)
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-10)


@pytest.mark.parametrize("ratio", RATIOS)
def test_block_is_lamas(ratio):
    block = random_module(FFCResnetBlock(8, ratio))
    local = {0.0: 8, 0.25: 6, 0.75: 2, 1.0: 0}[ratio]
    x = noise(1, 8, 5, 4)
    pair = array(x)[:, :local], array(x)[:, local:]
    inner = lama_ffc(*lama_ffc(*pair, block.first), block.second)
    expected = np.concatenate([a + b for a, b in zip(pair, inner, strict=True)], axis=1)
    np.testing.assert_allclose(array(block(x)), expected, atol=1e-10)


@pytest.mark.parametrize("ratio", RATIOS)
def test_receptive_field(ratio):
    """One corner cell: with a global part its change is felt everywhere, without only next to it."""
    layer = opened(random_module(FFC(8, ratio)))
    x = noise(1, 8, 12, 12)
    changed = x.clone()
    changed[..., 0, 0] += 1
    felt = ((layer(changed) - layer(x)).abs() > 1e-9).any(dim=1)[0]
    assert felt[:2, :2].any()
    if ratio == 0:
        assert not felt[2:].any() and not felt[:, 2:].any()
    else:
        assert felt[-1, -1]


def test_a_local_change_is_felt_everywhere_after_a_block():
    block = opened(random_module(FFCResnetBlock(8, 0.5)))
    x = noise(1, 8, 12, 12)
    changed = x.clone()
    changed[:, :4, 0, 0] += 1
    difference = (block(changed) - block(x)).abs(), (block.first(changed) - block.first(x)).abs()
    assert difference[0][0, :, -1, -1].max() > 1e-9
    assert difference[1][0, :, -1, -1].max() == 0


@pytest.mark.parametrize("ratio", RATIOS)
def test_block_is_residual(ratio):
    block = random_module(FFCResnetBlock(8, ratio))
    block.second.norm.weight.data.zero_()
    x = noise(1, 8, 4, 4)
    expected = array(x) + np.maximum(array(block.second.norm.bias), 0)[:, None, None]
    np.testing.assert_allclose(array(block(x)), expected, atol=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
def test_gradients_agree_with_finite_differences(ratio):
    layer = random_module(FFC(4 if ratio in (0, 1) else 8, ratio))
    x = noise(1, layer.norm.num_features, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_ratio_is_a_fraction(ratio):
    with pytest.raises(ValueError, match="fraction"):
        FFC(8, ratio)


def test_a_global_part_of_one_channel():
    with pytest.raises(ValueError, match="2 channels"):
        FFC(4, 0.25)


def test_size_is_lamas():
    """LaMa: nine blocks of 512 channels at ratio 0.75 have 23.93 M parameters."""
    with torch.device("meta"):
        block = FFCResnetBlock(512, 0.75)
    assert 9 * sum(p.numel() for p in block.parameters()) == pytest.approx(23.93e6, rel=1e-3)


def styled_block(ratio=0.75, channels=8, style=3):
    torch.manual_seed(0)
    return random_module(StyledBlock(channels, ratio, style))


def plain_twin(block, ratio=0.75, channels=8):
    """The block without its style."""
    twin = FFCResnetBlock(channels, ratio).double().eval()
    twin.load_state_dict({n: w for n, w in block.state_dict().items() if not n.startswith("modulation.")})
    return twin


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_styled_block_begins_as_a_plain_one(ratio):
    block = styled_block(ratio)
    x = noise(2, 8, 4, 5)
    torch.testing.assert_close(block(x, noise(2, 3)), plain_twin(block, ratio)(x))


def test_a_style_scales_like_batch_norm():
    """A scale above 0 passes the ReLU: it is that of the affine part before, for each item its own."""
    block = styled_block()
    torch.nn.init.normal_(block.modulation.weight[:8], std=0.1)
    style, x = noise(3, 3, seed=2), noise(3, 8, 4, 5)
    scales = 1 + style @ block.modulation.weight[:8].T
    assert scales.min() > 0.3
    output = block(x, style)
    for item in range(3):
        twin = plain_twin(block)
        with torch.no_grad():
            twin.first.norm.weight *= scales[item]
            twin.first.norm.bias *= scales[item]
        torch.testing.assert_close(output[item], twin(x[item, None])[0])


def test_a_style_shifts_behind_the_relu():
    """Where the first convolution's output is always 0, the block is that of the shift alone."""
    block = styled_block()
    torch.nn.init.normal_(block.modulation.weight[8:])
    with torch.no_grad():
        block.first.norm.weight.zero_()
        block.first.norm.bias.fill_(-1.0)
    style, x = noise(2, 3, seed=2), noise(2, 8, 4, 5)
    shift = style @ block.modulation.weight[8:].T
    expected = x + block.second(shift[..., None, None].expand_as(x))
    torch.testing.assert_close(block(x, style), expected)


def test_styled_blocks_in_a_row_read_the_same_style():
    torch.manual_seed(0)
    blocks = StyledBlocks(2, 8, 0.75, 3).double().eval()
    for block in blocks:
        torch.nn.init.normal_(block.modulation.weight)
    style, x = noise(2, 3, seed=2), noise(2, 8, 4, 5)
    assert torch.equal(blocks(x, style), blocks[1](blocks[0](x, style), style))
