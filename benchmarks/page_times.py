"""How long a visitor of the page waits: for an example's fill, and for strokes on a photo of 12 megapixels.

    python benchmarks/page_times.py [--rounds 5] [--chromium chromium]

A server with the default model and a headless Chromium share the machine. Seconds are medians, taken inside the
page: from its start until the example is filled; from the click on Fill until the filled photo is in the history,
beside those of `Inpainter` for the same photo and mask; and, for strokes on the large photo, from lifting the brush
until the first look is there and until the stroke is filled.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

import latentinpaint
from latentinpaint.service.example_photos import example_photos
from latentinpaint.service.served_models import load_models, warm
from latentinpaint.service.serving import serve
from latentinpaint.service.settings import ServiceSettings

EXAMPLE = "rocket"
LARGE = (4000, 3000)
STROKE = 90  # CSS pixels long
VIEW = {"width": 1400, "height": 900}

# Notes when the history gets its next step, and when a first look has been loaded.
WATCH = """() => {
  window.noted = { begun: performance.now() };
  const strip = document.getElementById("strip");
  const watcher = new MutationObserver(() => {
    const current = strip.querySelector("button[aria-current]")?.getAttribute("aria-label") ?? "";
    if (current.includes("Filled") && !window.noted.filled) window.noted.filled = performance.now();
  });
  watcher.observe(strip, { childList: true, subtree: true, attributes: true });
  window.addEventListener("pointerup", () => { window.noted.begun = performance.now(); }, true);
}"""
FILLED = "() => window.noted.filled ? [window.noted.begun, window.noted.filled] : null"
FIRST_LOOK = """() => {
  const looks = performance.getEntriesByType("resource").filter((entry) => /jobs\\/[^/]+\\/preview/.test(entry.name));
  return looks.at(-1)?.responseEnd ?? null;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="visits, and strokes")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser's program")
    options = parser.parse_args()
    models = load_models(["default"])
    warm(models)
    static = Path(latentinpaint.__file__).parent / "app" / "static"
    with (
        serve(models, ServiceSettings(port=18_990), static, ports_tried=50) as address,
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
    ):
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        examples = []
        for _ in range(options.rounds):
            page = browser.new_page(viewport=VIEW)
            examples.append(fill_example(page, address))
            page.close()
        large = Path(folder) / "large.jpg"
        Image.fromarray(data.astronaut()).resize(LARGE, Image.Resampling.LANCZOS).save(large, quality=92)
        page = browser.new_page(viewport=VIEW)
        strokes = fill_strokes(page, address, large, options.rounds)
        browser.close()
    example = example_photos()[EXAMPLE]
    alone = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        models["default"](example.photo, example.mask)
        alone.append(time.perf_counter() - start)
    whole, fill = map(statistics.median, zip(*examples, strict=True))
    look, filled = map(statistics.median, zip(*strokes, strict=True))
    print(f"example filled {whole:.2f} s after the page's start")
    print(f"its fill {fill:.2f} s, in Python {statistics.median(alone):.2f} s")
    print(f"a stroke on 12 megapixels: first look {look:.2f} s, filled {filled:.2f} s after the brush is lifted")


def fill_example(page: Page, address: str) -> tuple[float, float]:
    """Seconds from the start of the page, and from the click, until the example is filled."""
    page.goto(address)
    page.locator("#examples button", has_text=EXAMPLE.capitalize()).click()
    page.locator("#fill:enabled").wait_for()
    page.locator("body.opened").wait_for()
    page.evaluate(WATCH)
    page.locator("#fill").click()
    begun, filled = _until(page, FILLED)
    return filled / 1000, (filled - begun) / 1000


def fill_strokes(page: Page, address: str, photo: Path, count: int) -> list[tuple[float, float]]:
    """For each stroke seconds until its first look, and until it is filled."""
    page.goto(address)
    page.locator("#examples button").first.wait_for()
    page.locator("#chooser").set_input_files(photo)
    page.locator("body.opened").wait_for()
    page.wait_for_timeout(2000)  # until the photo is sharp
    frame = page.locator("#canvas").bounding_box()
    assert frame is not None
    found = []
    for number in range(count):
        left = frame["x"] + frame["width"] * (0.3 + 0.4 * number / count)
        top = frame["y"] + frame["height"] * (0.3 + 0.4 * (number % 2))
        page.evaluate(WATCH)
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + STROKE, top, steps=5)
        page.mouse.up()
        begun, filled = _until(page, FILLED)
        found.append(((page.evaluate(FIRST_LOOK) - begun) / 1000, (filled - begun) / 1000))
        page.wait_for_timeout(500)
    return found


def _until(page: Page, script: str) -> list[float]:
    """What a script returns as soon as that is not null; the page's policy forbids to wait inside it."""
    while (value := page.evaluate(script)) is None:
        time.sleep(0.02)
    return value


if __name__ == "__main__":
    main()
