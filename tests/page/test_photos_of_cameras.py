"""Photos as cameras make them: HEIC of a phone, 24 megapixels; and four visitors who fill at the same time."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from heic_samples import TURNED
from page_actions import choose, download, fill, hole_of, more, on_screen, open_photo, paint, wait_for_step
from PIL import Image

import latentinpaint
from latentinpaint.images.image_files import read_picture

LARGE = (6000, 4000)
STROKE = 60  # CSS pixels


@pytest.fixture(scope="module")
def large_address(model_files):
    """The address of a page that takes large photos, with the model "ffc"."""
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    from latentinpaint.service.served_models import load_models
    from latentinpaint.service.serving import serve
    from latentinpaint.service.settings import ServiceLimits, ServiceSettings

    models = load_models([str(model_files["ffc"])], "cpu")
    static = Path(latentinpaint.__file__).parent / "app" / "static"
    settings = ServiceSettings(port=18060, limits=ServiceLimits(upload=20, megapixels=25))
    with serve(models, settings, static, ports_tried=100) as url:
        yield url


def filled_and_known(page, source, size, folder):
    """Paint a stroke in the middle and fill it; known pixels are exact. The hole, and the EXIF."""
    x, y = on_screen(page, size, [(size[0] / 2, size[1] / 2)])[0]
    page.mouse.move(x - STROKE / 2, y)
    page.mouse.down()
    page.mouse.move(x + STROKE / 2, y, steps=3)
    page.mouse.up()
    fill(page)
    page.locator("#format").select_option("png")
    with Image.open(download(page, "download", folder)) as image:
        exif = dict(image.getexif())
        after = np.asarray(image.convert("RGB"))
    hole = hole_of(page, folder)
    before = read_picture(source).rgb8()
    assert np.array_equal(after[~hole], before[~hole]) and not np.array_equal(after, before)
    return hole, exif


def test_a_photo_of_24_megapixels(visit, large_address, tmp_path, helpers):
    source = tmp_path / "camera.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    small = Image.fromarray(helpers.smooth(40, 60))
    small.resize(LARGE, Image.Resampling.BICUBIC).save(source, quality=80, exif=exif)
    with visit(address=large_address) as page:
        choose(page, source)
        page.locator("#fill-on-release").uncheck()
        more(page)
        hole, kept = filled_and_known(page, source, LARGE, tmp_path)
    assert hole.shape == (LARGE[1], LARGE[0]) and kept[0x010F] == "a camera"
    rows, columns = np.nonzero(hole)
    assert 0.0005 < hole.mean() < 0.05
    assert abs(rows.mean() - LARGE[1] / 2) < 100 and abs(columns.mean() - LARGE[0] / 2) < 200


def test_a_heic_of_a_phone(visit, large_address, tmp_path):
    """Stored turned: shown upright, with its camera's name in the result."""
    pytest.importorskip("pi_heif", reason="pi_heif is not installed")
    source = tmp_path / "phone.heic"
    source.write_bytes(TURNED)
    with visit(address=large_address) as page:
        choose(page, source)
        page.locator("#fill-on-release").uncheck()
        more(page)
        upright = read_picture(source)
        hole, kept = filled_and_known(page, source, (upright.width, upright.height), tmp_path)
    assert hole.shape == (upright.height, upright.width) and 0x010F in kept


def test_four_visitors_at_once(visit, tmp_path, helpers):
    """All fill before anybody's fill is awaited; everybody gets a fill of the own photo."""
    size = (161, 120)
    photos = [np.roll(helpers.smooth(size[1], size[0]), 17 * number, axis=1) for number in range(4)]
    with ExitStack() as stack:
        pages = [stack.enter_context(visit()) for _ in photos]
        for number, (page, photo) in enumerate(zip(pages, photos, strict=True)):
            open_photo(page, tmp_path, photo, f"{number}.png")
            paint(page, size, [(60, 50), (100, 60)])
        for page in pages:
            page.locator("#fill").click()
        for number, (page, photo) in enumerate(zip(pages, photos, strict=True)):
            wait_for_step(page, "Filled")
            result = download(page, "download", tmp_path)
            assert result.name == f"{number}_filled.png"
            after = np.asarray(Image.open(result))
            hole = hole_of(page, tmp_path)
            assert np.array_equal(after[~hole], photo[~hole]) and not np.array_equal(after, photo)
