"""The examples' files."""

import numpy as np
from PIL import Image

from latentinpaint.app.examples import write_examples


def test_examples_have_masks_that_make_sense(tmp_path):
    examples = write_examples(tmp_path)
    assert len(examples) >= 3
    for example in examples:
        photo, mask = Image.open(example.photo), np.asarray(Image.open(example.mask))
        assert mask.shape == (photo.height, photo.width) and set(np.unique(mask)) == {0, 255}
        assert 0.01 < (mask == 255).mean() < 0.2
        assert max(Image.open(example.thumbnail).size) <= 240
