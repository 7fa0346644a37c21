"""Which pictures with which holes; from a preset or from folders."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_photos import NAMES, save_hole, save_photos

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import dataset_from_folders, dataset_from_preset
from latentinpaint.evaluation.mask_sets import draw_hole


@pytest.fixture
def photos(tmp_path):
    return save_photos(tmp_path / "photos")


def test_holes_depend_on_seed_and_name_alone(photos):
    one = {item.name: item.mask for item in dataset_from_preset(photos, "thick", seed=0)}
    torch.manual_seed(123)  # the surroundings' own random numbers do not matter
    again = {item.name: item.mask for item in dataset_from_preset(photos, "thick", seed=0)}
    other = {item.name: item.mask for item in dataset_from_preset(photos, "thick", seed=1)}
    assert list(one) == list(NAMES)
    for name in NAMES:
        assert one[name].shape == (1, 1, 40, 56) and torch.equal(one[name], again[name])
        assert not torch.equal(one[name], other[name])
    # The pictures are equal, so only the name tells the holes apart; "a.png" in a sub-folder is another name.
    assert not torch.equal(one["a.png"], one["b.png"]) and not torch.equal(one["a.png"], one["sub/a.png"])
    (photos / "a.png").unlink()
    assert torch.equal(next(iter(dataset_from_preset(photos, "thick", seed=0))).mask, one["b.png"])


def test_limit_takes_the_first_by_name(photos):
    items = dataset_from_preset(photos, "thin", limit=2)
    assert len(items) == 2 and [item.name for item in items] == ["a.png", "b.png"]


def test_size_takes_the_middle_square_scaled(tmp_path):
    small = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.kron(small, np.ones((2, 2, 1), np.uint8))).save(tmp_path / "photos" / "a.png")
    (item,) = dataset_from_preset(tmp_path / "photos", "thick", size=40)
    expected = torch.from_numpy(small[:, 8:48]).permute(2, 0, 1)[None] / 255
    assert torch.allclose(item.image, expected, atol=1e-6)
    assert torch.equal(item.mask, draw_hole("thick", 0, "a.png", (40, 40)))


def test_masks_of_a_folder(photos, tmp_path):
    hole = save_hole(tmp_path / "masks" / "b_mask1.png")
    items = dataset_from_folders(photos, tmp_path / "masks")
    (item,) = items
    assert (item.name, item.picture) == ("b_mask1", "b.png")
    assert np.array_equal(item.mask[0, 0].numpy() > 0.5, hole)
    pixels = np.asarray(Image.open(photos / "b.png"))
    assert np.array_equal((item.image[0].permute(1, 2, 0).numpy() * 255).round(), pixels)
    assert len(items.notes) == 1 and "2 pictures have no mask" in items.notes[0] and "a.png" in items.notes[0]
    save_hole(tmp_path / "masks" / "b_mask1.png", (39, 56))
    with pytest.raises(InputError, match="b_mask1.png is .* pixels, the picture .*b.png .*: they have to be equal"):
        list(dataset_from_folders(photos, tmp_path / "masks"))
    Image.new("L", (56, 40)).save(tmp_path / "masks" / "b_mask1.png")
    with pytest.raises(InputError, match="no hole"):
        list(dataset_from_folders(photos, tmp_path / "masks"))


def test_a_mask_too_many_is_left_out_and_named(photos, tmp_path):
    for name in NAMES:
        save_hole(tmp_path / "masks" / name)
    save_hole(tmp_path / "masks" / "stranger_mask001.png")
    items = dataset_from_folders(photos, tmp_path / "masks")
    assert [item.picture for item in items] == list(NAMES)
    assert items.notes == ["1 mask matches no picture, left out: stranger_mask001.png"]


def test_only_strangers_is_an_error(photos, tmp_path):
    save_hole(tmp_path / "masks" / "stranger_mask001.png")
    with pytest.raises(InputError, match="none of the masks"):
        dataset_from_folders(photos, tmp_path / "masks")


def test_bad_folders(tmp_path, photos):
    with pytest.raises(InputError, match="fat"):
        dataset_from_preset(photos, "fat")
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="no picture"):
        dataset_from_preset(tmp_path / "void", "thin")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16"])
def test_pictures_of_any_mode_have_three_channels(mode, tmp_path):
    """Grey counts three times, opacity not at all: what is evaluated are the colours that are seen."""
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (40, 1))
    picture = Image.fromarray(ramp)
    if mode == "I;16":
        picture = Image.fromarray(ramp.astype(np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        picture = picture.convert(mode)
        picture.putalpha(128)
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "x.png")
    (item,) = dataset_from_preset(tmp_path, "thick")
    expected = torch.from_numpy(ramp.astype(np.float32) / 255).expand(3, -1, -1)
    assert torch.allclose(item.image[0], expected, atol=2e-3)


def test_hidden_colours_are_not_the_truth(tmp_path):
    samples = np.full((40, 40, 4), (235, 140, 40, 255), np.uint8)
    samples[:, 20:] = (255, 255, 255, 0)
    Image.fromarray(samples).save(tmp_path / "sticker.png")
    [item] = dataset_from_preset(tmp_path, "thick", seed=0)
    colours = np.unique(item.image[0].permute(1, 2, 0).reshape(-1, 3).numpy() * 255, axis=0)
    np.testing.assert_allclose(colours, [[235, 140, 40]], atol=1e-4)
