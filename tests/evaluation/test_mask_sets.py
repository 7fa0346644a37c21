"""Folders of masks and their manifests."""

import hashlib
import json

import pytest
import torch
from PIL import Image
from small_photos import NAMES, save_hole, save_photos

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import dataset_from_folders, dataset_from_preset, named_pictures
from latentinpaint.evaluation.mask_sets import draw_hole, mask_checksum, read_manifest, write_masks
from latentinpaint.images.image_files import read_mask


@pytest.fixture
def photos(tmp_path):
    return save_photos(tmp_path / "photos")


def test_holes_are_the_same_on_every_machine():
    """Checksums of holes as they were drawn once: another value here would be another benchmark."""
    drawn = {
        (preset, number): mask_checksum(draw_hole(preset, 0, "photo.jpg", (256, 256), number)[0, 0].numpy() > 0.5)[
            :12
        ]
        for preset in ("thin", "medium", "thick")
        for number in (1, 2)
    }
    assert drawn == {
        ("thin", 1): "97d45226a606",
        ("thin", 2): "f17c02d75683",
        ("medium", 1): "6105bf1e21a1",
        ("medium", 2): "587640c086bc",
        ("thick", 1): "8edd52d10f86",
        ("thick", 2): "f002ee3b4fbe",
    }


def test_written_masks_are_the_drawn_ones(photos, tmp_path):
    manifest, notes = write_masks(named_pictures(photos)[0], tmp_path / "m", "thick", 3, 2, {"latentinpaint": "x"})
    assert notes == []
    files = sorted(p.relative_to(tmp_path / "m").as_posix() for p in (tmp_path / "m").rglob("*.png"))
    assert files == sorted(f"{name[:-4]}_mask00{k}.png" for name in NAMES for k in (1, 2))
    drawn = {item.name: item.mask for item in dataset_from_preset(photos, "thick", seed=3)}
    written = {item.name: item.mask for item in dataset_from_folders(photos, tmp_path / "m")}
    for name in NAMES:
        assert torch.equal(drawn[name], written[f"{name[:-4]}_mask001"])
        assert not torch.equal(drawn[name], written[f"{name[:-4]}_mask002"])
    entry = manifest["masks"][0]
    hole = read_mask(tmp_path / "m" / entry["file"])
    bits = "".join("1" if value else "0" for value in hole.ravel())
    packed = bytes(int(bits[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(bits), 8))
    assert entry["mask_sha256"] == hashlib.sha256(b"56x40:" + packed).hexdigest()
    assert entry["picture_sha256"] == hashlib.sha256((photos / "a.png").read_bytes()).hexdigest()
    assert entry["hole_fraction"] == pytest.approx(hole.mean(), abs=1e-6)
    assert json.loads((tmp_path / "m" / "manifest.json").read_text()) == manifest
    again, _ = write_masks(named_pictures(photos)[0], tmp_path / "m", "thick", 3, 2, {"latentinpaint": "x"})
    assert again == manifest


def test_another_set_is_not_written_over(photos, tmp_path):
    write_masks(named_pictures(photos)[0], tmp_path / "m", "thick", 0, 1, {})
    for settings in (("thin", 0, 1), ("thick", 1, 1), ("thick", 0, 2)):
        with pytest.raises(InputError, match="other settings"):
            write_masks(named_pictures(photos)[0], tmp_path / "m", *settings, {})


def test_masks_fit_each_picture_and_an_unreadable_one_is_named(tmp_path):
    for name, size in (("a.png", (80, 40)), ("b.png", (30, 90))):
        Image.new("RGB", size).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"no picture")
    manifest, notes = write_masks(named_pictures(tmp_path)[0], tmp_path / "m", "thick", 0, 1, {})
    assert [entry["size"] for entry in manifest["masks"]] == [[80, 40], [30, 90]]
    assert len(notes) == 1 and "c.png" in notes[0]
    (first, second) = dataset_from_folders(tmp_path, tmp_path / "m")
    assert first.mask.shape[-2:] == (40, 80) and second.mask.shape[-2:] == (90, 30)
    expected = mask_preset("thick", 30)(90, 30, _generator("b.png"))
    assert torch.equal(second.mask[0], expected)


def _generator(name):
    import zlib

    from latentinpaint.runtime.randomness import numbered_generator

    return numbered_generator(0, zlib.crc32(name.encode()))


def test_two_pictures_that_differ_by_suffix_have_no_masks_of_their_own(tmp_path):
    for name in ("a.png", "a.jpg"):
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    with pytest.raises(InputError, match="but for the suffix"):
        write_masks(named_pictures(tmp_path)[0], tmp_path / "m", "thick", 0, 1, {})


@pytest.mark.parametrize("what", ["mask", "picture", "new", "manifest"])
def test_what_was_changed_is_found(what, photos, tmp_path):
    folder = tmp_path / "m"
    write_masks(named_pictures(photos)[0], folder, "thick", 0, 1, {})
    if what == "mask":
        save_hole(folder / "a_mask001.png")
    elif what == "picture":
        Image.new("RGB", (56, 40)).save(photos / "a.png")
    elif what == "new":
        save_hole(folder / "a_mask002.png")
    else:
        (folder / "manifest.json").write_text('{"masks": [{}]}')
    with pytest.raises(InputError, match="manifest|changed"):
        list(dataset_from_folders(photos, folder))


def test_a_file_in_another_encoding_is_the_same_mask(photos, tmp_path):
    write_masks(named_pictures(photos)[0], tmp_path / "m", "thick", 0, 1, {})
    path = tmp_path / "m" / "a_mask001.png"
    before = path.read_bytes()
    Image.open(path).convert("RGB").save(path, compress_level=0)
    assert path.read_bytes() != before
    assert len(list(dataset_from_folders(photos, tmp_path / "m"))) == 3


def test_a_mask_of_the_manifest_that_is_gone_is_noted(photos, tmp_path):
    write_masks(named_pictures(photos)[0], tmp_path / "m", "thick", 0, 1, {})
    (tmp_path / "m" / "b_mask001.png").unlink()
    notes = dataset_from_folders(photos, tmp_path / "m").notes
    assert len(notes) == 2 and "b.png" in notes[0] and "b_mask001.png" in notes[1]
    assert read_manifest(photos) is None
