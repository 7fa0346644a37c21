"""Holes from mask files, for those who have their own."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from latentinpaint.data.mask_generators import MAX_REDRAWS, MaskGenerator, draw_integer
from latentinpaint.errors import InputError
from latentinpaint.images.folders import left_out_sentence, read_folder
from latentinpaint.images.image_files import read_mask


@dataclass(frozen=True)
class FolderMasks(MaskGenerator):
    """Masks from files: a uniformly chosen picture of a folder, resized by nearest neighbour.

    Args:
        folder: the folder; its list of pictures is read once, now. Light = hole, cut at half grey.
        invert: the files mark the hole dark instead.

    Raises:
        InputError: the folder has no picture; when drawing, hardly any can be read. A single bad one is left out.
    """

    folder: str | Path
    invert: bool = False
    files: tuple[Path, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        contents = read_folder(self.folder)
        files = tuple(sorted(contents.pictures))
        left_out = left_out_sentence(self.folder, contents.left_out)
        if not files:
            raise InputError(left_out or f"the mask folder {self.folder} has no picture")
        if left_out is not None:
            warnings.warn(left_out, stacklevel=3)
        object.__setattr__(self, "files", files)

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        hole = self._read_any(generator).astype(np.uint8)
        rows = _nearest_indices(hole.shape[0], height)
        columns = _nearest_indices(hole.shape[1], width)
        return hole[rows[:, None], columns]

    def _read_any(self, generator: torch.Generator | None) -> np.ndarray:
        """A mask drawn from the files that can be read, (h, w) bool."""
        for _ in range(MAX_REDRAWS):
            file = self.files[draw_integer(0, len(self.files) - 1, generator)]
            try:
                return read_mask(file, invert=self.invert)
            except InputError as error:
                warnings.warn(f"a mask is left out: {error}", stacklevel=3)
        raise InputError(f"hardly a file in the mask folder {self.folder} can be read; the last was {file}")


def _nearest_indices(source: int, target: int) -> np.ndarray:
    """For each of `target` pixels the index of the source pixel under its centre; int64 (target,)."""
    return (2 * np.arange(target) + 1) * source // (2 * target)
