"""Layers in tiles of rows: the same numbers as on whole maps, and the plan of what each layer reads."""

import pytest
import torch
import torch.nn.functional as F

from latentinpaint.models.fast.row_tiling import (
    FusedConvolution,
    OutputConvolution,
    RowRange,
    plan_rows,
    run_row_tiled,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_weight(*shape):
    return torch.randn(shape, generator=generator(), dtype=torch.float64)


@pytest.mark.parametrize(("kernel", "channels"), [(7, 3), (5, 1), (3, 2)])
def test_an_output_convolution_is_torchs(kernel, channels):
    weight, bias = random_weight(channels, 6, kernel, kernel), random_weight(channels)
    x = torch.randn(2, 6, 9, 12, generator=generator(1), dtype=torch.float64)
    padded = F.pad(x, (kernel // 2,) * 4, mode="reflect")
    for shift in (bias, None):
        expected = F.conv2d(padded, weight, shift)
        torch.testing.assert_close(OutputConvolution(weight, shift)(x), expected, atol=1e-11, rtol=0)


CHAINS = {
    "head": lambda: [
        FusedConvolution(random_weight(5, 3, 7, 7), random_weight(5), padding=3, reflect=True, relu=True),
        FusedConvolution(random_weight(4, 5, 3, 3), None, stride=2, padding=1, reflect=True),
    ],
    "tail": lambda: [
        FusedConvolution(random_weight(3, 4, 3, 3), random_weight(4), transposed=True, relu=True),
        OutputConvolution(random_weight(2, 4, 7, 7), random_weight(2)),
    ],
    "long": lambda: [
        FusedConvolution(random_weight(3, 4, 3, 3), None, transposed=True),
        FusedConvolution(random_weight(4, 5, 3, 3), None, transposed=True),
        FusedConvolution(random_weight(4, 5, 1, 1), reflect=True),
        FusedConvolution(random_weight(2, 4, 3, 3), stride=2, padding=1, reflect=True),
    ],
}


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("rows", [8, 10, 16, 1000])
@pytest.mark.parametrize("chain", CHAINS)
def test_tiles_are_the_whole(chain, rows, control):
    layers = CHAINS[chain]()
    x = torch.randn(1, 3, 38, 11, generator=generator(1), dtype=torch.float64)
    maps, whole = [], x
    for layer in layers:
        whole = layer(whole)
        if control:
            maps.append(torch.randn(whole.shape, generator=generator(len(maps)), dtype=torch.float64))
            whole = whole + maps[-1]
    heights = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda module, inputs: heights.append(inputs[0].shape[2]))
    largest = max(m.numel() for m in (maps or [whole])) * 8 if control else whole.numel() * 8
    output = run_row_tiled(layers, x, maps or None, tile_bytes=largest * rows // whole.shape[2])
    torch.testing.assert_close(output, whole, atol=1e-11, rtol=0)
    assert bool(heights) == (rows >= whole.shape[2])  # whole maps pass `forward`, tiles `compute_rows`


def test_whole_maps_where_a_gradient_is_wanted():
    layers = CHAINS["tail"]()
    x = torch.randn(1, 3, 38, 11, generator=generator(1), dtype=torch.float64)
    inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    run_row_tiled(layers, inputs[0], tile_bytes=1).square().sum().backward()
    layers[1](layers[0](inputs[1])).square().sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)


def test_the_plan_is_in_the_order_of_the_layers():
    """By hand for LaMa's first two layers: rows 4 to 7 of the second need 7 to 15 of the first, and those 4 to 18."""
    assert plan_rows(CHAINS["head"](), RowRange(4, 8), [40, 40, 20]) == [RowRange(4, 19), RowRange(7, 16)]
    # At the border rows are reflected, and the picture ends.
    first, second = plan_rows(CHAINS["head"](), RowRange(0, 4), [40, 40, 20])
    assert (first, second) == (RowRange(0, 11, above=3), RowRange(0, 8, above=1))
    first, second = plan_rows(CHAINS["head"](), RowRange(16, 20), [40, 40, 20])
    assert (first, second) == (RowRange(28, 40, below=3), RowRange(31, 40))


@pytest.mark.parametrize("rows", [RowRange(0, 8), RowRange(7, 12), RowRange(30, 38)], ids=str)
@pytest.mark.parametrize("chain", CHAINS)
def test_no_other_rows_matter(chain, rows):
    """No gradient of the rows reaches an input row outside the plan."""
    layers = CHAINS[chain]()
    heights = [19]
    for layer in layers:
        heights.append(layer.output_height(heights[-1]))
    rows = RowRange(min(rows.start, heights[-1] - 2), min(rows.stop, heights[-1]))
    plan = plan_rows(layers, rows, heights)
    x = torch.randn(1, 3, 19, 11, generator=generator(1), dtype=torch.float64, requires_grad=True)
    y = x
    for layer in layers:
        y = layer(y)
    (gradient,) = torch.autograd.grad(rows.of(y).square().sum(), x)
    touched = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten().tolist()
    assert plan[0].start <= touched[0] and touched[-1] < plan[0].stop
