"""What a program has set for its whole process is as it was after calls of the library, and nothing is printed."""

import logging
import os
import random
import warnings

import cv2
import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from latentinpaint import Inpainter
from latentinpaint.images.image_files import read_picture, write_picture
from latentinpaint.visualization import draw_latent_difference, latent_difference


def settings():
    return {
        "environment": dict(os.environ),
        "warnings": list(warnings.filters),
        "threads": (torch.get_num_threads(), cv2.getNumThreads()),
        "type": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "random numbers": (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()),
        "plots": (matplotlib.get_backend(auto_select=False), dict(matplotlib.rcParams)),
        "pictures": (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS),
        "messages": (logging.root.level, list(logging.root.handlers), logging.getLogger("latentinpaint").level),
    }


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("refiner", ["ffc", "flow"])
def test_calls_change_no_setting(refiner, build_pipeline, photo, tmp_path, capfd, monkeypatch):
    monkeypatch.setitem(matplotlib.rcParams, "backend", "svg")  # another one than the library draws with
    pipeline = build_pipeline(refiner)
    hole = np.zeros((40, 48), bool)
    hole[10:20, 10:30] = True
    before = settings()
    inpainter = Inpainter(pipeline, "cpu")
    picture = read_picture(photo)
    (filled,) = inpainter.fill(picture, hole)
    write_picture(filled, tmp_path / "filled.jpg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inpainter.samples(Image.open(photo), hole, 2, texture=True, progress=lambda share: None)
    inpainter.expand(picture.rgb(), 4, refine=True)
    inpainter.save_pretrained(tmp_path / "model")
    Inpainter.from_pretrained(tmp_path / "model", "cpu")
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    draw_latent_difference(
        latent_difference(pipeline.autoencoder, image, (image[:, :1] > 0.5).float(), pipeline.control)
    )
    after = settings()
    for name, value in before.items():
        assert after[name] == value, name
    assert capfd.readouterr() == ("", "")


def test_a_program_that_listens_is_told_what_is_done(build_pipeline, photo, tmp_path, caplog):
    Inpainter(build_pipeline(), "cpu").save_pretrained(tmp_path)
    with caplog.at_level(logging.DEBUG, "latentinpaint"):
        Inpainter.from_pretrained(tmp_path, "cpu")(Image.open(photo), np.eye(40, 48, dtype=bool))
    names = {record.name for record in caplog.records}
    assert names == {"latentinpaint.weights", "latentinpaint.trained_model", "latentinpaint.inference.fill"}
    assert "LamaAutoencoder, FFCRefiner" in caplog.text and "fills on cpu in float32" in caplog.text
