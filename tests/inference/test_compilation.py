"""Compiled loops where they can be kept on disk and where they cannot."""

import subprocess
import sys

import numba
import numpy as np
import pytest

from latentinpaint.inference.compilation import compiled

SIGNATURE = "int64(int64[::1])"


def total(numbers):
    found = 0
    for number in numbers:
        found += number
    return found


def test_a_loop_that_cannot_be_kept_runs_all_the_same():
    """What stands in no file has no folder beside it, like a module in a read-only installation without a home."""
    names = {}
    exec("def nowhere(numbers):\n    return numbers[0] + numbers[-1]", names)
    with pytest.raises(RuntimeError, match="locator"):
        numba.njit(SIGNATURE, cache=True)(names["nowhere"])
    assert compiled(SIGNATURE)(names["nowhere"])(np.array([3, 4, 5])) == 8


def test_what_is_wrong_with_a_loop_is_told():
    def wrong(numbers):
        return numbers.no_such_name

    with pytest.raises(numba.core.errors.TypingError, match="no_such_name"):
        compiled(SIGNATURE)(wrong)


def test_a_full_disk_is_no_error(monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "save", full)
    with pytest.raises(OSError, match="No space"):
        numba.njit(SIGNATURE, cache=True)(total)
    assert compiled(SIGNATURE)(total)(np.array([3, 4, 5])) == 12


def test_nobody_waits_for_the_compiler_who_needs_no_texture():
    code = "import sys, latentinpaint.inpainter; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False"], done.stderr
