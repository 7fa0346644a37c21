"""The expected contrast, where known places say what it is."""

import numpy as np
from scipy.spatial.distance import cdist

from latentinpaint.inference.contrast_prior import NEIGHBOURS, ContrastPrior, _find_nearest
from latentinpaint.inference.patch_level import PatchLevel, PatchShape, ScaledPicture


def test_the_nearest_by_sorting_all():
    generator = np.random.default_rng(0)
    wanted, known = generator.random((50, 27), np.float32), generator.random((200, 27), np.float32)
    nearest = np.empty((50, NEIGHBOURS), np.int64)
    _find_nearest(wanted, known, nearest)
    distances = cdist(wanted, known, "sqeuclidean")
    np.testing.assert_allclose(
        np.take_along_axis(distances, nearest, 1), np.sort(distances, axis=1)[:, :NEIGHBOURS], rtol=1e-4
    )


def test_a_colour_is_expected_to_be_as_rough_as_where_it_is_known():
    """Left rough and dark, right even and bright; the hole's fill is dark above and bright below, without detail."""
    noise = np.random.default_rng(1).random((120, 160, 3), np.float32)
    guide = 0.2 + 0.2 * (noise - 0.5)
    guide[:, 80:] = 0.8
    hole = np.zeros((120, 160), bool)
    hole[30:90, 50:110] = True
    guide[30:60, 50:110] = 0.2
    guide[60:90, 50:110] = 0.8
    scaled = ScaledPicture.full(guide, hole)
    levels = [PatchLevel(picture, PatchShape(2, 1, 3.0)) for picture in (scaled.halved(), scaled)]
    prior = ContrastPrior(levels[0])
    for level in levels:
        contrast = level.contrast()
        rough = contrast[:, : 70 // 2 // level.factor].mean()
        expected = prior.expected(level, contrast)
        assert expected.shape == level.targets.shape
        middle = expected.shape[1] // 2
        np.testing.assert_allclose(expected[expected.shape[0] // 4, middle], rough, rtol=0.25)
        assert expected[3 * expected.shape[0] // 4, middle] < 0.2 * rough
