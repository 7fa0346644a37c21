"""Maps computed a band of rows at a time, so that a large picture needs little more memory than a band of it.

A band reads some rows beyond its own on both sides. Where they are all that its rows depend on, as with convolutions,
the result is that of the whole map. Where something looks at the whole map, as normalisation over it and attention
do, every band has its own; neighbours then differ, and are blended over rows that both have read.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

BAND_PIXELS = 2**19  # of each picture of a batch that a band covers: the result does not depend on the others


def run_in_bands(
    function: Callable[..., Tensor], maps: Sequence[Tensor], cells: int, cell: int, halo: int, blended: bool = False
) -> Tensor:
    """`function(*maps)`, computed in bands of rows if the maps are those of a large picture.

    The maps are computed whole where a gradient is wanted, which would be accumulated band by band, and where a graph
    is traced.

    Args:
        function: of maps to a map (B, C, h, w); equal rows of all maps belong together, whatever their scales.
        maps: (B, C_i, h_i, w_i).
        cells: rows of the smallest of all maps, the output's included; the others have multiples of it.
        cell: pixels of the picture behind one of these rows.
        halo: of these rows, how many a band reads beyond its own.
        blended: whether neighbouring bands are blended, over the half of the halo that is far from where a band was
            cut; False takes each band's own rows alone.
    """
    if torch.compiler.is_compiling() or _wants_gradient(maps):
        return function(*maps)
    band = _rows_of_band(maps[0], cells, cell, halo)
    if band >= cells:
        return function(*maps)
    output = None
    total = None
    for start in range(0, cells, band):
        first = max(0, start - halo)
        last = min(cells, start + band + halo)
        part = function(*map(partial(_rows, first=first, last=last, cells=cells), maps))
        scale = part.shape[2] // (last - first)
        if output is None or total is None:
            output = part.new_zeros(*part.shape[:2], cells * scale, part.shape[3])
            total = part.new_zeros(cells * scale, 1)
        places = (torch.arange(first * scale, last * scale, device=part.device) + 0.5) / scale
        if blended:
            weight = _ramps(places, first, last, cells, halo)
        else:
            weight = (places > start) & (places < start + band)
        rows = slice(first * scale, last * scale)
        output[:, :, rows] += part * weight.to(part)[:, None]
        total[rows] += weight.to(part)[:, None]
    assert output is not None and total is not None
    return output / total


def _rows_of_band(x: Tensor, cells: int, cell: int, halo: int) -> int:
    """Rows of the smallest map that `BAND_PIXELS` hold, but so many that no row is read by three bands."""
    pixels_a_row = x.shape[3] * cell * cell * cells // x.shape[2]
    return max(1, 2 * halo, BAND_PIXELS // pixels_a_row)


def _ramps(places: Tensor, first: int, last: int, cells: int, halo: int) -> Tensor:
    """Weights of a band's rows: 1, and towards an edge that is not the picture's down to 0 at half a halo from it."""
    weight = torch.ones_like(places)
    if first > 0:
        weight = torch.minimum(weight, (places - first) / halo - 0.5)
    if last < cells:
        weight = torch.minimum(weight, (last - places) / halo - 0.5)
    return weight.clamp(min=0)


def _rows(x: Tensor, first: int, last: int, cells: int) -> Tensor:
    scale = x.shape[2] // cells
    return x[:, :, first * scale : last * scale]


def _wants_gradient(maps: Sequence[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(each.requires_grad for each in maps)
