"""Texture tile by tile: seams that nobody sees, and tiles that wait until something beside them is known."""

import pytest
import torch

from latentinpaint.inference import tiling
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inference.tiling import paint_tiles


def test_tiles_leave_no_seam(monkeypatch):
    """Smooth noise: steps across the tiles' borders in the hole are like steps elsewhere in it."""
    monkeypatch.setattr(tiling, "TILE", 64)
    monkeypatch.setattr(tiling, "SURROUNDINGS", 48)
    noise = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(0))
    image = torch.nn.functional.avg_pool2d(noise, 7, 1, 3)
    image = (image - image.mean()) / image.std() / 8 + 0.5
    mask = torch.zeros(1, 1, 320, 320)
    mask[..., 70:250, 70:250] = 1
    fill = torch.nn.functional.avg_pool2d(torch.where(mask > 0.5, 0.5, image), 41, 1, 20)
    answer = paint_tiles(PatchTexture(), image, fill, mask)
    steps = (answer[..., 1:] - answer[..., :-1]).abs().mean(dim=(0, 1))[80:240, 80:240].mean(0)
    at_seams = torch.tensor([128 - 81, 192 - 81])  # between columns 127 and 128, 191 and 192
    elsewhere = torch.ones(len(steps), dtype=torch.bool)
    elsewhere[at_seams] = False
    assert steps[at_seams].mean() < 1.35 * steps[elsewhere].mean()
    assert not torch.equal(answer, torch.where(mask > 0.5, fill, image))


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_tiles_around_which_nothing_is_known_wait(monkeypatch, side):
    """A hole from one edge on, much wider than a tile: all of it gets the noise of the rest."""
    monkeypatch.setattr(tiling, "TILE", 64)
    monkeypatch.setattr(tiling, "SURROUNDINGS", 16)
    image = torch.rand(1, 3, 128, 256, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 128, 256)
    mask[..., :150] = 1
    turned = [x.flip(-1) if side in ("right", "bottom") else x for x in (image, torch.full_like(image, 0.5), mask)]
    turned = [x.mT if side in ("top", "bottom") else x for x in turned]
    answer = paint_tiles(PatchTexture(), *turned)
    assert (answer[turned[2].expand_as(answer) > 0.5] == 0.5).float().mean() < 0.01
