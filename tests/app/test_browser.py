"""The page in a real browser: choose, paint with the mouse, fill, download, and compare pixels."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
pytest.importorskip("gradio", reason="gradio is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
WAIT = 30_000  # milliseconds
STROKE = (-90, -40), (30, -40)  # from the middle of the canvas, in pixels of the screen


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


# What browsers that protect against fingerprinting do to a canvas that a page reads: alpha 0 to 3 where nothing is.
CANVAS_NOISE = """
() => {
  const plain = CanvasRenderingContext2D.prototype.getImageData;
  const disturb = (data) => {
    for (let i = 0; i < data.length; i++) data[i] += Math.floor(Math.random() * 4);
  };
  CanvasRenderingContext2D.prototype.getImageData = function (...args) {
    const read = plain.apply(this, args);
    disturb(read.data);
    return read;
  };
  const disturbed = (canvas) => {
    const copy = document.createElement("canvas");
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0);
    const read = plain.call(context, 0, 0, copy.width, copy.height);
    disturb(read.data);
    context.putImageData(read, 0, 0);
    window.disturbedCanvases = (window.disturbedCanvases || 0) + 1;
    return copy;
  };
  for (const name of ["toBlob", "toDataURL"]) {
    const write = HTMLCanvasElement.prototype[name];
    HTMLCanvasElement.prototype[name] = function (...args) {
      return write.apply(this.width && this.height ? disturbed(this) : this, args);
    };
  }
}
"""


@pytest.fixture
def page(chromium, address, request):
    """The opened page; every request to another server and every script error fails the test.

    Parameters are further options of the browser's context; "noise" is whether canvases are read with noise.
    """
    options = dict(getattr(request, "param", {}))
    noise = options.pop("noise", False)
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True, **options)
    if noise:
        context.add_init_script(f"({CANVAS_NOISE})()")
    page = context.new_page()
    page.set_default_timeout(WAIT)
    requested = set()
    errors = []
    page.on("request", lambda request: requested.add(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda entry: errors.append(entry.text) if "Content Security Policy" in entry.text else None)
    page.goto(address)
    page.locator("#fill").wait_for()
    yield page
    outside = {url for url in requested if not url.startswith((address, "data:", "blob:"))}
    context.close()
    assert outside == set() and errors == []


def choose(page, path, part="photo"):
    page.locator(f"#{part} input[type=file]").set_input_files(path)


def canvas(page, width, height):
    """The middle of the canvas on the screen, and screen pixels a pixel of a preview of this size.

    The editor fits a picture in some time after it is drawn, 30 pixels from every border.
    """
    found = page.locator("#editor canvas").first
    found.wait_for()
    box = found.bounding_box()
    zoom = min((box["width"] - 60) / width, (box["height"] - 60) / height)
    page.locator("#editor .zoom-number").filter(has_text=re.compile(f"{round(100 * zoom)}%")).wait_for()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, zoom


def paint(page, width, height, stroke=STROKE):
    """Draw a straight stroke; returns its ends in pixels of the preview from its centre."""
    x, y, zoom = canvas(page, width, height)
    (from_x, from_y), (to_x, to_y) = stroke
    page.mouse.move(x + from_x, y + from_y)
    page.mouse.down()
    page.mouse.move(x + to_x, y + to_y, steps=10)
    page.mouse.up()
    return [(dx / zoom, dy / zoom) for dx, dy in stroke]


def fill(page):
    page.locator("#fill").click()
    page.locator("#status").filter(has_text="Filled ").wait_for()


def download(page, button, folder):
    with page.expect_download() as started:
        page.locator(f"#download_{button}").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def toast(page):
    """The message that is shown, which is closed."""
    found = page.locator("[data-testid=toast-body]")
    found.first.wait_for()
    text = " ".join(found.first.inner_text().split())
    page.locator("[data-testid=toast-close]").first.click()
    found.first.wait_for(state="detached")
    return text


def check_stroke(hole, ends):
    """A hole (H, W) bool lies where the mouse went, ends (x, y) in pixels from its middle."""
    height, width = hole.shape
    rows, columns = np.nonzero(hole)
    (left, level), (right, _) = ends
    radius = (rows.max() - rows.min() + 1) / 2
    assert abs(rows.mean() - (height / 2 + level)) < 2.5
    assert abs(columns.min() - (width / 2 + left - radius)) < 3.5
    assert abs(columns.max() - (width / 2 + right + radius)) < 3.5
    length = right - left
    assert abs(hole.sum() / (2 * radius * length + np.pi * radius**2) - 1) < 0.1


def test_paint_fill_and_download(page, tmp_path, helpers):
    source = tmp_path / "holiday.png"
    Image.fromarray(helpers.smooth(203, 311)).save(source)
    choose(page, source)
    ends = paint(page, 311, 203)
    fill(page)
    result, mask = (download(page, button, tmp_path / "got") for button in ("result", "mask"))
    assert (result.name, mask.name) == ("holiday_filled.png", "holiday_mask.png")
    before, after = (np.asarray(Image.open(path)) for path in (source, result))
    hole = np.asarray(Image.open(mask))
    assert after.shape == before.shape and hole.shape == before.shape[:2] and set(np.unique(hole)) == {0, 255}
    hole = hole > 127
    assert np.array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any(axis=1).mean() > 0.9
    check_stroke(hole, ends)
    page.locator("#slider img").first.wait_for()
    page.get_by_role("tab", name="Latent difference").click()
    page.locator("#difference img").wait_for()
    assert not page.get_by_role("tab", name="Samples").is_visible()


@pytest.mark.parametrize("page", [{"noise": True, "device_scale_factor": 1.5}], indirect=True, ids=["noise"])
def test_a_browser_that_adds_noise_to_canvases(page, tmp_path, helpers):
    source = tmp_path / "holiday.png"
    Image.fromarray(helpers.smooth(203, 311)).save(source)
    choose(page, source)
    ends = paint(page, 311, 203)
    fill(page)
    assert page.evaluate("window.disturbedCanvases") > 0
    mask = download(page, "mask", tmp_path / "got")
    check_stroke(np.asarray(Image.open(mask)) > 127, ends)


def test_a_turned_photograph_larger_than_the_canvas(page, tmp_path, helpers):
    """A JPEG that lies on its side in the file: upright on the page, in the result and under the mask."""
    source = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(helpers.smooth(403, 1601)).save(source, quality=90, exif=exif)
    choose(page, source)
    ends = paint(page, 387, 1536, ((-30, -60), (20, -60)))
    fill(page)
    result, mask = (download(page, button, tmp_path / "got") for button in ("result", "mask"))
    assert result.name == "phone_filled.png"  # a JPEG could not keep the pixels
    upright = np.asarray(ImageOps.exif_transpose(Image.open(source)))
    with Image.open(result) as image:
        assert image.getexif().get(0x0112, 1) == 1
        after = np.asarray(image)
    hole = np.asarray(Image.open(mask)) > 127
    assert upright.shape == after.shape == (1601, 403, 3) and hole.shape == (1601, 403)
    assert np.array_equal(after[~hole], upright[~hole]) and not np.array_equal(after, upright)
    scale = 1601 / 1536  # of the photo over its preview
    halves = [half.bounding_box() for half in page.locator("#slider img").all()]
    frame = page.locator("#slider").bounding_box()
    assert halves[0] == halves[1] and halves[0]["height"] <= frame["height"]  # they lie on each other, whole
    rows, columns = np.nonzero(hole)
    assert abs(rows.mean() - (1601 / 2 + scale * ends[0][1])) < 8
    assert abs((columns.min() + columns.max()) / 2 - (403 / 2 + scale * (ends[0][0] + ends[1][0]) / 2)) < 8


def test_samples_of_a_mask_file(page, tmp_path, helpers):
    """An uploaded mask is the hole exactly; of several samples the one that is clicked is downloaded."""
    source, hole = tmp_path / "photo.png", np.zeros((120, 161), bool)
    hole[31:77, 40:95] = True
    Image.fromarray(helpers.smooth(120, 161)).save(source)
    choose(page, source)
    page.locator("#editor canvas").first.wait_for()
    page.locator("#mask_part > button").click()
    choose(page, helpers.write_hole(tmp_path / "mask.png", hole), "mask")
    page.locator("#status").filter(has_text="mask of").wait_for()
    page.locator("#model input").click()
    page.get_by_role("option", name="flow").click()
    page.locator("#samples").get_by_text("Samples (1–8)").wait_for()
    page.locator("#samples input").fill("3")
    fill(page)
    got = [download(page, "result", tmp_path / "got")]
    page.get_by_role("tab", name="Uncertainty").click()
    page.locator("#uncertainty img").wait_for()
    page.get_by_role("tab", name="Samples").click()
    page.locator("#gallery .grid-wrap button").nth(2).click()
    page.locator("#download_result").filter(has_text="sample 3").wait_for()
    got.append(download(page, "result", tmp_path / "got"))
    assert [path.name for path in got] == ["photo_filled_1.png", "photo_filled_3.png"]
    before, first, third = (np.asarray(Image.open(path)) for path in (source, *got))
    mask = np.asarray(Image.open(download(page, "mask", tmp_path / "got"))) > 127
    assert np.array_equal(mask, hole)
    for after in (first, third):
        assert np.array_equal(after[~hole], before[~hole]) and not np.array_equal(after, before)
    assert not np.array_equal(first, third)


def test_mistakes_are_sentences(page, tmp_path, helpers):
    page.locator("#fill").click()
    assert "There is no photo yet" in toast(page)
    (tmp_path / "text.png").write_text("this is no picture")
    choose(page, tmp_path / "text.png")
    assert "text.png is not a picture that can be read" in toast(page)
    Image.fromarray(helpers.smooth(90, 120)).save(tmp_path / "photo.png")
    page.locator("#photo input[type=file]").wait_for(state="attached")  # the wrong file is gone again
    choose(page, tmp_path / "photo.png")
    page.locator("#editor canvas").first.wait_for()
    page.locator("#fill").click()
    assert "Nothing is painted yet" in toast(page)
    paint(page, 120, 90)
    page.locator('#editor button[aria-label="Clear canvas"]').click()
    page.wait_for_timeout(300)
    page.locator("#fill").click()
    assert "Nothing is painted yet" in toast(page)


def test_an_example_on_a_phone(page):
    """Chosen with one tap, nothing runs off the screen, and the hole is there without painting."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#examples .gallery-item").nth(2).click()
    page.locator("#status").filter(has_text="mask of").wait_for()
    canvas(page, 451, 300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    fill(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
