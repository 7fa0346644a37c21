"""A photograph for the doctor."""

import pytest
from mask_pictures import SIDE
from PIL import Image


@pytest.fixture(scope="module")
def photo(helpers):
    return Image.fromarray(helpers.smooth(SIDE, SIDE))
