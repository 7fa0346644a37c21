"""The names of output files: a number for each sample, and a suffix by the format that is asked for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from latentinpaint.images.image_format import JPEG, READ_ONLY_SUFFIXES, format_of


def numbered_paths(path: Path, num_samples: int) -> tuple[Path, ...]:
    """The files of several samples: `path` itself for one, else with _1, _2, … added to its name."""
    if num_samples == 1:
        return (path,)
    return tuple(path.with_name(f"{path.stem}_{number}{path.suffix}") for number in range(1, num_samples + 1))


def _keep(suffix: str) -> str:
    """The picture's own; PNG for one that is only read."""
    if suffix.lower() in READ_ONLY_SUFFIXES:
        return ".png"
    return suffix


def _exact(suffix: str) -> str:
    """PNG in place of JPEG, which is lossy."""
    suffix = _keep(suffix)
    if format_of(f"x{suffix}") is JPEG:
        return ".png"
    return suffix


def _convert(to: str, suffix: str) -> str:
    """A format for all; pictures that have it keep their own spelling of the suffix."""
    suffix = _keep(suffix)
    if format_of(f"x{suffix}") is format_of(f"x{to}"):
        return suffix
    return to


# From the suffix of a picture to that of its output.
FORMATS: dict[str, Callable[[str], str]] = {
    "keep": _keep,
    "exact": _exact,
    "png": partial(_convert, ".png"),
    "webp": partial(_convert, ".webp"),
    "tiff": partial(_convert, ".tif"),
}
