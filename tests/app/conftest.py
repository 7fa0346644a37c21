"""One served page with two small models for all tests here, and photos and holes of any size."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.app.uploads import Photo
from latentinpaint.images.picture import Picture


@pytest.fixture(scope="session")
def address(model_files):
    """The address of a running page, without the last slash; its models are "ffc" and "flow", 2 MB its limit."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    from latentinpaint.app.models import load_models
    from latentinpaint.app.server import ServerConfig, serve
    from latentinpaint.app.uploads import Limits

    models = load_models([f"{model_files['ffc']},{model_files['flow']}"], "cpu")
    with serve(models, ServerConfig(port=17860, limits=Limits(upload=2, megapixels=1))) as url:
        yield url.rstrip("/")


@pytest.fixture(scope="session")
def picture_of():
    """A function that makes a picture of an array (H, W, C) uint8."""
    return lambda array: Picture.from_pil(Image.fromarray(array))


@pytest.fixture(scope="session")
def photo_of(picture_of):
    """A function that makes a black photo of a height and width."""
    return lambda height, width: Photo(picture_of(np.zeros((height, width, 3), np.uint8)), "photo", ".png")


@pytest.fixture(scope="session")
def hole_of():
    """A function that makes a hole (H, W) bool: a rectangle above the middle."""

    def make(height, width):
        hole = np.zeros((height, width), bool)
        hole[height // 4 : height // 2, width // 3 : 2 * width // 3] = True
        return hole

    return make
