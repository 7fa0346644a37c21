"""`Picture`: a picture's own samples, how a network sees them, and how a fill gets into them.

Conventions
- A `Picture` holds the file's own samples, upright (EXIF orientation applied on reading, and reset to 1 in
  the EXIF that is written back). `filled` changes samples inside the hole only, so what is known stays
  equal bit for bit, under zero alpha too, and palette pixels keep their index.
- `Picture.rgb` is what a network sees: (H, W, 3) float32 in [0, 1]. ICC profiles are kept, not applied;
  alpha is dropped, not multiplied in.
- Grey from colour is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in Pillow), without truncation.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images import palette
from latentinpaint.images.decode import decoded_image, full_scale
from latentinpaint.images.high_depth import DEEP, DEEP_COLOUR
from latentinpaint.images.metadata import Chunk, resized_exif

LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's own samples with all that is needed to write them back.

    Attributes:
        samples: (H, W) or (H, W, C), upright, in the native type: bool (mode 1), uint8, uint16, int32 (I)
            or float32 (F). Colours in RGB order, alpha last; palette modes hold indices.
        mode: Pillow's mode, or `LA;16`, `RGB;16`, `RGBA;16` for 16-bit colour.
        full_scale: the sample value that means 1.0.
        bits: bits per sample in the source file, None if it is the mode's usual number.
        palette, palette_alpha: (N, 3) uint8 and (N,) uint8, for P and PA.
        transparent_colour: the one colour that counts as transparent (tRNS of a PNG without alpha channel), in the
            file's own sample values.
        icc_profile, exif: raw bytes; the EXIF has orientation 1.
        dpi: (x, y) dots per inch.
        comment: the comment of a JPEG or GIF, in whatever encoding.
        jpeg_options: Pillow's options that write a JPEG as the source was quantised.
        png_chunks: text and colour chunks of a PNG, for writing a PNG.
        orientation: the EXIF orientation of the source file, 1 to 8, which `samples` no longer have.
        frames: pictures in the source file, of which this is the first.
        lost: sentences on what reading already had to drop.
        name: what messages call it.
    """

    samples: np.ndarray
    mode: str
    full_scale: float = 255.0
    bits: int | None = None
    palette: np.ndarray | None = None
    palette_alpha: np.ndarray | None = None
    transparent_colour: int | tuple[int, ...] | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    jpeg_options: dict[str, Any] | None = None
    png_chunks: tuple[Chunk, ...] = ()
    orientation: int = 1
    frames: int = 1
    lost: tuple[str, ...] = ()
    name: str = "the picture"

    @property
    def height(self) -> int:
        return self.samples.shape[0]

    @property
    def width(self) -> int:
        return self.samples.shape[1]

    @classmethod
    def from_pil(cls, image: Image.Image, name: str = "the picture") -> "Picture":
        """Take a Pillow image, turned upright by its EXIF orientation; `image` itself stays as it is.

        Pillow has already cut 16-bit colour files to 8 bits: use `read_picture` for those.

        Raises:
            InputError: for modes that cannot be kept (LAB, HSV, premultiplied alpha …), for samples in an
                unknown range, and where the file behind `image` turns out to be damaged.
        """
        return cls(**decoded_image(image, name))

    def rgb(self) -> np.ndarray:
        """The colours, (H, W, 3) float32 in [0, 1]; alpha dropped, CMYK and YCbCr by Pillow's formulas."""
        if self.mode in ("P", "PA"):
            # Pillow shows an index beyond the palette as black.
            table = np.zeros((256, 3), np.uint8)
            table[: len(self.palette)] = self.palette
            return table[self.samples if self.mode == "P" else self.samples[..., 0]] / np.float32(255)
        if self.mode in ("CMYK", "YCbCr"):
            return np.asarray(self.to_pil().convert("RGB")) / np.float32(255)
        if self._is_grey():
            return np.repeat(self.luminance()[..., None], 3, axis=2)
        return self.samples[..., :3].astype(np.float32) / np.float32(self.full_scale)

    def luminance(self) -> np.ndarray:
        """The grey of the colours, (H, W) float32 in [0, 1]; alpha dropped."""
        if not self._is_grey():
            return self.rgb() @ LUMINANCE.astype(np.float32)
        grey = self.samples if self.samples.ndim == 2 else self.samples[..., 0]
        # 31 bits are more than a float32 holds before it is divided.
        grey = grey.astype(np.float64 if self.mode == "I" else np.float32)
        return (grey / grey.dtype.type(self.full_scale)).astype(np.float32)

    def _is_grey(self) -> bool:
        """Whether the samples themselves are grey, with or without alpha."""
        return self.mode in ("1", "F", "I", "I;16", "I;16B", "L", "LA", "LA;16")

    def with_full_scale_of(self, known: np.ndarray) -> "Picture":
        """The picture with its full scale judged by the `known` samples (H, W) alone.

        Integers of 32 bits and floats have no scale of their own: it is read off the samples.
        """
        if self.mode not in ("I", "F") or not known.any():
            return self
        return replace(self, full_scale=full_scale(self.samples[known], self.mode, self.bits, self.name))

    def rgb8(self) -> np.ndarray:
        """The colours, (H, W, 3) uint8, rounded where the picture is deeper."""
        if self.mode == "RGB":
            return self.samples
        return np.rint(self.rgb() * 255).astype(np.uint8)

    def alpha(self) -> np.ndarray | None:
        """The opacity, (H, W) float32 in [0, 1], of any kind of transparency; None where there is none."""
        if self.mode in ("LA", "PA", "RGBA", "LA;16", "RGBA;16"):
            return self.samples[..., -1] / np.float32(self.full_scale)
        if self.palette_alpha is not None:
            table = np.full(256, 255, np.uint8)
            table[: len(self.palette_alpha)] = self.palette_alpha
            return table[self.samples] / np.float32(255)
        if self.transparent_colour is not None:
            return 1 - self._is_key(self.samples).astype(np.float32)
        return None

    def filled(self, fill: np.ndarray, hole: np.ndarray) -> "Picture":
        """Put `fill` into the hole; every sample outside it stays as it is.

        Args:
            fill: (H, W, 3) float in [0, 1] (clipped), rounded to the nearest sample value. Grey modes take
                its luminance, mode 1 whether that is above 0.5. A palette gets new colours in slots that no
                known pixel uses, as many as there are (a 4-bit PNG has 16), and the nearest colour otherwise;
                never a transparent one, so there the hole turns opaque.
            hole: (H, W) bool, True where to fill. Alpha channels keep their values there.

        Raises:
            InputError: if sizes differ, `fill` is not finite in the hole, or a palette has no opaque slot.
        """
        size = (self.height, self.width)
        if fill.shape != (*size, 3) or hole.shape != size or hole.dtype != bool:
            sizes = f"fill {fill.shape} or hole {hole.shape} {hole.dtype}"
            raise InputError(f"{self.name} is {self.width}x{self.height}: {sizes} do not fit it")
        inside = np.asarray(fill[hole], np.float64)
        if not np.isfinite(inside).all():
            raise InputError(f"the fill for {self.name} holds values that are not finite")
        inside = np.clip(inside, 0.0, 1.0)
        samples = self.samples.copy()
        if self.mode in ("P", "PA"):
            indices = samples if self.mode == "P" else samples[..., 0]
            indices[hole], palette = self._into_palette(np.rint(inside * 255).astype(np.uint8), hole)
            old = self.palette_alpha
            added = None if old is None else np.pad(old, (0, len(palette) - len(old)), constant_values=255)
            return replace(self, samples=samples, palette=palette, palette_alpha=added)
        colours = _native(inside, self.mode, self.full_scale, _step(self))
        if self.transparent_colour is not None and self.mode != "1":
            # A fill that happens to be the transparent colour moves by one step, away from the end of range.
            last = colours[..., -1:] if colours.ndim > 1 else colours[:, None]
            step = last.dtype.type(_step(self))
            clash = self._is_key(colours)
            last[clash] = np.where(last[clash] > 0, last[clash] - step, step)
        if samples.ndim == 2:
            samples[hole] = colours
        else:
            channels = colours.shape[-1] if colours.ndim > 1 else 1
            samples[..., :channels][hole] = colours.reshape(-1, channels)
        return replace(self, samples=samples)

    def expanded(self, left: int, top: int, right: int, bottom: int) -> "Picture":
        """The picture with opaque new pixels around it; what they show is left to `filled`."""
        added = ((top, bottom), (left, right), (0, 0))
        samples = np.pad(self.samples, added[: self.samples.ndim])
        if self.mode in ("LA", "PA", "RGBA", "LA;16", "RGBA;16"):
            samples[..., -1] = samples.dtype.type(self.full_scale)
            samples[top : top + self.height, left : left + self.width] = self.samples
        return replace(self, samples=samples, exif=resized_exif(self.exif, samples.shape[1], samples.shape[0]))

    def converted(self, mode: str) -> "Picture":
        """The same picture in a mode of `formats.FALLBACKS`; exact wherever the new mode has the values."""
        plain = {"mode": mode, "bits": None, "palette": None, "palette_alpha": None, "transparent_colour": None}
        if mode == "P":
            image = Image.fromarray(np.rint(self.rgb() * 255).astype(np.uint8)).quantize(256)
            plain["palette"] = palette.palette_of(image)[0]
            return replace(self, samples=np.array(image), full_scale=255.0, **plain)
        full_scale = 65535.0 if mode in DEEP else 255.0
        samples = _native(self.rgb().astype(np.float64), mode, full_scale)
        if mode in ("LA", "RGBA", "RGBA;16"):
            alpha = self.alpha()
            alpha = np.ones(samples.shape[:2]) if alpha is None else alpha.astype(np.float64)
            samples = np.dstack([samples, np.rint(alpha * full_scale).astype(samples.dtype)])
        return replace(self, samples=samples, full_scale=full_scale, **plain)

    def to_pil(self) -> Image.Image:
        """A Pillow image of the same mode and metadata; 16-bit colour, which Pillow lacks, becomes 8-bit."""
        picture = self.converted(self.mode.removesuffix(";16")) if self.mode in DEEP_COLOUR else self
        pixels, mode = picture.samples, picture.mode
        if mode == "1":
            image = Image.fromarray(np.ascontiguousarray(pixels))
        else:
            stored = pixels.astype(">u2") if mode == "I;16B" else pixels
            image = Image.frombytes(mode, (self.width, self.height), stored.tobytes())
        if picture.palette is not None:
            image.putpalette(picture.palette.tobytes())
        transparency = (
            picture.transparent_colour if picture.palette_alpha is None else picture.palette_alpha.tobytes()
        )
        extras = {"icc_profile": picture.icc_profile, "exif": picture.exif, "dpi": picture.dpi}
        extras["transparency"] = transparency
        image.info.update({key: value for key, value in extras.items() if value is not None})
        return image

    def _is_key(self, samples: np.ndarray) -> np.ndarray:
        """Where samples, (…) for one channel or (…, C), are the transparent colour."""
        same = samples == np.multiply(self.transparent_colour, _step(self))
        return same.all(axis=-1) if isinstance(self.transparent_colour, tuple) else same

    def _into_palette(self, colours: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices (N,) for colours (N, 3) uint8, and the palette with what had to be added."""
        indices = self.samples if self.mode == "P" else self.samples[..., 0]
        used = np.bincount(indices[~hole], minlength=256) > 0
        opaque = palette.opaque_slots(self.palette_alpha)
        slots = palette.with_colours(self.palette, colours, used, opaque, room=1 << (self.bits or 8))
        if len(colours) and not opaque[: len(slots)].any():
            raise InputError(f"the palette of {self.name} has no opaque colour left to fill the hole with")
        return palette.nearest_slots(colours, slots, opaque), slots


def _step(picture: Picture) -> int:
    """Distance of neighbouring sample values: Pillow spreads 2- and 4-bit grey over 0..255."""
    return 255 // ((1 << picture.bits) - 1) if picture.mode == "L" and picture.bits in (2, 4) else 1


def _native(colours: np.ndarray, mode: str, full_scale: float, step: int = 1) -> np.ndarray:
    """Colours (..., 3) float64 in [0, 1] as samples of a mode without its alpha: (...) grey or (..., C)."""
    if mode in ("CMYK", "YCbCr"):
        image = Image.fromarray(np.rint(colours.reshape(1, -1, 3) * 255).astype(np.uint8))
        bands = Image.getmodebands(mode)
        pixels = np.asarray(image.convert(mode)) if len(colours) else np.empty(0, np.uint8)
        return pixels.reshape(*colours.shape[:-1], bands)
    values = colours if mode.startswith("RGB") else colours @ LUMINANCE
    if mode == "1":
        return values > 0.5
    if mode == "F":
        return (values * full_scale).astype(np.float32)
    kind = np.uint16 if mode in DEEP else np.int32 if mode == "I" else np.uint8
    return (np.rint(values * full_scale / step) * step).astype(kind)
