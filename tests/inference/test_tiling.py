"""Texture of large pictures: what around the hole it is taken from, seams that nobody sees, tiles that wait."""

import pytest
import torch

from latentinpaint.inference import tiling
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inference.tiling import add_texture, paint_tiles


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


def box(height: int, width: int, top: int, left: int, tall: int, wide: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., top : top + tall, left : left + wide] = 1
    return mask


@pytest.fixture
def seen(monkeypatch):
    """The sizes of all pictures that are synthesised."""
    sizes = []
    paint = PatchTexture.__call__

    def recording(self, image, *rest):
        sizes.append(tuple(image.shape[-2:]))
        return paint(self, image, *rest)

    monkeypatch.setattr(PatchTexture, "__call__", recording)
    return sizes


@pytest.mark.parametrize(
    ("mask", "rows", "columns"),
    [
        (box(240, 300, 100, 120, 20, 60), slice(60, 160), slice(80, 220)),  # (20 + 2 m) (60 + 2 m) = 14000: m is 40
        (box(240, 300, 0, 240, 20, 60), slice(0, 60), slice(200, 300)),  # two sides of it lie beyond the picture
        (box(240, 300, 50, 60, 120, 150), slice(22, 198), slice(32, 238)),  # twice the box: m is 27.5
    ],
)
def test_a_large_picture_is_cut_to_what_is_around_its_hole(monkeypatch, seen, mask, rows, columns):
    monkeypatch.setattr(tiling, "SMALL_PIXELS", 14_000)
    image = torch.rand(1, 3, 240, 300, generator=torch.Generator().manual_seed(0))
    texture, fill = PatchTexture(rounds=(1, 1, 1)), torch.full_like(image, 0.5)
    answer = add_texture(texture, image, fill, mask)
    assert len(seen) == 1
    height, width = rows.stop - rows.start, columns.stop - columns.start
    assert abs(seen[0][0] - height) <= 2 and abs(seen[0][1] - width) <= 2
    if seen[0] == (height, width):
        part = (..., rows, columns)
        assert torch.equal(answer[part], texture(image[part], fill[part], mask[part]))
    known = (mask < 0.5).expand_as(image)
    assert torch.equal(answer[known], image[known])
    assert (answer[~known] != 0.5).all()


def test_what_is_too_much_at_once_is_synthesised_smaller_first(monkeypatch, seen):
    monkeypatch.setattr(tiling, "SMALL_PIXELS", 10_000)
    monkeypatch.setattr(tiling, "MAX_PIXELS_AT_ONCE", 10_000)
    monkeypatch.setattr(tiling, "TILE", 80)
    monkeypatch.setattr(tiling, "SURROUNDINGS", 10)
    image = torch.rand(1, 3, 240, 300, generator=torch.Generator().manual_seed(0)).round()
    mask = box(240, 300, 50, 60, 120, 150)
    answer = add_texture(PatchTexture(rounds=(1, 1, 1)), image, torch.full_like(image, 0.5), mask)
    assert 9_000 < seen[0][0] * seen[0][1] <= 10_000
    assert len(seen) > 5 and all(height <= 100 and width <= 100 for height, width in seen[1:])
    known = (mask < 0.5).expand_as(image)
    assert torch.equal(answer[known], image[known])


def test_a_small_picture_is_known_as_a_whole(seen):
    image = torch.rand(1, 3, 120, 130, generator=torch.Generator().manual_seed(0))
    mask, fill = box(120, 130, 10, 10, 9, 9), torch.full_like(image, 0.5)
    answer = add_texture(PatchTexture(), image, fill, mask)
    assert seen == [(120, 130)]
    assert torch.equal(answer, PatchTexture()(image, fill, mask))
