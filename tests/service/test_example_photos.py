"""The examples are whole: a photo, a mask of its size with a hole, a small picture."""

from latentinpaint.service.example_photos import example_photos


def test_examples(array_of):
    examples = example_photos()
    assert list(examples) == ["astronaut", "coffee", "chelsea", "rocket"]
    for name, example in examples.items():
        mask = array_of(example.mask)
        assert mask.shape == example.photo.size[::-1] and 0 < (mask > 0).mean() < 0.2
        height, width = array_of(example.thumbnail).shape[:2]
        assert width <= 240 and height <= 160 and example.name == name and example.title.lower() == name
