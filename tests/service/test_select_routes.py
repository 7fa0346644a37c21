"""Selecting over HTTP: the masks are the library's, cut out of their boxes."""

import base64

import numpy as np
import pytest

from latentinpaint.inference.crops import Box
from latentinpaint.inference.object_selection import select_by_line, select_in_box


@pytest.fixture
def pixels():
    """A dark disc with a shadow on light ground, (200, 300, 3) uint8."""
    y, x = np.mgrid[:200, :300]
    pixels = np.full((200, 300, 3), 190, np.uint8)
    pixels[((y - 130) / 8) ** 2 + ((x - 175) / 50) ** 2 < 1] = 120
    pixels[(y - 100) ** 2 + (x - 150) ** 2 < 35**2] = (180, 40, 40)
    noise = np.random.default_rng(0).integers(0, 6, pixels.shape)
    return (pixels + noise).astype(np.uint8)


@pytest.fixture
def select(client, file_of, pixels):
    """A function that selects in this photo."""
    photo_id = client.post("/v1/photos", files={"image": ("a.png", file_of(pixels))}).json()["id"]
    return lambda **fields: client.post("/v1/select", json={"photo": photo_id, **fields})


def whole(part, array_of, shape=(200, 300)):
    """A part as a mask of the photo."""
    left, top, right, bottom = part["box"]
    assert part["mask"].startswith("data:image/png;base64,")
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = array_of(base64.b64decode(part["mask"].split(",")[1])) > 0
    return mask


def test_a_box_and_a_line(select, pixels, array_of):
    answer = select(box=[105, 55, 195, 145], grow=3).json()
    wanted = select_in_box(pixels, Box(55, 105, 145, 195), 3)
    assert np.array_equal(whole(answer["object"], array_of), wanted.object)
    assert np.array_equal(whole(answer["shadow"], array_of), wanted.shadow) and wanted.shadow.sum() > 500
    line = [[110, 100], [150, 55], [195, 100], [150, 147], [112, 104]]
    answer = select(scribble=line, width=8).json()
    assert np.array_equal(whole(answer["object"], array_of), select_by_line(pixels, np.array(line), 8, 2).object)


def test_by_default_a_selection_grows_with_the_photo(client, file_of, array_of):
    """By a pixel for every 700 of the longer side."""
    pixels = np.full((80, 2100, 3), 190, np.uint8)
    pixels[20:60, 1000:1060] = (180, 40, 40)
    photo_id = client.post("/v1/photos", files={"image": ("a.png", file_of(pixels))}).json()["id"]
    answer = client.post("/v1/select", json={"photo": photo_id, "box": [990, 10, 1070, 70]}).json()
    wanted = select_in_box(pixels, Box(10, 990, 70, 1070), 3)
    assert np.array_equal(whole(answer["object"], array_of, (80, 2100)), wanted.object)


def test_a_box_is_cut_to_the_photo(select):
    assert select(box=[-10, -5, 400.4, 300]).status_code == 200


@pytest.mark.parametrize(
    "fields, words",
    [
        ({}, "give either box or scribble"),
        ({"box": [1, 2, 30, 40], "scribble": [[1, 2]]}, "give either box or scribble"),
        ({"box": [1, 2, 3]}, "box: "),
        ({"box": [50, 2, 40, 20]}, "the box is not inside the photo"),
        ({"box": [1000, 2, 2000, 20]}, "the box is not inside the photo"),
        ({"scribble": [[1]]}, "scribble.0: "),
        ({"scribble": []}, "scribble: "),
        ({"scribble": [[1, 2]], "width": 0}, "width: "),
        ({"box": [1, 2, 30, 40], "grow": -1}, "grow: "),
        ({"box": ["a", 2, 30, 40]}, "box.0: "),
    ],
)
def test_what_cannot_be_used(select, fields, words):
    answer = select(**fields)
    assert answer.status_code == 422 and answer.json()["error"].startswith(words), answer.text


def test_numbers_that_are_none(client, sent):
    for number in ("NaN", "Infinity", "1e999", "1e300"):
        content = f'{{"photo": "{sent["id"]}", "box": [0, 0, {number}, 9]}}'
        answer = client.post("/v1/select", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text


def test_photos_of_others(select, visitor, sent):
    assert visitor().post("/v1/select", json={"photo": sent["id"], "box": [1, 1, 9, 9]}).status_code == 404
