"""Loops over pixels that Numba compiles, https://numba.pydata.org.

A loop is compiled when its module is imported, for the one signature that it states, and kept on disk where Numba
finds a folder to write to: beside the module, or in the user's cache. Where there is none, as for an installation
that may only be read in an account without a home, every process compiles it anew. Loops release Python's lock, so
that threads of Python run them at the same time; none has threads of its own.
"""

from collections.abc import Callable
from typing import Any

import numba

# Sums may be taken in any order, which is what makes them fast; NaN and infinity keep their meaning.
FAST_SUMS = {"reassoc", "contract", "nsz", "arcp"}


def compiled(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a loop over arrays: it is compiled for this signature, such as `"void(float32[:, ::1])"`."""
    options: Any = {"nogil": True, "fastmath": FAST_SUMS, "error_model": "numpy"}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except Exception:  # no folder to keep it in, a full disk, a damaged file: what is wrong with the loop itself
            return numba.njit(signature, **options)(function)  # is raised here

    return decorate


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a part of compiled loops; it has to stand in their module, whose changes alone renew what is kept."""
    return numba.njit(inline="always")(function)
