"""How holes pass a model: batches, the networks' own scale, texture, tiles."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.inference import fill as fill_module
from latentinpaint.inference import tiling as tiling_module
from latentinpaint.inference.fill import fill_holes
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import REFINERS


@pytest.fixture
def pipeline(build_pipeline):
    return build_pipeline("ffc")


@pytest.fixture
def seen(monkeypatch):
    """The shapes of all batches that pass the networks."""
    shapes = []
    sample = InpaintPipeline.sample_with_error

    def recording(self, image, *rest, **named):
        shapes.append(tuple(image.shape))
        return sample(self, image, *rest, **named)

    monkeypatch.setattr(InpaintPipeline, "sample_with_error", recording)
    return shapes


def picture(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def hole(height, width, top, left, tall, wide):
    found = torch.zeros(1, height, width, dtype=torch.bool)
    found[:, top : top + tall, left : left + wide] = True
    return found


def pil(height, width, seed, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("refiner", ["ffc", "flow"])
def test_a_list_is_answered_as_one_by_one(build_pipeline, refiner):
    inpainter = Inpainter(build_pipeline(refiner))
    images = [pil(40, 48, 0), pil(33, 25, 1, "L"), np.asarray(pil(40, 48, 2)), picture(40, 48, 3)]
    masks = [hole(*size, 5, 6, 14, 12)[0].numpy() for size in ((40, 48), (33, 25), (40, 48), (40, 48))]
    together = inpainter.samples(images, masks, 2, seed=7)
    assert len(together) == 4
    for image, mask, answers in zip(images, masks, together, strict=True):
        for answer, alone in zip(answers, inpainter.samples(image, mask, 2, seed=7), strict=True):
            assert type(answer) is type(alone)
            difference = np.abs(np.asarray(answer, dtype=float) - np.asarray(alone, dtype=float)).max()
            assert difference <= (1e-4 if isinstance(image, torch.Tensor) else 1)  # batches round otherwise


def test_one_mask_serves_a_list_and_no_sample_is_a_plain_list(pipeline):
    inpainter, mask = Inpainter(pipeline), hole(40, 48, 5, 6, 14, 12)[0].numpy()
    answers = inpainter([pil(40, 48, 0), pil(40, 48, 1)], mask)
    assert [type(answer) for answer in answers] == [Image.Image, Image.Image]
    assert inpainter([], mask) == []


def test_as_many_masks_as_pictures(pipeline):
    with pytest.raises(ValueError, match="2 masks for 1 picture$"):
        Inpainter(pipeline)([pil(20, 20, 0)], [np.ones((20, 20), bool)] * 2)


def test_distant_holes_and_pictures_of_one_size_pass_together(pipeline, seen):
    images = [picture(96, 600, 1), picture(96, 600, 2), picture(64, 64, 3)]
    holes = [hole(96, 600, 40, 40, 10, 10) | hole(96, 600, 40, 540, 10, 10), hole(96, 600, 44, 300, 8, 8)]
    fill_holes(pipeline, images, [*holes, hole(64, 64, 5, 5, 9, 9)], FillOptions(crop=32))
    assert sorted(seen) == [(1, 3, 64, 64), (3, 3, 80, 80)]


def test_with_texture_each_picture_passes_by_itself(pipeline, seen):
    """In another batch networks round otherwise, and a texture would turn that into other patches."""
    pictures = [picture(64, 64, seed) for seed in range(2)]
    holes = [hole(64, 64, 8, 8, 16, 16)] * 2
    options = FillOptions(seed=3)
    together = fill_holes(pipeline, pictures, holes, options, PatchTexture())
    assert [shape[0] for shape in seen] == [1, 1]
    assert torch.equal(together[0], fill_holes(pipeline, pictures[:1], holes[:1], options, PatchTexture())[0])


def test_a_picture_without_a_hole_comes_back_and_passes_nothing(pipeline, seen):
    image = picture(30, 40)
    (answer,) = fill_holes(pipeline, [image], [torch.zeros(1, 30, 40, dtype=torch.bool)], FillOptions(num_samples=2))
    assert seen == [] and torch.equal(answer, image.expand(2, -1, -1, -1))


@pytest.mark.parametrize(("texture", "side"), [(True, 96), (False, 240)])
def test_with_texture_the_networks_see_their_own_scale(pipeline, seen, monkeypatch, texture, side):
    monkeypatch.setattr(fill_module, "NETWORK_SIDE", 96)
    image, mask = picture(200, 240), hole(200, 240, 60, 70, 60, 80)
    (answer,) = fill_holes(pipeline, [image], [mask], FillOptions(texture=texture, crop=None))
    assert seen == [(1, 3, 80, 96)] if texture else seen == [(1, 3, 200, 240)]
    assert answer.shape == (1, 3, 200, 240)
    assert torch.equal(answer[0][:, ~mask[0]], image[:, ~mask[0]])


def test_what_the_networks_see_is_bounded(pipeline, seen, monkeypatch):
    monkeypatch.setattr(fill_module, "MAX_PIXELS", 10_000)
    image, mask = picture(200, 200), hole(200, 200, 60, 70, 60, 80)
    (answer,) = fill_holes(pipeline, [image], [mask], FillOptions(crop=None))
    assert seen == [(1, 3, 100, 100)]
    assert torch.equal(answer[0][:, ~mask[0]], image[:, ~mask[0]])


def test_texture_as_the_model_has_it_or_as_asked(pipeline):
    image, mask = picture(64, 72), hole(64, 72, 20, 22, 18, 20)

    def answer(texture, own=None):
        return fill_holes(pipeline, [image], [mask], FillOptions(texture=texture), own)[0][0]

    plain, painted = answer(None), answer(True)
    assert torch.equal(answer(False), plain)
    assert torch.equal(painted, PatchTexture()(image[None], plain[None], mask[None].float())[0])
    own = PatchTexture(radius=1)
    assert torch.equal(answer(False, own), plain)
    assert torch.equal(answer(None, own), answer(True, own))
    assert not torch.equal(answer(None, own), painted)


def test_a_texture_that_is_set_later_counts(pipeline):
    inpainter = Inpainter(pipeline)
    image, mask = picture(64, 72), hole(64, 72, 20, 22, 18, 20)
    plain, painted = inpainter(image, mask), inpainter(image, mask, texture=True)
    inpainter.texture = PatchTexture()
    assert torch.equal(inpainter(image, mask), painted) and not torch.equal(painted, plain)


@pytest.mark.parametrize("refiner", sorted(REFINERS))
def test_texture_paints_every_sample(build_pipeline, refiner):
    pipeline, image = build_pipeline(refiner), torch.rand(3, 40, 44)
    mask = hole(40, 44, 10, 12, 15, 18)
    (plain,) = fill_holes(pipeline, [image], [mask], FillOptions(2, seed=5))
    texture = PatchTexture(rounds=(2, 1, 1))
    (painted,) = fill_holes(pipeline, [image], [mask], FillOptions(2, seed=5), texture)
    assert not torch.equal(painted, plain)
    for number in range(2):
        expected = texture(image[None], plain[number, None], mask[None].float())[0]
        assert torch.equal(painted[number], expected)


def test_refined_fills_get_texture_too(pipeline):
    inpainter = Inpainter(pipeline)
    image, mask = picture(300, 280), hole(300, 280, 100, 90, 60, 50)
    plain = inpainter(image, mask, refine=True, crop=None)
    painted = inpainter(image, mask, refine=True, crop=None, texture=True)
    assert torch.equal(painted, PatchTexture()(image[None], plain[None], mask[None].float())[0])


def test_large_windows_are_painted_in_tiles(pipeline, monkeypatch):
    monkeypatch.setattr(tiling_module, "SMALL_PIXELS", 128 * 128)
    monkeypatch.setattr(tiling_module, "MAX_PIXELS_AT_ONCE", 128 * 128)
    monkeypatch.setattr(tiling_module, "TILE", 96)
    monkeypatch.setattr(tiling_module, "SURROUNDINGS", 24)
    image, mask = picture(300, 260).round(), hole(300, 260, 60, 50, 150, 140)  # eight colours
    (answer,) = fill_holes(pipeline, [image], [mask], FillOptions(texture=True, crop=None))
    assert torch.equal(answer[0][:, ~mask[0]], image[:, ~mask[0]])
    inside = answer[0][:, mask[0]]
    off = (inside - inside.round()).abs().amax(dim=0)
    assert (off < 0.02).float().mean() > 0.99  # painted, at full scale, everywhere


def test_thin_lines_do_not_grow_together(pipeline, seen, monkeypatch):
    monkeypatch.setattr(fill_module, "NETWORK_SIDE", 64)
    mask = torch.zeros(1, 256, 256, dtype=torch.bool)
    mask[:, ::32] = True
    fill_holes(pipeline, [picture(256, 256)], [mask], FillOptions(texture=True, crop=None))
    assert seen == [(1, 3, 256, 256)]


def test_a_thin_mask_beside_does_not_change_what_is_seen_of_others(pipeline, seen, monkeypatch):
    monkeypatch.setattr(fill_module, "NETWORK_SIDE", 64)
    lines = torch.zeros(1, 256, 256, dtype=torch.bool)
    lines[:, ::32] = True
    images, masks = [picture(256, 256, 1), picture(256, 256, 2)], [lines, hole(256, 256, 64, 64, 128, 128)]
    together = fill_holes(pipeline, images, masks, FillOptions(texture=True, crop=None))
    assert sorted(seen) == [(1, 3, 64, 64), (1, 3, 256, 256)]
    for row in range(2):
        (alone,) = fill_holes(pipeline, [images[row]], [masks[row]], FillOptions(texture=True, crop=None))
        assert torch.equal(together[row], alone)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_was_given_is_not_written_to(pipeline, dtype):
    """Large enough for a window, contiguous, and twice in one list."""
    inpainter, image = Inpainter(pipeline), picture(700, 700).to(dtype)
    before = image.clone()
    masks = [hole(700, 700, 300, 300, 20, 20), hole(700, 700, 100, 100, 20, 20)]
    answers = inpainter([image, image], masks)
    assert torch.equal(image, before)
    for answer, mask in zip(answers, masks, strict=True):
        assert torch.equal(answer[:, ~mask[0]], before[:, ~mask[0]])
        assert not torch.equal(answer, before)
    feathered, dilated = (inpainter(image, masks[0], **{name: 8}) for name in ("feather", "dilate"))
    assert torch.equal(image, before) and not torch.equal(feathered, dilated)


def test_no_picture_is_a_sentence(pipeline):
    with pytest.raises(ValueError, match="a tensor is"):
        Inpainter(pipeline)(torch.rand(0, 3, 64, 64), hole(64, 64, 4, 4, 8, 8))


class TestDefaultModel:
    def test_it_is_inside_the_package_and_small(self):
        from latentinpaint.pretrained.model_paths import PRETRAINED

        assert PRETRAINED["default"].stat().st_size <= 16 * 2**20

    def test_it_fills_and_is_written_and_read(self, tmp_path):
        inpainter, image = Inpainter.from_pretrained(), pil(72, 80, 5)
        mask = hole(72, 80, 20, 25, 20, 22)[0].numpy()
        filled = inpainter(image, mask)
        assert np.array_equal(np.asarray(filled)[~mask], np.asarray(image)[~mask])
        assert not np.array_equal(np.asarray(filled)[mask], np.asarray(image)[mask])
        path = inpainter.save_pretrained(tmp_path / "mine")
        again = Inpainter.from_pretrained(path.parent)
        assert again.recipe == inpainter.recipe and again.texture == inpainter.texture
        assert again(image, mask) == filled
