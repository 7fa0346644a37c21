"""The sheet of what a model fills: its holes, and what stands where."""

import numpy as np

from latentinpaint.data.example_holes import EXAMPLE_PHOTOS
from latentinpaint.experiments import default_fills
from latentinpaint.experiments.default_fills import RANDOM_HOLES, SIDE, draw_fills, sample_holes
from latentinpaint.visualization.grid import GAP, LABEL_HEIGHT


def test_the_holes_are_those_of_the_seed_and_leave_most_of_a_photograph():
    examples = sample_holes(3)
    assert len(examples) == len(EXAMPLE_PHOTOS) + len(RANDOM_HOLES)
    for example, again in zip(examples, sample_holes(3), strict=True):
        assert example.photo.shape == (SIDE, SIDE, 3) and example.hole.shape == (SIDE, SIDE)
        assert 0.01 < example.hole.mean() < 0.5
        assert np.array_equal(example.hole, again.hole)
    others = sample_holes(4)
    objects = len(EXAMPLE_PHOTOS)
    for example, other in zip(examples[:objects], others[:objects], strict=True):
        assert np.array_equal(example.hole, other.hole)
    for example, other in zip(examples[objects:], others[objects:], strict=True):
        assert not np.array_equal(example.hole, other.hole)


def test_photographs_of_both_splits_are_filled():
    from latentinpaint.data.photos import SamplePhotos

    names = {*EXAMPLE_PHOTOS, *RANDOM_HOLES}
    for split in ("train", "val"):
        assert len(names & set(SamplePhotos(split).names)) >= 2


def test_before_hole_and_fill_stand_side_by_side():
    """With a model that paints black."""
    asked = []

    def blacken(photos, holes, seed):
        asked.append(seed)
        return [np.where(hole[..., None], np.uint8(0), photo) for photo, hole in zip(photos, holes, strict=True)]

    sheet = np.asarray(draw_fills(blacken, 5))
    assert asked == [5]
    examples = sample_holes(5)
    for number, example in enumerate(examples):
        row, place = divmod(number, default_fills.EXAMPLES_A_ROW)
        top = LABEL_HEIGHT + row * (SIDE + GAP)
        shown = []
        for column in range(3 * place, 3 * place + 3):
            left = column * (SIDE + GAP)
            shown.append(sheet[top : top + SIDE, left : left + SIDE])
        before, hole, fill = shown
        assert np.array_equal(before, example.photo)
        for picture, value in ((hole, 255), (fill, 0)):
            assert (picture[example.hole] == value).all()
            assert np.array_equal(picture[~example.hole], example.photo[~example.hole])
