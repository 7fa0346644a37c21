"""`visualize_latent_diff`: the sheet it writes."""

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 53, 70


@pytest.fixture
def draw(helpers, model_files, done, tmp_path):
    """Draw the sheet with more options; returns it as a Pillow image."""
    Image.fromarray(helpers.smooth(HEIGHT, WIDTH)).save(tmp_path / "photo.png")
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[10:30, 20:40] = True
    helpers.write_hole(tmp_path / "mask.png", hole)
    helpers.write_hole(tmp_path / "black.png", ~hole)

    def call(*options, autoencoder="autoencoder", mask="mask.png", name="visualize_latent_diff"):
        output = tmp_path / "new" / "sheet.png"
        result = done(
            *(name, "--autoencoder", model_files[autoencoder], "--image", tmp_path / "photo.png"),
            *("--mask", tmp_path / mask, "--output", output, *options),
        )
        assert str(output) in result.out
        assert [path.name for path in output.parent.iterdir()] == ["sheet.png"]
        with Image.open(output) as sheet:
            assert sheet.format == "PNG"
            return sheet.convert("RGB")

    return call


def test_four_panels(draw):
    sheet = draw()
    width, height = sheet.size
    assert 300 <= height <= 800
    assert 3 < width / height < 4  # four about square panels
    assert np.asarray(sheet).std(axis=(0, 1)).min() > 10  # something is drawn


@pytest.mark.parametrize("kind", ["ffc", "flow"])
def test_a_model_adds_two_panels(kind, draw, model_files):
    plain, repaired = draw(), draw("--model", model_files[kind])
    assert repaired.height == plain.height
    assert repaired.width / plain.width == pytest.approx(6 / 4, rel=0.02)


def test_a_model_file_serves_as_autoencoder(draw):
    one, other = draw(), draw(autoencoder="flow", name="visualize-latent-diff")
    assert np.array_equal(np.asarray(one), np.asarray(other))
    assert not np.array_equal(np.asarray(one), np.asarray(draw(autoencoder="other")))


def test_inverted_mask(draw):
    assert np.array_equal(np.asarray(draw()), np.asarray(draw("--invert-mask", mask="black.png")))
