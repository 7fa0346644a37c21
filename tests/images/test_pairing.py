"""Which mask belongs to which picture: LaMa's names, with files that need not be pictures."""

from unicodedata import normalize

import pytest

from latentinpaint.errors import InputError
from latentinpaint.images.pairing import find_matches, match_masks


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(images, masks=None):
    """Pairs as names relative to their folders."""
    root = masks or images
    return [
        (pair.name, pair.image.relative_to(images).as_posix(), pair.mask.relative_to(root).as_posix())
        for pair in match_masks(images, masks).pairs
    ]


def test_several_masks_any_type_and_sub_folders(tmp_path):
    make(
        *(tmp_path, "photo.jpg", "photo_mask001.png", "photo_mask2.jpg", "photo_mask10.png"),
        *("sub/photo.png", "sub/photo_mask.bmp", "alone.png", "note_mask.txt", ".hidden_mask.png"),
    )
    assert found(tmp_path) == [
        ("photo_mask001", "photo.jpg", "photo_mask001.png"),
        ("photo_mask2", "photo.jpg", "photo_mask2.jpg"),
        ("photo_mask10", "photo.jpg", "photo_mask10.png"),
        ("sub/photo_mask", "sub/photo.png", "sub/photo_mask.bmp"),
    ]


def test_a_name_with_mask_inside_is_a_photo(tmp_path):
    make(tmp_path, "carnival_masks.png", "carnival_masks_mask1.png", "a_mask_b.png", "a_mask_b_mask.png")
    assert found(tmp_path) == [
        ("a_mask_b_mask", "a_mask_b.png", "a_mask_b_mask.png"),
        ("carnival_masks_mask1", "carnival_masks.png", "carnival_masks_mask1.png"),
    ]


@pytest.mark.parametrize(
    "name", ["new\nline", "\nfirst", "last\n", "two\n\nlines", "cr\rlf\r\n", "=cmd()", "-a", "<b>", '"']
)
def test_any_character_may_be_in_a_name(tmp_path, name):
    make(tmp_path, f"{name}.png", f"{name}_mask.png", f"{name}_mask001.png")
    pairs = {
        (f"{name}_mask", f"{name}.png", f"{name}_mask.png"),
        (f"{name}_mask001", f"{name}.png", f"{name}_mask001.png"),
    }
    assert set(found(tmp_path)) == pairs


def test_masks_in_a_folder_of_their_own(tmp_path):
    images = make(tmp_path / "images", "a.jpg", "sub/b.png", "c_mask.png")
    masks = make(tmp_path / "masks", "a.png", "a_mask3.png", "sub/b_mask.png", "c_mask.png")
    assert found(images, masks) == [
        ("a", "a.jpg", "a.png"),
        ("a_mask3", "a.jpg", "a_mask3.png"),
        ("c_mask", "c_mask.png", "c_mask.png"),
        ("sub/b_mask", "sub/b.png", "sub/b_mask.png"),
    ]


@pytest.mark.parametrize(
    ("images", "masks", "expected"),
    [
        (["face.png", "face_mask.png"], ["face_mask.png"], [("face_mask.png", "face_mask.png")]),
        (["face.png", "face_mask1.png"], ["face_mask1.webp"], [("face_mask1.png", "face_mask1.webp")]),
        (["face.png"], ["face_mask.png"], [("face.png", "face_mask.png")]),
        (
            ["face.png", "face_mask.png"],
            ["face.png", "face_mask.png", "face_mask_mask.png"],
            [("face.png", "face.png"), ("face_mask.png", "face_mask.png"), ("face_mask.png", "face_mask_mask.png")],
        ),
        (["a/face.png", "face_mask.png"], ["a/face_mask.png"], [("a/face.png", "a/face_mask.png")]),
    ],
)
def test_a_mask_with_a_pictures_very_name_is_that_pictures(tmp_path, images, masks, expected):
    image_folder = make(tmp_path / "images", *images)
    mask_folder = make(tmp_path / "masks", *masks)
    assert [(image, mask) for _, image, mask in found(image_folder, mask_folder)] == expected


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (["a.png"], None, "holds no mask"),
        (["a.png", "a.jpg", "a_mask.png"], None, "more than one picture"),
        (["a.png", "a_mask.png", "a_mask.jpg"], None, "same name"),
        (["a.png"], [], "holds no mask"),
        (["a.png", "a.jpg"], ["a.png"], "more than one picture"),
        (["a.png"], ["a.png", "a.bmp"], "same name"),
    ],
)
def test_what_cannot_be_paired(images, masks, message, tmp_path):
    folder = make(tmp_path / "images", *images)
    other = None
    if masks is not None:
        (tmp_path / "masks").mkdir()
        other = make(tmp_path / "masks", *masks)
    with pytest.raises(InputError, match=message):
        match_masks(folder, other)


@pytest.mark.parametrize(
    ("images", "masks", "orphans"),
    [
        (["a.png", "b_mask.png"], None, ["b_mask.png"]),
        (["a.png", "sub/a_mask.png"], None, ["sub/a_mask.png"]),
        (["a.png"], ["b.png", "a.png"], ["b.png"]),
    ],
)
def test_masks_without_a_picture(images, masks, orphans, tmp_path):
    folder = make(tmp_path / "images", *images)
    other = None if masks is None else make(tmp_path / "masks", *masks)
    matches = match_masks(folder, other)
    assert [path.relative_to(other or folder).as_posix() for path in matches.masks_without_image] == orphans


def test_what_is_unclear_does_not_stop_the_rest(tmp_path):
    folder = make(
        *(tmp_path, "a.png", "a.jpg", "a_mask.png", "b.png", "b_mask.png", "b_mask.jpg", "c.png", "c_mask1.png"),
        *("d.png", "e_mask.png"),
    )
    matches = find_matches(folder)
    assert [pair.name for pair in matches.pairs] == ["c_mask1"]
    assert [found.mask.name for found in matches.ambiguous] == ["a_mask.png", "b_mask.jpg", "b_mask.png"]
    assert all(str(found.mask) in found.reason for found in matches.ambiguous)
    assert [path.name for path in matches.images_without_mask] == ["d.png"]
    assert [path.name for path in matches.masks_without_image] == ["e_mask.png"]


@pytest.mark.parametrize("photo_form", ["NFC", "NFD"])
@pytest.mark.parametrize("mask_form", ["NFC", "NFD"])
@pytest.mark.parametrize("folder", ["", "über"])
def test_names_that_look_the_same_match(photo_form, mask_form, folder, tmp_path):
    """Accents as part of their letters or after them, as systems write them."""
    photo = tmp_path / normalize(photo_form, folder) / normalize(photo_form, "café Ång 한.png")
    mask = tmp_path / normalize(mask_form, folder) / normalize(mask_form, "café Ång 한_mask001.png")
    for path in (photo, mask):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_matches(tmp_path)
    assert [(pair.image, pair.mask) for pair in found.pairs] == [(photo, mask)]
    assert not (found.masks_without_image or found.images_without_mask or found.ambiguous)


def test_two_names_that_look_the_same(tmp_path):
    for name in ("caf\u00e9.png", "cafe\u0301.png", "caf\u00e9_mask.png"):
        (tmp_path / name).touch()
    found = find_matches(tmp_path)
    assert not found.pairs and "accents are encoded differently" in found.ambiguous[0].reason
