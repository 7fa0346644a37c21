"""What processes do in tests; it lies here because they have to import it by its name."""

import os
import signal
import time
from functools import partial

from latentinpaint.errors import InputError
from latentinpaint.files import write_beside


def begin_squaring(deadly=(), log=None):
    """In a process: a function that squares, but kills its own process for numbers that are deadly."""
    if log is not None:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    return partial(square, deadly)


def square(deadly, number):
    if number in deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def begin_badly(reason=None):
    if reason is None:
        os.kill(os.getpid(), signal.SIGKILL)
    raise InputError(reason)


def begin_slowly(folder):
    return partial(write_slowly, folder)


def write_slowly(folder, number):
    """As a picture is written: what is half-written is removed on the way out."""
    path = folder / f"half-{number}"
    path.touch()
    try:
        for _ in range(3000):
            time.sleep(0.02)
        path.rename(folder / f"whole-{number}")
    finally:
        path.unlink(missing_ok=True)


class Deadly:
    """In place of an `Inpainter`: answers with the picture, but kills its own process while writing a light one."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self, picture, mask, options):
        if picture.samples.mean() > 200:
            with write_beside(self.folder / "b.png") as temporary:
                temporary.write_bytes(b"half")
                os.kill(os.getpid(), signal.SIGKILL)
        return [picture] * options.num_samples
