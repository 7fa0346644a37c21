"""The examples are whole: a photo, a mask of its size with a hole, a small picture."""

import numpy as np

from latentinpaint.service.example_photos import example_photos


def test_examples():
    examples = example_photos()
    assert list(examples) == ["astronaut", "coffee", "chelsea", "rocket"]
    for name, example in examples.items():
        assert example.mask.size == example.photo.size and 0 < (np.asarray(example.mask) > 0).mean() < 0.2
        width, height = example.thumbnail.size
        assert width <= 240 and height <= 160 and example.name == name and example.title.lower() == name
