"""The page in Firefox, driven by Mozilla's own client, with the actions that its tests need."""

import io
import json
import os
import subprocess
import time
from contextlib import contextmanager

import numpy as np
from page_actions import LARGEST_SCALE, MARGIN
from PIL import Image

PATIENCE = 60  # seconds

# Every error that scripts, the content security policy or the network raised on the page.
CONSOLE_ERRORS = """
return Services.console.getMessageArray()
  .filter((entry) => entry instanceof Ci.nsIScriptError && entry.sourceName.startsWith(arguments[0]))
  .filter((entry) => !(entry.flags & Ci.nsIScriptError.warningFlag))
  .map((entry) => entry.errorMessage);
"""
PREFERENCES = {
    "marionette.port": 17_928,
    "browser.download.folderList": 2,  # a folder of one's own
    "browser.download.useDownloadDir": True,
    "browser.download.always_ask_before_handling_new_types": False,
    "dom.disable_beforeunload": True,
}


class FirefoxPage:
    """The page, opened by a new visitor in Firefox.

    Args:
        driver: a Marionette client with a session.
        address: of the page.
        folder: what is downloaded comes here.
    """

    def __init__(self, driver, address, folder):
        self.driver = driver
        self.folder = folder
        driver.navigate(address)
        self.until("return document.querySelector('#options option') !== null")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, script_args=arguments)

    def until(self, script, *arguments):
        """Wait until a script returns something true, and return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.run(script, *arguments)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"it did not come true: {script} {arguments}; the page says: {self.text('#message')!r}")

    def element(self, selector):
        return self.driver.find_element("css selector", selector)

    def click(self, selector):
        self.element(selector).click()

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def is_visible(self, selector):
        return self.element(selector).is_displayed()

    def until_step(self, label, count):
        """Wait until the current step of the history is the `count`-th, and of this kind."""
        name = f"Step {count}: {label}"
        self.until(f"return document.querySelector('#strip button[aria-current][aria-label*=\"{name}\"]') !== null")

    def open_photo(self, array, name):
        path = self.folder / name
        Image.fromarray(array).save(path)
        self.element("#chooser").send_keys(str(path))
        self.until("return document.body.classList.contains('opened')")

    def places(self, size, points):
        """Points (x, y) of a photo of (width, height) that is shown whole, on the screen."""
        frame = self.run("return document.getElementById('canvas').getBoundingClientRect().toJSON()")
        width, height = size
        across = (frame["width"] - 2 * MARGIN) / width
        down = (frame["height"] - 2 * MARGIN) / height
        scale = min(across, down, LARGEST_SCALE)
        left = frame["x"] + (frame["width"] - width * scale) / 2
        top = frame["y"] + (frame["height"] - height * scale) / 2
        return [(round(left + x * scale), round(top + y * scale)) for x, y in points]

    def drag(self, places):
        """Press the mouse's button at the first place, move along the others, and let go."""
        mouse = self.driver.actions.sequence("pointer", "mouse", {"pointerType": "mouse"})
        mouse.pointer_move(*places[0]).pointer_down()
        for place in places[1:]:
            mouse.pointer_move(*place, duration=100)
        mouse.pointer_up().perform()

    def scroll(self, place, down):
        wheel = self.driver.actions.sequence("wheel", "wheel")
        wheel.scroll(*place, 0, down).perform()

    def press(self, key):
        keyboard = self.driver.actions.sequence("key", "keyboard")
        keyboard.key_down(key).key_up(key).perform()

    def downloaded(self, selector, name):
        """The picture that a button downloads as a file of this name."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        self.click(selector)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if path.is_file() and path.stat().st_size and not list(self.folder.glob("*.part")):
                return np.asarray(Image.open(io.BytesIO(path.read_bytes())))
            time.sleep(0.05)
        raise AssertionError(f"{name} was not downloaded, but {[path.name for path in self.folder.iterdir()]}")


@contextmanager
def firefox(binary, address, folder):
    """The page in a new Firefox; an error of a script or of the content security policy fails the test."""
    from marionette_driver.marionette import Marionette

    profile = folder / "profile"
    profile.mkdir()
    lines = []
    for name, value in (PREFERENCES | {"browser.download.dir": str(folder)}).items():
        lines.append(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    (profile / "user.js").write_text("".join(lines))
    program = [binary, "--headless", "--marionette", "--remote-allow-system-access", "--profile", str(profile)]
    environment = os.environ | {"HOME": str(profile)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(program, env=environment, **quiet) as process:
        try:
            driver = Marionette(host="127.0.0.1", port=PREFERENCES["marionette.port"])
            _start_session(driver, process)
            driver.set_window_rect(width=1280, height=900)
            yield FirefoxPage(driver, address, folder)
            with driver.using_context("chrome"):
                errors = driver.execute_script(CONSOLE_ERRORS, script_args=[address])
            assert errors == [], errors
        finally:
            process.terminate()


def _start_session(driver, process):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return driver.start_session({"strictFileInteractability": False})
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "Firefox does not start"
            time.sleep(0.2)
