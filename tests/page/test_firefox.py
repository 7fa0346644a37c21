"""The page in Firefox: what a visitor does first, with a mouse; Chromium's tests hold all the rest."""

import shutil

import numpy as np
import pytest
from firefox_page import firefox

FIREFOX = shutil.which("firefox") or shutil.which("firefox-esr")
SIZE = (311, 203)
LINE = [(60, 100), (110, 102), (160, 100)]


@pytest.fixture
def visitor(page_address, tmp_path):
    if FIREFOX is None:
        pytest.skip("no Firefox is installed")
    pytest.importorskip("marionette_driver", reason="marionette_driver is not installed")
    with firefox(FIREFOX, page_address, tmp_path) as opened:
        yield opened


def test_paint_fill_undo_zoom_expand_and_download(visitor, helpers):
    before = helpers.smooth(SIZE[1], SIZE[0])
    visitor.open_photo(before, "holiday.png")
    visitor.drag(visitor.places(SIZE, LINE))
    visitor.until_step("Filled", 3)
    after = visitor.downloaded("#download", "holiday_filled.png")
    visitor.click("#more-toggle")
    hole = visitor.downloaded("#download-mask", "holiday_mask.png") > 127
    visitor.click("#more-close")
    assert hole[100, 60] and hole[100, 160] and not hole[20].any() and 0.005 < hole.mean() < 0.3
    assert np.array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any(axis=1).mean() > 0.9

    visitor.click("#undo")
    visitor.until_step("Painted", 2)
    visitor.click("#undo")
    visitor.until_step("Opened", 1)
    assert np.array_equal(visitor.downloaded("#download", "holiday.png"), before)

    shown = visitor.text("#zoom-number")
    [middle] = visitor.places(SIZE, [(150, 100)])
    visitor.scroll(middle, -300)
    visitor.until("return document.getElementById('zoom-number').innerText !== arguments[0]", shown)
    visitor.press("0")
    visitor.until("return document.getElementById('zoom-number').innerText === arguments[0]", shown)

    visitor.click("#tool-expand")
    visitor.element("#expand-right").send_keys("9")
    visitor.click("#expand-start")
    visitor.until_step("Expanded", 2)
    visitor.click("#compare-slider")
    assert visitor.is_visible("#divider")
