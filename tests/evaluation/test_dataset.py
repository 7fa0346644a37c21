"""Which pictures with which holes; folders of masks and their manifests."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import dataset_from_folders, dataset_from_preset, named_pictures
from latentinpaint.evaluation.mask_sets import draw_hole, mask_checksum, read_manifest, write_masks
from latentinpaint.images.image_files import read_mask

NAMES = ("a.png", "b.png", "sub/a.png")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def save_hole(path, size=(40, 56)):
    hole = np.zeros(size, np.uint8)
    hole[3:9, 30:50] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole).save(path)
    return hole > 0


def test_holes_depend_on_seed_and_name_alone(photos):
    one = {case.name: case.mask for case in dataset_from_preset(photos, "thick", seed=0)}
    torch.manual_seed(123)  # the surroundings' own random numbers do not matter
    again = {case.name: case.mask for case in dataset_from_preset(photos, "thick", seed=0)}
    other = {case.name: case.mask for case in dataset_from_preset(photos, "thick", seed=1)}
    assert list(one) == list(NAMES)
    for name in NAMES:
        assert one[name].shape == (1, 1, 40, 56) and torch.equal(one[name], again[name])
        assert not torch.equal(one[name], other[name])
    # The pictures are equal, so only the name tells the holes apart; "a.png" in a sub-folder is another name.
    assert not torch.equal(one["a.png"], one["b.png"]) and not torch.equal(one["a.png"], one["sub/a.png"])
    (photos / "a.png").unlink()
    assert torch.equal(next(iter(dataset_from_preset(photos, "thick", seed=0))).mask, one["b.png"])


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


def test_limit_takes_the_first_by_name(photos):
    cases = dataset_from_preset(photos, "thin", limit=2)
    assert len(cases) == 2 and [case.name for case in cases] == ["a.png", "b.png"]


def test_size_takes_the_middle_square_scaled(tmp_path):
    small = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.kron(small, np.ones((2, 2, 1), np.uint8))).save(tmp_path / "photos" / "a.png")
    (case,) = dataset_from_preset(tmp_path / "photos", "thick", size=40)
    expected = torch.from_numpy(small[:, 8:48]).permute(2, 0, 1)[None] / 255
    assert torch.allclose(case.image, expected, atol=1e-6)
    assert torch.equal(case.mask, draw_hole("thick", 0, "a.png", (40, 40)))


def test_masks_of_a_folder(photos, tmp_path):
    hole = save_hole(tmp_path / "masks" / "b_mask1.png")
    cases = dataset_from_folders(photos, tmp_path / "masks")
    (case,) = cases
    assert (case.name, case.picture) == ("b_mask1", "b.png")
    assert np.array_equal(case.mask[0, 0].numpy() > 0.5, hole)
    pixels = np.asarray(Image.open(photos / "b.png"))
    assert np.array_equal((case.image[0].permute(1, 2, 0).numpy() * 255).round(), pixels)
    assert len(cases.notes) == 1 and "2 pictures have no mask" in cases.notes[0] and "a.png" in cases.notes[0]
    save_hole(tmp_path / "masks" / "b_mask1.png", (39, 56))
    with pytest.raises(InputError, match="b_mask1.png has another size"):
        list(dataset_from_folders(photos, tmp_path / "masks"))
    Image.new("L", (56, 40)).save(tmp_path / "masks" / "b_mask1.png")
    with pytest.raises(InputError, match="no hole"):
        list(dataset_from_folders(photos, tmp_path / "masks"))


def test_a_mask_too_many_is_left_out_and_named(photos, tmp_path):
    for name in NAMES:
        save_hole(tmp_path / "masks" / name)
    save_hole(tmp_path / "masks" / "stranger_mask001.png")
    cases = dataset_from_folders(photos, tmp_path / "masks")
    assert [case.picture for case in cases] == list(NAMES)
    assert cases.notes == ["1 masks match no picture and are left out: stranger_mask001.png"]


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
    """Grey counts three times, opacity not at all: what is judged are the colours that a file holds."""
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
    (case,) = dataset_from_preset(tmp_path, "thick")
    expected = torch.from_numpy(ramp.astype(np.float32) / 255).expand(3, -1, -1)
    assert torch.allclose(case.image[0], expected, atol=2e-3)


# --- folders of masks -------------------------------------------------------------------------------------


def test_written_masks_are_the_drawn_ones(photos, tmp_path):
    manifest, notes = write_masks(named_pictures(photos), tmp_path / "m", "thick", 3, 2, {"latentinpaint": "x"})
    assert notes == []
    files = sorted(p.relative_to(tmp_path / "m").as_posix() for p in (tmp_path / "m").rglob("*.png"))
    assert files == sorted(f"{name[:-4]}_mask00{k}.png" for name in NAMES for k in (1, 2))
    drawn = {case.name: case.mask for case in dataset_from_preset(photos, "thick", seed=3)}
    written = {case.name: case.mask for case in dataset_from_folders(photos, tmp_path / "m")}
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
    again, _ = write_masks(named_pictures(photos), tmp_path / "m", "thick", 3, 2, {"latentinpaint": "x"})
    assert again == manifest


def test_another_set_is_not_written_over(photos, tmp_path):
    write_masks(named_pictures(photos), tmp_path / "m", "thick", 0, 1, {})
    for settings in (("thin", 0, 1), ("thick", 1, 1), ("thick", 0, 2)):
        with pytest.raises(InputError, match="other settings"):
            write_masks(named_pictures(photos), tmp_path / "m", *settings, {})


def test_masks_fit_each_picture_and_an_unreadable_one_is_named(tmp_path):
    for name, size in (("a.png", (80, 40)), ("b.png", (30, 90))):
        Image.new("RGB", size).save(tmp_path / name)
    (tmp_path / "c.png").write_bytes(b"no picture")
    manifest, notes = write_masks(named_pictures(tmp_path), tmp_path / "m", "thick", 0, 1, {})
    assert [entry["size"] for entry in manifest["masks"]] == [[80, 40], [30, 90]]
    assert len(notes) == 1 and "c.png" in notes[0]
    (first, second) = dataset_from_folders(tmp_path, tmp_path / "m")
    assert first.mask.shape[-2:] == (40, 80) and second.mask.shape[-2:] == (90, 30)
    expected = mask_preset("thick", 30)(90, 30, _generator("b.png"))
    assert torch.equal(second.mask[0], expected)


def _generator(name):
    import zlib

    from latentinpaint.randomness import numbered_generator

    return numbered_generator(0, zlib.crc32(name.encode()))


def test_two_pictures_that_differ_by_suffix_have_no_masks_of_their_own(tmp_path):
    for name in ("a.png", "a.jpg"):
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    with pytest.raises(InputError, match="but for the suffix"):
        write_masks(named_pictures(tmp_path), tmp_path / "m", "thick", 0, 1, {})


@pytest.mark.parametrize("what", ["mask", "picture", "new", "manifest"])
def test_what_was_changed_is_found(what, photos, tmp_path):
    folder = tmp_path / "m"
    write_masks(named_pictures(photos), folder, "thick", 0, 1, {})
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
    write_masks(named_pictures(photos), tmp_path / "m", "thick", 0, 1, {})
    path = tmp_path / "m" / "a_mask001.png"
    before = path.read_bytes()
    Image.open(path).convert("RGB").save(path, compress_level=0)
    assert path.read_bytes() != before
    assert len(list(dataset_from_folders(photos, tmp_path / "m"))) == 3


def test_a_mask_of_the_manifest_that_is_gone_is_noted(photos, tmp_path):
    write_masks(named_pictures(photos), tmp_path / "m", "thick", 0, 1, {})
    (tmp_path / "m" / "b_mask001.png").unlink()
    notes = dataset_from_folders(photos, tmp_path / "m").notes
    assert len(notes) == 2 and "b.png" in notes[0] and "b_mask001.png" in notes[1]
    assert read_manifest(photos) is None
