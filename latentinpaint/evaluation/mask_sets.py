"""Holes as files: a folder of masks drawn from a preset, with a manifest that tells whether two folders are the same.

    masks/photo_mask001.png     LaMa's naming, 8 bits, white = hole
    masks/manifest.json         what they were drawn from, and a checksum of every one

A mask depends on the preset, the seed, the picture's size, its name in its folder and the mask's number alone.
Checksums of masks are those of their pixels (SHA-256 of width, height and bits), because encoders write the same mask
as different files; those of pictures are the files' own.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.files import sha256_of, write_text
from latentinpaint.hole import is_hole
from latentinpaint.images.image_files import read_bytes, read_picture, write_image
from latentinpaint.metrics.regions import hole_width, width_class
from latentinpaint.runtime.addresses import is_address, list_addresses
from latentinpaint.runtime.randomness import numbered_generator

MANIFEST = "manifest.json"
FORMAT = 1
_ENTRY_KEYS = {"file", "mask_sha256", "picture_sha256"}


def draw_hole(preset: str, seed: int, name: str, size: tuple[int, int], number: int = 1) -> Tensor:
    """Hole number 1, 2 … of a picture: (1, 1, H, W), 1 = hole.

    Args:
        preset: a name that `mask_preset` knows.
        seed: of the whole set.
        name: the picture's path in its folder, with slashes and suffix.
        size: its height and width.
        number: which of the picture's masks.
    """
    key = name
    if number > 1:
        key = f"{name}#{number}"
    height, width = size
    masks = mask_preset(preset, min(height, width))
    return masks(height, width, numbered_generator(seed, key))[None]


def write_masks(
    pictures: Sequence[tuple[str, Path]],
    folder: str | Path,
    preset: str,
    seed: int,
    per_image: int,
    about: dict[str, Any],
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[dict[str, Any], list[str]]:
    """Write a set of masks and its manifest; masks that are there already are drawn and written again alike.

    Args:
        pictures: names (see `draw_hole`) and files.
        folder: where to; a set of other settings in it is refused.
        preset, seed, per_image: what to draw.
        about: goes into the manifest.
        progress: called with a picture's name when its masks are written.

    Returns:
        The manifest, and one sentence for each picture that could not be read.

    Raises:
        InputError: if two pictures would share a mask's name, or the folder holds another set.
    """
    folder = Path(folder)
    settings = {"format": FORMAT, "preset": preset, "seed": seed, "per_image": per_image}
    _check_folder(folder, settings)
    stems = _mask_stems(pictures)
    entries: list[dict[str, Any]] = []
    notes = []
    for (name, path), stem in zip(pictures, stems, strict=True):
        try:
            picture = read_picture(path)
        except InputError as error:
            notes.append(str(error))
            continue
        about_picture = {"picture": name, "picture_sha256": sha256_of(path)}
        for number in range(1, per_image + 1):
            hole = draw_hole(preset, seed, name, (picture.height, picture.width), number)
            entries.append(_write_mask(folder, f"{stem}_mask{number:03d}.png", hole) | about_picture)
        progress(name)
    if notes and not entries:
        raise InputError(notes[0])
    if not entries:
        raise InputError(f"there is no picture to draw masks for in {folder}")
    together = hashlib.sha256()
    for entry in entries:
        together.update(entry["mask_sha256"].encode())
    manifest = {**settings, **about, "masks_sha256": together.hexdigest(), "masks": entries}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1))
    return manifest, notes


def _check_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Raise `InputError` if a folder holds masks that were drawn with other settings."""
    manifest = read_manifest(folder)
    if manifest is None:
        return
    for key, value in settings.items():
        if manifest.raw.get(key) != value:
            raise InputError(f"{folder} holds masks of other settings: choose another folder")


def _mask_stems(pictures: Sequence[tuple[str, Path]]) -> list[str]:
    """What the masks' names begin with; an `InputError` if two pictures would share one."""
    stems = [Path(name).with_suffix("").as_posix() for name, _ in pictures]
    for stem, count in Counter(stems).items():
        if count > 1:
            raise InputError(
                f"two pictures are called {stem} but for the suffix: their masks would be, too; rename one"
            )
    return stems


def _write_mask(folder: Path, file: str, hole: Tensor) -> dict[str, Any]:
    """Write a hole (1, 1, H, W) as a file and return its entry in the manifest."""
    inside = is_hole(hole[0, 0].numpy())
    write_image(Image.fromarray(inside.astype(np.uint8) * 255), folder / file)
    height, width = inside.shape
    across = hole_width(hole)[0]
    return {
        "file": file,
        "size": [width, height],
        "hole_fraction": round(hole.mean().item(), 6),
        "hole_width": round(across, 3) if math.isfinite(across) else None,
        "width_class": width_class(across, min(width, height)),
        "mask_sha256": mask_checksum(inside),
    }


def mask_checksum(hole: np.ndarray) -> str:
    """SHA-256 of a mask's pixels, (H, W) bool."""
    height, width = hole.shape
    return hashlib.sha256(f"{width}x{height}:".encode() + np.packbits(hole).tobytes()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """The manifest of a folder of masks; `raw` is the JSON."""

    path: Path
    raw: dict[str, Any]

    @cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The entries of the masks, by their files."""
        entries = {}
        for entry in self.raw["masks"]:
            entries[entry["file"]] = entry
        return entries

    def check(self, mask: Path, hole: np.ndarray, picture: Path) -> None:
        """Raise `InputError` unless mask and picture are the ones that the set was made of."""
        name = mask.relative_to(self.path.parent).as_posix()
        entry = self.entries.get(name)
        if entry is None:
            raise InputError(f"the mask {mask} is not in {self.path}: take it away, or the manifest")
        if entry["mask_sha256"] != mask_checksum(hole):
            raise InputError(f"the mask {mask} is not the one that {self.path} names: it was changed")
        if entry["picture_sha256"] != sha256_of(picture):
            raise InputError(f"{picture} is not the picture that {self.path} names for {name}: it was changed")

    def missing(self, masks: Sequence[Path]) -> list[Path]:
        """The files of the set that are not among `masks`."""
        missing = set(self.entries)
        for mask in masks:
            missing.discard(mask.relative_to(self.path.parent).as_posix())
        return [Path(file) for file in self.entries if file in missing]


def read_manifest(folder: str | Path) -> Manifest | None:
    """The manifest of a folder of masks, None if it has none.

    Raises:
        InputError: if there is one that cannot be read.
    """
    path = Path(folder) / MANIFEST
    is_there = path in list_addresses(folder) if is_address(folder) else path.is_file()
    if not is_there:
        return None
    try:
        raw = json.loads(read_bytes(path))
        complete = all(_ENTRY_KEYS <= entry.keys() for entry in raw["masks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as a manifest of masks") from error
    if not complete:
        raise InputError(f"{path} cannot be read as a manifest of masks")
    return Manifest(path, raw)
