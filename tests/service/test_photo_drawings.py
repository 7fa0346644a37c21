"""Drawings: where samples differ, and what the latent loses around a hole."""

import numpy as np
import pytest
import torch

from latentinpaint import visualization
from latentinpaint.images.picture import Picture
from latentinpaint.service import photo_drawings


@pytest.fixture
def picture(helpers):
    return Picture(helpers.smooth(40, 48), "RGB")


def test_uncertainty_is_that_of_the_samples(picture, hole, monkeypatch, array_of):
    """What is drawn is NumPy's standard deviation."""
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(3):
        changed = picture.samples.copy()
        changed[hole] = rng.integers(0, 256, (hole.sum(), 3))
        samples.append(Picture(changed, "RGB"))
    drawn = []
    real = visualization.draw_uncertainty
    monkeypatch.setattr(visualization, "draw_uncertainty", lambda *parts: drawn.append(parts) or real(*parts))
    assert array_of(photo_drawings.uncertainty_drawing(samples, hole)).shape[0] >= 40
    wanted = np.stack([sample.samples / 255 for sample in samples]).std(axis=0, ddof=1).mean(axis=-1)
    ((spread, drawn_hole, photo),) = drawn
    np.testing.assert_allclose(spread, wanted, atol=1e-6)
    assert np.array_equal(drawn_hole, hole) and photo.size == (48, 40)
    ring = hole.copy()
    ring[12:15, 14:20] = False
    overlay = array_of(photo_drawings.uncertainty_overlay(samples, ring))
    assert overlay.shape == (10, 18, 4) and np.array_equal(overlay[..., 3] == 255, ring[10:20, 12:30])


@pytest.fixture
def drawn_differences(monkeypatch):
    """The latent differences that were drawn."""
    drawn = []
    real = visualization.draw_latent_difference

    def draw(difference, **options):
        drawn.append(difference)
        return real(difference, **options)

    monkeypatch.setattr(visualization, "draw_latent_difference", draw)
    return drawn


@pytest.mark.parametrize("name", ["ffc", "flow"])
def test_the_latent_difference_is_the_model_s(name, models, picture, hole, drawn_differences, array_of):
    assert array_of(photo_drawings.latent_drawing(models[name], picture, hole)).ndim == 3
    pipeline = models[name].pipeline
    pixels = torch.from_numpy(picture.samples / np.float32(255)).permute(2, 0, 1)[None]
    mask = torch.from_numpy(hole).float()[None, None]
    wanted = visualization.latent_difference(pipeline.autoencoder, pixels, mask, pipeline.control)
    (difference,) = drawn_differences
    assert torch.equal(difference.damage, wanted.damage) and torch.equal(difference.decoded, wanted.decoded)
    assert (difference.repaired_damage is None) == (pipeline.control is None)


def test_a_line_is_not_lost_where_the_drawing_is_reduced(models, helpers, drawn_differences):
    hole = np.zeros((1600, 1500), bool)
    hole[100:1500, 701] = True
    photo_drawings.latent_drawing(models["ffc"], Picture(helpers.smooth(1600, 1500), "RGB"), hole)
    (difference,) = drawn_differences
    rows, columns = np.nonzero(difference.mask[0, 0].numpy())
    assert len(np.unique(columns)) == 1 and np.ptp(rows) == len(np.unique(rows)) - 1 > 400


@pytest.mark.parametrize(
    ("hole_size", "shown"),
    [((10, 30), (202, 222)), ((300, 100), (512, 342))],  # 96 or half the hole more on every side, 512 at most
)
def test_only_the_surroundings_are_drawn(hole_size, shown, models, helpers, drawn_differences):
    picture = Picture(helpers.smooth(800, 900), "RGB")
    hole = np.zeros((800, 900), bool)
    hole[200 : 200 + hole_size[0], 300 : 300 + hole_size[1]] = True
    photo_drawings.latent_drawing(models["ffc"], picture, hole)
    (difference,) = drawn_differences
    stride = models["ffc"].pipeline.autoencoder.stride
    assert difference.mask.shape[-2:] == tuple(-(-side // stride) * stride for side in shown)
