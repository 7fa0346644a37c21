"""Pictures and levels for the tests of texture."""

import numpy as np

from latentinpaint.inference.patch_level import PatchLevel, PatchShape, ScaledPicture


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


SHAPE = PatchShape(2, 1, 3.0)


def level_of(guide, hole, shape=SHAPE, halvings=0, weight=None):
    scaled = ScaledPicture.full(guide, hole, weight)
    for _ in range(halvings):
        scaled = scaled.halved()
    return PatchLevel(scaled, shape)
