"""The alpha of a hole: from what is around it alone."""

import numpy as np
import pytest

from latentinpaint.images.transparency import MIN_VISIBLE_ALPHA, continue_visible, hidden, hole_alpha

HOLE = np.zeros((20, 30), bool)
HOLE[5:12, 8:16] = True


@pytest.mark.parametrize("around", [0.0, 0.3, 1.0])
def test_the_same_all_around_goes_on(around):
    """What the hole held, and what is far from it, says nothing."""
    alpha = np.full(HOLE.shape, around, np.float32)
    alpha[HOLE] = np.random.default_rng(0).random(HOLE.sum())
    alpha[:, 25:] = 1 - around
    found = hole_alpha(alpha, HOLE)
    assert not found.unknown.any() and (found.alpha[HOLE] == np.float32(around)).all()
    np.testing.assert_array_equal(found.completed(np.full(HOLE.shape, 0.5))[~HOLE], alpha[~HOLE])


def test_every_connected_hole_is_judged_by_itself():
    """One in the opaque part, one in the transparent part, one across their border."""
    alpha = np.zeros((20, 30), np.float32)
    alpha[:, :15] = 1
    hole = np.zeros(alpha.shape, bool)
    hole[2:5, 3:6] = hole[2:5, 22:25] = hole[12:16, 12:18] = True
    found = hole_alpha(alpha, hole)
    assert (found.alpha[2:5, 3:6] == 1).all() and (found.alpha[2:5, 22:25] == 0).all()
    assert found.unknown.sum() == 24 and found.unknown[12:16, 12:18].all()
    ramp = np.broadcast_to(np.linspace(1, 0, 30), alpha.shape)
    completed = found.completed(ramp)
    assert set(np.unique(completed)) == {0, 1}  # there is nothing in between on the edge
    np.testing.assert_array_equal(completed[12:16, 12:18] == 1, ramp[12:16, 12:18] > 0.5)


def test_soft_edges_stay_soft_between_the_ends_of_their_range():
    alpha = np.broadcast_to(np.linspace(0.2, 0.8, 30, dtype=np.float32), (20, 30))
    found = hole_alpha(alpha, HOLE)
    low, high = alpha[:, 6].min(), alpha[:, 17].max()  # two pixels around the hole
    fill = np.full(HOLE.shape, (low + high) / 2, np.float32)
    fill[5], fill[6] = -1, 2
    completed = found.completed(fill)
    np.testing.assert_allclose(completed[5, 8:16], low)
    np.testing.assert_allclose(completed[6, 8:16], high)
    np.testing.assert_allclose(completed[8, 8:16], (low + high) / 2, rtol=1e-6)


def test_a_hole_without_surroundings_is_opaque():
    assert (hole_alpha(np.zeros((4, 5), np.float32), np.ones((4, 5), bool)).alpha == 1).all()


def test_what_is_hardly_seen_is_hidden():
    alpha = np.array([0, 1 / 65535, MIN_VISIBLE_ALPHA - 1e-4, MIN_VISIBLE_ALPHA, 0.5, 1])
    assert hidden(alpha).tolist() == [True, True, True, False, False, False]


def test_hidden_colours_continue_those_that_are_seen():
    random = np.random.default_rng(0)
    colours = random.random((7, 9, 3), np.float32)
    alpha = np.ones((7, 9), np.float32)
    alpha[:, 4:] = 0
    continued = continue_visible(colours, alpha)
    np.testing.assert_array_equal(continued[:, :4], colours[:, :4])
    np.testing.assert_array_equal(continued[:, 4:], np.repeat(colours[:, 3:4], 5, axis=1))
    for all_alike in (np.ones_like(alpha), np.zeros_like(alpha)):
        np.testing.assert_array_equal(continue_visible(colours, all_alike), colours)
