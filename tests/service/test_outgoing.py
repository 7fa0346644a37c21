"""Files, zips, previews and masks."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.image_format import JPEG, PNG
from latentinpaint.images.picture import Picture
from latentinpaint.service import outgoing
from latentinpaint.service.job import Answer


@pytest.fixture
def picture(helpers):
    return Picture(helpers.smooth(40, 48), "RGB", name="a.b.jpg")


def test_the_file_has_the_wanted_format(picture):
    answer = outgoing.file_answer(picture, JPEG, "same", None, "_filled")
    assert (answer.name, answer.media_type) == ("a.b_filled.jpg", "image/jpeg") and "lossy" in answer.notes[0]
    answer = outgoing.file_answer(picture, JPEG, "tiff", None)
    assert (answer.name, answer.media_type, answer.notes) == ("a.b.tif", "image/tiff", ())
    with pytest.raises(InputError, match="there is no format 'exe': choose one of"):
        outgoing.file_answer(picture, PNG, "exe", None)


def test_zips_and_headers():
    answers = [Answer(b"1", "a/b", "ä 1.png", ("lost: µ",)), Answer(b"2", "a/b", "2.png", ("lost: µ",))]
    packed = outgoing.zip_answer(answers, "all.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert [archive.read(name) for name in ("ä 1.png", "2.png")] == [b"1", b"2"]
    assert packed.notes == ("lost: µ",)
    response = outgoing.answer_response(answers[0])
    assert (
        response.headers["content-disposition"] == "attachment; filename=\"_ 1.png\"; filename*=UTF-8''%C3%A4%201.png"
    )
    assert response.headers["x-notes"] == "lost: %C2%B5"


def test_previews_are_over_white_and_keep_the_profile(picture):
    alpha = np.dstack([picture.samples, np.full((40, 48), 128, np.uint8)])
    shown = np.asarray(outgoing.shown(Picture(alpha, "RGBA"), 48))
    wanted = picture.samples * (128 / 255) + 255 * (1 - 128 / 255)
    assert np.abs(shown - wanted).max() <= 0.5 + 1e-6
    assert max(outgoing.shown(picture, 20).size) == 20 and outgoing.shown(picture, 100).size == (48, 40)
    profile = b"x" * 16 + b"RGB " + b"x" * 200
    answer = outgoing.preview_answer(Picture(picture.samples, "RGB", icc_profile=profile), 48)
    assert Image.open(io.BytesIO(answer.content)).info["icc_profile"] == profile
    grey = outgoing.preview_answer(Picture(picture.samples, "RGB", icc_profile=b"x" * 16 + b"GRAY" + b"x" * 9), 48)
    assert "icc_profile" not in Image.open(io.BytesIO(grey.content)).info


def test_large_previews_are_jpeg():
    large = Picture(np.zeros((800, 700, 3), np.uint8), "RGB")
    assert outgoing.preview_answer(large, 900).media_type == "image/jpeg"
    assert outgoing.preview_answer(large, 700).media_type == "image/png"


def test_masks(hole, array_of):
    assert np.array_equal(array_of(outgoing.mask_png(hole)), hole * np.uint8(255))
