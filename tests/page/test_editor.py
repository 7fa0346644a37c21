"""Open, paint, erase, zoom, undo and fill on the page, and compare pixels."""

import numpy as np
from page_actions import (
    assert_painted,
    brush_radius,
    choose,
    download,
    downloaded,
    drag,
    fill,
    hole_of,
    in_photo,
    more,
    near_lines,
    on_screen,
    open_photo,
    paint,
    shows,
    view_of,
    wait_for_step,
)
from PIL import Image, ImageOps

SIZE = (311, 203)
LINE = [(60, 100), (160, 100)]

# What browsers that protect against fingerprinting do to a canvas that a page reads.
CANVAS_NOISE = """
const plain = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...args) {
  const read = plain.apply(this, args);
  for (let i = 0; i < read.data.length; i++) read.data[i] += Math.floor(Math.random() * 4);
  return read;
};
"""

# What is sent, name by name.
RECORD_FORMS = """() => {
  const plain = FormData.prototype.append;
  window.sent = [];
  FormData.prototype.append = function (name, value, ...more) {
    window.sent.push([name, String(value)]);
    plain.call(this, name, value, ...more);
  };
}"""


def test_a_fill_follows_the_brush_and_leaves_known_pixels(page, tmp_path, helpers):
    before = helpers.smooth(SIZE[1], SIZE[0])
    open_photo(page, tmp_path, before, "holiday.png", fill_on_release=True)
    points = paint(page, SIZE, LINE)
    wait_for_step(page, "Filled", 3)
    result = download(page, "download", tmp_path)
    after, hole = np.asarray(Image.open(result)), hole_of(page, tmp_path)
    assert result.name == "holiday_filled.png"
    assert_painted(hole, points, brush_radius(page, SIZE))
    assert np.array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any(axis=1).mean() > 0.9


def test_only_what_is_new_is_filled(page, tmp_path, helpers):
    """A second stroke sends its own box, and leaves the first fill as it is."""
    page.evaluate(RECORD_FORMS)
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]), fill_on_release=True)
    paint(page, SIZE, LINE)
    wait_for_step(page, "Filled", 3)
    first, first_hole = downloaded(page, "download", tmp_path), hole_of(page, tmp_path)
    page.keyboard.down("Control")  # another stroke is to come
    points = paint(page, SIZE, [(220, 40), (280, 60)])
    page.keyboard.up("Control")
    wait_for_step(page, "Painted", 4)
    page.wait_for_timeout(100)
    assert page.locator("#progress").is_hidden()
    points += paint(page, SIZE, [(280, 60), (280, 100)])
    wait_for_step(page, "Filled", 6)
    second, both = downloaded(page, "download", tmp_path), hole_of(page, tmp_path)
    assert_painted(both & ~first_hole, points, brush_radius(page, SIZE))
    assert np.array_equal(second[~both | first_hole], first[~both | first_hole])
    rows, columns = np.nonzero(both & ~first_hole)
    box = f"{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}"
    assert page.evaluate("window.sent.filter(([name]) => name === 'mask_box')")[1:] == [["mask_box", box]]


def test_strokes_and_fills_are_undone_and_done_again(page, tmp_path, helpers):
    before = helpers.smooth(SIZE[1], SIZE[0])
    open_photo(page, tmp_path, before)
    paint(page, SIZE, LINE)
    fill(page)
    filled = downloaded(page, "download", tmp_path)
    page.keyboard.press("Control+z")
    wait_for_step(page, "Painted", 2)
    assert np.array_equal(downloaded(page, "download", tmp_path), before)
    assert hole_of(page, tmp_path).any()
    page.keyboard.press("Control+z")
    wait_for_step(page, "Opened", 1)
    assert not hole_of(page, tmp_path).any()
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+Shift+Z")
    wait_for_step(page, "Filled", 3)
    assert np.array_equal(downloaded(page, "download", tmp_path), filled)
    page.locator("#strip button").first.click()
    wait_for_step(page, "Opened", 1)
    paint(page, SIZE, [(220, 40), (280, 60)])
    wait_for_step(page, "Painted", 2)
    assert page.locator("#strip li").count() == 2


def test_the_eraser_works_on_an_examples_mask(page, tmp_path):
    page.locator("#examples button", has_text="Rocket").click()
    page.locator("body.opened").wait_for()
    whole = hole_of(page, tmp_path)
    size = whole.shape[::-1]
    page.keyboard.press("e")
    rows, columns = np.nonzero(whole[:, : size[0] // 2])
    x = float(np.median(columns))
    points = paint(page, size, [(x, rows.min()), (x, rows.min() + 60)])
    wait_for_step(page, "Erased")
    left = hole_of(page, tmp_path)
    radius = brush_radius(page, size)
    assert not left[near_lines(left.shape, points, radius - 0.15)].any()
    kept = ~near_lines(left.shape, points, radius + 0.15)
    assert np.array_equal(left[kept], whole[kept]) and left.any()
    fill(page)
    assert np.array_equal(hole_of(page, tmp_path), left)


def test_zoom_and_pan(page, tmp_path, helpers):
    """The point under the wheel stays; close up, the brush covers less of the photo."""
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
    scale, left, top = view_of(page, *SIZE)
    [(x, y)] = on_screen(page, SIZE, [(100, 90)])
    page.mouse.move(x, y)
    page.mouse.wheel(0, -500)
    zoom = np.exp(500 * 0.0016)
    page.locator("#zoom-number", has_text=f"{round(100 * scale * zoom)} %").wait_for()
    page.keyboard.down(" ")
    drag(page, [(x, y), (x + 60, y + 20)])
    page.keyboard.up(" ")
    drag(page, [(x + 60, y + 20), (x + 160, y + 20)])
    start = in_photo(page, SIZE, [(x, y)])[0]
    end = (start[0] + 100 / (scale * zoom), start[1])
    assert_painted(hole_of(page, tmp_path), [start, end], 24 / (scale * zoom))
    page.keyboard.press("0")
    page.locator("#zoom-number", has_text=f"{round(100 * scale)} %").wait_for()


def test_straight_lines_and_sizes(page, tmp_path, helpers):
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
    page.locator("#canvas").hover()
    page.keyboard.press("[")
    page.keyboard.down("Alt")
    page.mouse.wheel(0, 200)
    page.keyboard.up("Alt")
    size = 48 / 1.2 * np.exp(-200 * 0.0016)
    assert page.locator("#size-number").inner_text() == str(round(size))
    page.keyboard.press("]")
    page.keyboard.down("Shift")
    points = paint(page, SIZE, [(60, 100), (110, 30), (180, 150)])
    page.keyboard.up("Shift")
    assert_painted(hole_of(page, tmp_path), [points[0], points[-1]], 1.2 * size / 2 / view_of(page, *SIZE)[0])


def test_no_stray_lines(page, tmp_path, helpers):
    """A pointer that leaves the window paints up to the border; one whose button is let go outside paints no more."""
    open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
    [(x, y), (x2, y2)] = on_screen(page, SIZE, [(40, 50), (250, 150)])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, -50, steps=3)
    page.mouse.up()
    page.mouse.move(x2, y2)
    page.mouse.move(x2 - 50, y2)
    wait_for_step(page, "Painted", 2)
    [start, beyond] = in_photo(page, SIZE, [(x, y), (x, -50)])
    assert_painted(hole_of(page, tmp_path), [start, beyond], brush_radius(page, SIZE))


def test_a_browser_that_adds_noise_to_canvases(visit, tmp_path, helpers):
    """Strokes are never read from a canvas, and of an example's mask no more than which half of the range."""
    with visit(CANVAS_NOISE, device_scale_factor=1.5) as page:
        open_photo(page, tmp_path, helpers.smooth(SIZE[1], SIZE[0]))
        points = paint(page, SIZE, LINE)
        assert_painted(hole_of(page, tmp_path), points, brush_radius(page, SIZE))


def test_a_turned_photograph(page, tmp_path, helpers):
    """A JPEG that lies on its side in the file: upright on the page and in the result, its EXIF data kept."""
    source = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    Image.fromarray(helpers.smooth(403, 901)).save(source, quality=90, exif=exif)
    choose(page, source)
    page.locator("#fill-on-release").uncheck()
    more(page)
    size = (403, 901)
    points = paint(page, size, [(150, 300), (250, 320)])
    hole = hole_of(page, tmp_path)
    assert_painted(hole, points, brush_radius(page, size))
    fill(page)
    page.locator("#format").select_option("png")
    result = download(page, "download", tmp_path)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(source)))
    with Image.open(result) as image:
        assert image.getexif().get(0x0112, 1) == 1 and image.getexif()[0x010F] == "a camera"
        after = np.asarray(image)
    assert after.shape == upright.shape == (901, 403, 3)
    assert np.array_equal(after[~hole], upright[~hole]) and not np.array_equal(after, upright)


def test_the_keyboard_alone(page, tmp_path, helpers):
    """Arrows and Enter paint, F fills; the original is seen while the backslash is held."""
    before = helpers.smooth(SIZE[1], SIZE[0])
    open_photo(page, tmp_path, before)
    page.locator("#canvas").focus()
    frame = page.locator("#canvas").bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    for key in ("ArrowLeft", "Enter", *["ArrowDown"] * 5, "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    wait_for_step(page, "Painted", 2)
    ends = in_photo(page, SIZE, [(x - 10, y), (x - 10, y + 51)])
    assert_painted(hole_of(page, tmp_path), ends, brush_radius(page, SIZE))
    page.locator("#canvas").focus()
    page.keyboard.press("f")
    wait_for_step(page, "Filled", 3)
    page.mouse.move(1, 1)
    middle = (x - 10, y + 12)  # away from the edge of the brush
    assert not shows(page, SIZE, middle, before)
    page.keyboard.down("\\")
    assert shows(page, SIZE, middle, before)
    page.keyboard.up("\\")
    assert not shows(page, SIZE, middle, before)
