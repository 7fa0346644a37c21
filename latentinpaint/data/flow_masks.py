"""Random masks for flows: squares, and all but the pinned points of a path."""

from dataclasses import dataclass

import numpy as np
import torch

from latentinpaint.data.mask_generators import MaskGenerator, draw_integer
from latentinpaint.errors import InputError, whole_number
from latentinpaint.runtime.randomness import device_of


@dataclass(frozen=True)
class PatchMask(MaskGenerator):
    """`count` squares of `side` pixels anywhere inside the picture; they may overlap.

    Args:
        count: number of squares, at least 1.
        side: pixels, at least 1 and at most the picture's shorter side.
        last: whether a square may touch the last row and column. The mask-conditioned CIFAR-10 study drew offsets
            0..H-side-1, so that they were never hole: at 32 pixels four squares of 8 then cover 0.21905 of the
            picture on average, and 0.22106 with every offset.
    """

    count: int = 4
    side: int = 8
    last: bool = True

    def __post_init__(self) -> None:
        whole_number("count", self.count, 1)
        whole_number("side", self.side, 1)

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        last_top = height - self.side
        last_left = width - self.side
        if not self.last:
            last_top -= 1
            last_left -= 1
        if min(last_top, last_left) < 0:
            raise InputError(f"a square of {self.side} pixels has no room in a picture of {height} x {width}")
        hole = np.zeros((height, width), np.uint8)
        for _ in range(self.count):
            top = draw_integer(0, last_top, generator)
            left = draw_integer(0, last_left, generator)
            hole[top : top + self.side, left : left + self.side] = 1
        return hole


@dataclass(frozen=True)
class PinMask(MaskGenerator):
    """Everything but a few rows: the first one, and one to `most` others anywhere; on a path, points that are pinned.

    Their number is one, the goal of a path, half of the time, else 1 to `most` alike; rows may coincide.

    Args:
        most: rows besides the first, at least 1.
    """

    most: int = 3

    def __post_init__(self) -> None:
        whole_number("most", self.most, 1)

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        if height < 2:
            raise InputError(f"pins have no room in a picture of {height} row")
        chance, *places = torch.rand(1 + self.most, generator=generator, device=device_of(generator)).tolist()
        count = 1 + int(max(0.0, 2 * chance - 1) * self.most)  # half of the time 1, the rest shared by 1 to most
        hole = np.ones((height, width), np.uint8)
        hole[0] = 0
        for place in places[:count]:
            hole[1 + int(place * (height - 1))] = 0
        return hole
