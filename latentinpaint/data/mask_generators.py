"""Random masks: strokes, boxes, and mixtures of both.

Conventions. A mask is float32 of shape (1, H, W), exactly 0 or 1, and **1 = hole**. Lengths are pixels,
ranges of integers are written U{a..b} with both ends included. Every random number comes from the
`torch.Generator` that the caller passes (None: torch's default one), so an equal state gives an equal mask.

A wide mask draws T = U{min_times..max_times} polygonal chains. Chain c starts at a uniform pixel and has
U{1..5} segments, each with its own angle a = 0.01 + U{0..max_angle-1} radians (2π - a in the first, third,
fifth … chain), length 10 + U{0..max_length-1} and brush width 5 + U{0..max_width-1}; a segment moves by
length · (sin a, cos a) in (x, y), and its end is clipped to the picture. A box mask draws T rectangles with
sides U{min_side..max_side-1} that keep a margin to the border.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch

from latentinpaint.errors import InputError, whole_number
from latentinpaint.runtime.randomness import device_of

MAX_SEGMENTS = 5
MAX_REDRAWS = 200


class MaskGenerator(ABC):
    """A source of masks. The base class owns checking and conversion; a subclass is one `draw`."""

    def __call__(self, height: int, width: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw one mask.

        Args:
            height, width: size of the picture in pixels, each at least 1; need not be square.
            generator: where all randomness comes from; None means torch's default generator.

        Returns:
            (1, H, W) float32 on the CPU, values exactly 0 or 1, 1 = hole.

        Raises:
            InputError: the size is not positive, or no such mask can be drawn at it.
        """
        whole_number("height", height, 1)
        whole_number("width", width, 1)
        return torch.from_numpy(self.draw(int(height), int(width), generator)).float()[None]

    @abstractmethod
    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        """The mask as a (H, W) uint8 array of 0 and 1; callers use the instance itself instead."""


@dataclass(frozen=True)
class WideMask(MaskGenerator):
    """Thick polygonal strokes with round ends; at least one pixel is always hole.

    Args:
        min_times, max_times: number of chains, 1 ≤ min ≤ max, both included.
        max_width: brush width w is base_width + U{0..max_width-1} pixels; at least 1. It is the thickness
            that OpenCV is asked for, as in LaMa: for w ≥ 2 that covers 2⌈w/2⌉ + 1 pixels, one or two more.
        max_length: segment length is base_length + U{0..max_length-1} pixels; at least 1.
        max_angle: number of angles 0.01, 1.01, … (radians) to choose from; at least 1.
        base_length, base_width: the smallest length (≥ 0) and width (≥ 1) in pixels.

    Raises:
        InputError: an argument outside its range.
    """

    min_times: int
    max_times: int
    max_width: int
    max_length: int
    max_angle: int = 4
    base_length: int = 10
    base_width: int = 5

    def __post_init__(self) -> None:
        _check_range("min_times", self.min_times, "max_times", self.max_times)
        for name in ("max_width", "max_length", "max_angle", "base_width"):
            whole_number(name, getattr(self, name), 1)
        whole_number("base_length", self.base_length, 0)

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        import cv2

        times = draw_integer(self.min_times, self.max_times, generator)
        starts_x = _draw_integers(width, (times,), generator)
        starts_y = _draw_integers(height, (times,), generator)
        counts = _draw_integers(MAX_SEGMENTS, (times,), generator)
        angles = _draw_integers(self.max_angle, (times, MAX_SEGMENTS), generator)
        lengths = _draw_integers(self.max_length, (times, MAX_SEGMENTS), generator)
        brushes = _draw_integers(self.max_width, (times, MAX_SEGMENTS), generator)

        hole = np.zeros((height, width), np.uint8)
        for chain in range(times):
            x = starts_x[chain]
            y = starts_y[chain]
            for segment in range(1 + counts[chain]):
                angle = 0.01 + angles[chain][segment]
                if chain % 2 == 0:
                    angle = 2 * math.pi - angle
                length = self.base_length + lengths[chain][segment]
                end_x = _clip(x + round(length * math.sin(angle)), width)
                end_y = _clip(y + round(length * math.cos(angle)), height)
                # Whole coordinates and no anti-aliasing: the same pixels on every platform.
                cv2.line(hole, (x, y), (end_x, end_y), 1, self.base_width + brushes[chain][segment])
                x = end_x
                y = end_y
        return hole

    def scaled(self, factor: float) -> WideMask:
        """The same strokes for a picture `factor` times as large: lengths change, counts and angles stay."""
        return replace(
            self,
            max_width=_scale(self.max_width, factor),
            max_length=_scale(self.max_length, factor),
            base_length=_scale(self.base_length, factor, minimum=0),
            base_width=_scale(self.base_width, factor),
        )


@dataclass(frozen=True)
class BoxMask(MaskGenerator):
    """Axis-parallel rectangles, which may overlap; at least one pixel is always hole.

    Args:
        min_times, max_times: number of boxes, 1 ≤ min ≤ max, both included.
        min_side, max_side: height and width are U{min_side..max_side-1} pixels each, 1 ≤ min < max. A side
            that does not fit between the margins is cut to the longest that does.
        margin: distance in pixels (≥ 0) that boxes keep from each border; where the picture is too small for
            it, it shrinks until one or two pixels are left between the margins.

    Raises:
        InputError: an argument outside its range.
    """

    min_times: int
    max_times: int
    min_side: int
    max_side: int
    margin: int = 0

    def __post_init__(self) -> None:
        _check_range("min_times", self.min_times, "max_times", self.max_times)
        _check_range("min_side", self.min_side, "max_side", self.max_side)
        if self.min_side == self.max_side:
            raise InputError(f"max_side is not reached and must be greater than min_side, {self.min_side}.")
        whole_number("margin", self.margin, 0)

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        hole = np.zeros((height, width), np.uint8)
        for _ in range(draw_integer(self.min_times, self.max_times, generator)):
            rows = self._draw_span(height, generator)
            columns = self._draw_span(width, generator)
            hole[rows, columns] = 1
        return hole

    def _draw_span(self, extent: int, generator: torch.Generator | None) -> slice:
        """One side of a box along an axis of `extent` pixels."""
        margin = min(self.margin, (extent - 1) // 2)
        side = draw_integer(self.min_side, self.max_side - 1, generator)
        side = min(side, extent - 2 * margin)
        start = draw_integer(margin, extent - margin - side, generator)
        return slice(start, start + side)

    def scaled(self, factor: float) -> BoxMask:
        """The same boxes for a picture `factor` times as large."""
        min_side = _scale(self.min_side, factor)
        return replace(
            self,
            min_side=min_side,
            max_side=max(_scale(self.max_side, factor), min_side + 1),
            margin=_scale(self.margin, factor, minimum=0),
        )


@dataclass(frozen=True)
class MixedMask(MaskGenerator):
    """Strokes or boxes: each mask is of either, chosen with probability proportional to its weight.

    Args:
        wide, box: what is mixed; None leaves one out, whatever its weight.
        wide_weight, box_weight: finite and ≥ 0; at least one that is not None has a positive weight.
        max_hole: a mask whose hole covers more than this fraction of the picture, in (0, 1], is drawn anew,
            the choice included; None accepts every mask.

    Raises:
        InputError: an argument outside its range; when drawing, no mask of 200 in a row kept to `max_hole`
            (brushes or boxes far too large for the picture).
    """

    wide: WideMask | None = None
    wide_weight: float = 1.0
    box: BoxMask | None = None
    box_weight: float = 1.0
    max_hole: float | None = None

    def __post_init__(self) -> None:
        for name in ("wide_weight", "box_weight"):
            weight = getattr(self, name)
            if not (math.isfinite(weight) and weight >= 0):
                raise InputError(f"{name} must be a finite number that is not negative, not {weight}.")
        if not self._components():
            raise InputError("A mixed mask needs at least one kind, wide or box, with a positive weight.")
        if self.max_hole is not None and not 0 < self.max_hole <= 1:
            raise InputError(f"max_hole must be a fraction above 0 and at most 1, not {self.max_hole}.")

    def draw(self, height: int, width: int, generator: torch.Generator | None) -> np.ndarray:
        for _ in range(MAX_REDRAWS):
            hole = self._choose_component(generator).draw(height, width, generator)
            if self.max_hole is None or np.count_nonzero(hole) <= self.max_hole * hole.size:
                return hole
        raise InputError(
            f"None of {MAX_REDRAWS} masks of {height}x{width} pixels kept the hole within "
            f"{self.max_hole:.0%} of the picture: use smaller brushes and boxes (a preset for "
            "a smaller size) or a larger picture."
        )

    def _components(self) -> list[tuple[WideMask | BoxMask, float]]:
        """What is mixed, with its weight; nothing that has none."""
        components: list[tuple[WideMask | BoxMask, float]] = []
        if self.wide is not None and self.wide_weight > 0:
            components.append((self.wide, self.wide_weight))
        if self.box is not None and self.box_weight > 0:
            components.append((self.box, self.box_weight))
        return components

    def _choose_component(self, generator: torch.Generator | None) -> WideMask | BoxMask:
        components = self._components()
        point = _draw_unit(generator) * sum(weight for _, weight in components)
        first, weight = components[0]
        if point < weight:
            return first
        return components[-1][0]

    def scaled(self, factor: float) -> MixedMask:
        """The same mixture for a picture `factor` times as large; weights and max_hole stay."""
        wide = self.wide
        if wide is not None:
            wide = wide.scaled(factor)
        box = self.box
        if box is not None:
            box = box.scaled(factor)
        return replace(self, wide=wide, box=box)


def _draw_integers(count: int, shape: tuple[int, ...], generator: torch.Generator | None) -> list:
    """Uniform integers 0..count-1 as nested lists of `shape`."""
    return torch.randint(count, shape, generator=generator, device=device_of(generator)).tolist()


def draw_integer(low: int, high: int, generator: torch.Generator | None) -> int:
    """One uniform integer low..high, both included."""
    return low + _draw_integers(high - low + 1, (1,), generator)[0]


def _draw_unit(generator: torch.Generator | None) -> float:
    """One uniform number in [0, 1)."""
    return torch.rand(1, generator=generator, device=device_of(generator), dtype=torch.float64).item()


def _clip(position: int, extent: int) -> int:
    """The position in 0..extent-1 that is nearest."""
    return min(max(position, 0), extent - 1)


def _scale(length: int, factor: float, minimum: int = 1) -> int:
    """A length times a factor, halves rounded up, at least `minimum`."""
    return max(minimum, math.floor(length * factor + 0.5))


def _check_range(low_name: str, low: int, high_name: str, high: int) -> None:
    whole_number(low_name, low, 1)
    whole_number(high_name, high, 1)
    if low > high:
        raise InputError(f"{low_name} must not exceed {high_name}, but {low} is greater than {high}.")
