"""What visitors do on the page, for its tests: open, paint, wait, download; and what the mask is after that."""

import base64
import io
import json
import re

import numpy as np
from PIL import Image

MARGIN = 12  # CSS pixels around a photo that is shown whole
LARGEST_SCALE = 4  # of it
JOBS = re.compile(r"/v1/jobs/[^/]+(/events)?$")


def choose(page, path):
    page.locator("#chooser").set_input_files(path)
    page.locator("body.opened").wait_for()
    page.locator("#message").wait_for(state="hidden")


def open_photo(page, folder, array, name="photo.png", fill_on_release=False):
    """Write a photo (H, W, 3) uint8 and open it beside the panel of options; returns its file."""
    path = folder / name
    Image.fromarray(array).save(path)
    choose(page, path)
    page.locator("#fill-on-release").set_checked(fill_on_release)
    more(page)
    return path


def view_of(page, width, height):
    """Where a photo of this size is that is shown whole: the screen's pixels a pixel, and its upper left corner."""
    frame = page.locator("#canvas").bounding_box()
    across, down = (frame["width"] - 2 * MARGIN) / width, (frame["height"] - 2 * MARGIN) / height
    scale = min(across, down, LARGEST_SCALE)
    left = frame["x"] + (frame["width"] - width * scale) / 2
    top = frame["y"] + (frame["height"] - height * scale) / 2
    return scale, left, top


def on_screen(page, size, points):
    """Points (x, y) of a photo of (width, height) in pixels of the screen, whole ones as a mouse has."""
    scale, left, top = view_of(page, *size)
    return [(round(left + x * scale), round(top + y * scale)) for x, y in points]


def in_photo(page, size, places):
    scale, left, top = view_of(page, *size)
    return [((x - left) / scale, (y - top) / scale) for x, y in places]


def drag(page, places, steps=4):
    """Press the button at the first place, move along the others, and let go."""
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()


def paint(page, size, points, steps=4):
    """Paint along points of a photo of (width, height); returns where the mouse was, in pixels of the photo."""
    places = on_screen(page, size, points)
    drag(page, places, steps)
    return in_photo(page, size, places)


def brush_radius(page, size):
    """Half of the brush, in pixels of a photo of (width, height) that is shown whole."""
    return float(page.locator("#size-number").inner_text()) / 2 / view_of(page, *size)[0]


def near_lines(shape, points, radius):
    """Where pixels' centres are at most `radius` from the lines between points: (H, W) bool."""
    rows, columns = np.indices(shape)
    centres = np.stack([columns + 0.5, rows + 0.5], -1)
    near = np.zeros(shape, bool)
    for start, end in zip(points[:-1], points[1:], strict=True):
        along = np.subtract(end, start)
        length = max(np.dot(along, along), 1e-9)
        share = np.clip((centres - start) @ along / length, 0, 1)
        near |= np.linalg.norm(centres - start - share[..., None] * along, axis=-1) <= radius
    return near


def assert_painted(hole, points, radius, tolerance=0.15):
    """A hole is what is near the lines, exactly, but within `tolerance` pixels of its border."""
    surely = near_lines(hole.shape, points, radius - tolerance)
    perhaps = near_lines(hole.shape, points, radius + tolerance)
    assert surely.sum() > 20
    assert np.array_equal(hole & surely, surely) and not (hole & ~perhaps).any()


def wait_for_step(page, label, count=None):
    """Wait until the current step of the history is of this kind, and the `count`-th."""
    name = f": {label}" if count is None else f"Step {count}: {label}"
    page.locator(f'#strip button[aria-current][aria-label*="{name}"]').wait_for()


def fill(page):
    page.locator("#fill").click()
    wait_for_step(page, "Filled")


def more(page):
    """Open the panel with the options."""
    if not page.locator("#more").is_visible():
        page.locator("#more-toggle").click()
        page.locator("#canvas").focus()


def download(page, button, folder):
    """The file that a button gives."""
    if not page.locator(f"#{button}").is_visible():
        more(page)
    with page.expect_download() as started:
        page.locator(f"#{button}").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def downloaded(page, button, folder):
    return np.asarray(Image.open(download(page, button, folder)))


def hole_of(page, folder):
    """The mask of the page, (H, W) bool."""
    mask = downloaded(page, "download-mask", folder)
    assert mask.ndim == 2 and set(np.unique(mask)) <= {0, 255}
    return mask > 127


def colour_at(page, place):
    """What the canvas shows at a place of the screen: (R, G, B)."""
    frame = page.locator("#canvas").bounding_box()
    x, y = place[0] - frame["x"], place[1] - frame["y"]
    script = """([x, y]) => {
      const canvas = document.getElementById("canvas");
      const ratio = window.devicePixelRatio;
      return [...canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3);
    }"""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.array(page.evaluate(script, [x, y]))


def shows(page, size, place, photo, tolerance=12):
    """Whether the canvas has the colour of a smooth photo (H, W, 3) at a place of the screen, as near as JPEG is."""
    column, row = (int(value) for value in in_photo(page, size, [place])[0])
    return np.abs(colour_at(page, place) - photo[row, column]).max() < tolerance


def hold_fills(page, box):
    """Fills give a first look, green, and never end as far as the page can see; they can be cancelled."""
    left, top, right, bottom = box
    file = io.BytesIO()
    Image.new("RGB", (right - left, bottom - top), (0, 255, 0)).save(file, "PNG")
    look = {"url": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", "box": box}

    def answer(route):
        if route.request.method != "GET":
            route.continue_()
        elif route.request.url.endswith("/events"):
            route.fulfill(content_type="text/event-stream", body=f"event: preview\ndata: {json.dumps(look)}\n\n")
        else:
            route.fulfill(json={"state": "running", "progress": 0.5, "seconds_left": 6.2})

    page.route(JOBS, answer)


def touches_of(page):
    """A function that puts fingers down at places and lifts them at others."""
    session = page.context.new_cdp_session(page)

    def send(kind, places):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def touch(starts, ends):
        for count in range(1, len(starts) + 1):
            send("touchStart", starts[:count])
        for share in (0.25, 0.5, 0.75, 1):
            places = np.add(starts, share * np.subtract(ends, starts))
            send("touchMove", places.tolist())
        send("touchEnd", [])

    return touch
