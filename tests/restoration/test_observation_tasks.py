"""Tasks by words: what is hidden, how much of it, and words that make no sense."""

import pytest
import torch
from gaussian_prior import generators

from latentinpaint.errors import InputError
from latentinpaint.restoration.observation_tasks import read_task, unseen


def test_a_box_is_a_centred_square_of_twice_its_half_size():
    known = read_task("box:3").model((3, 16, 16), generators(1)).known
    hidden = (known == 0).nonzero()[:, 2:]
    assert hidden.min(dim=0).values.tolist() == [5, 5]
    assert hidden.max(dim=0).values.tolist() == [10, 10]
    assert len(hidden) == 36


def test_so_many_random_pixels_are_hidden_of_each_picture():
    known = read_task("random:0.7").model((3, 64, 64), generators(4)).known
    assert known.shape == (4, 1, 64, 64)
    shares = 1 - known.mean(dim=(1, 2, 3))
    assert ((shares - 0.7).abs() < 5 * (0.21 / 4096) ** 0.5).all()
    assert not torch.equal(known[0], known[1])


def test_what_is_unseen():
    box = read_task("box:3").model((3, 16, 16), generators(1))
    assert unseen(box, (3, 16, 16)).sum() == 36
    for task in ("denoise", "blur:1", "average:2"):
        assert unseen(read_task(task).model((3, 16, 16), generators(1)), (3, 16, 16)).sum() == 256


@pytest.mark.parametrize(
    ("task", "named"),
    [
        ("bxo:3", "there is no task 'bxo': choose one of box, random"),
        ("box", "the task box needs half of the square's side"),
        ("box:0", "not 0"),
        ("box:1.5", "whole pixels from 1, not 1.5"),
        ("box:much", "not 'much'"),
        ("box:inf", "whole pixels from 1, not inf"),
        ("average:inf", "divides the picture's sides, not inf"),
        ("average:2.5", "divides the picture's sides, not 2.5"),
        ("blur:inf", "pixels above 0, not inf"),
        ("box:8", "leaves nothing of pictures of 16 x 16 pixels"),
        ("random:1", "above 0 and below 1, not 1"),
        ("freeform:fat", "there is no mask preset 'fat'"),
        ("average:3", "divides the picture's sides, not 3"),
        ("denoise:2", "takes no amount"),
    ],
)
def test_words_that_make_no_sense(task, named):
    with pytest.raises(InputError, match=named):
        read_task(task).model((3, 16, 16), generators(1))
