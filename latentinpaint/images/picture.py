"""`Picture`: a picture's own samples, and how a network sees them.

Conventions
- A `Picture` holds the file's own samples, upright (EXIF orientation applied on reading, and reset to 1 in
  the EXIF that is written back).
- `Picture.rgb` is what a network sees: (H, W, 3) float32 in [0, 1]. ICC profiles are kept, not applied;
  alpha is dropped, not multiplied in. Of deep pictures the samples themselves say what is black and white, see
  `sample_range`; conversions to other modes keep to the format's white instead.
- Grey from colour is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in Pillow), without truncation.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from latentinpaint.images import palette
from latentinpaint.images.decode import decode_image
from latentinpaint.images.high_depth import SIXTEEN_BIT_COLOUR_MODES, SIXTEEN_BIT_MODES
from latentinpaint.images.modes import (
    ALPHA_MODES,
    DEEP_MODES,
    GREY_MODES,
    LUMINANCE,
    PALETTE_MODES,
    sample_step,
    to_samples,
)
from latentinpaint.images.png_chunks import Chunk
from latentinpaint.images.sample_range import SampleRange, check_intensities, range_of
from latentinpaint.images.transparency import continue_visible, hidden
from latentinpaint.images.transparent_colour import TransparentColour


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's own samples with all that is needed to write them back.

    Attributes:
        samples: (H, W) or (H, W, C), upright, in the native type: bool (mode 1), uint8, uint16, int32 (I)
            or float32 (F). Colours in RGB order, alpha last; palette modes hold indices.
        mode: Pillow's mode, or `LA;16`, `RGB;16`, `RGBA;16` for 16-bit colour.
        format_white: the sample value that the format says is white; None for modes I and F, which have none.
        known_range: the black and white that known samples have, see `with_range_of`; None judges all samples.
        bits: bits per sample in the source file, None if it is the mode's usual number.
        palette, palette_alpha: (N, 3) uint8 and (N,) uint8, for P and PA.
        transparent_colour: the one colour that counts as transparent (tRNS of a PNG without alpha channel), in the
            file's own sample values.
        icc_profile, exif: raw bytes; the EXIF has orientation 1.
        xmp: a packet in UTF-8 that states neither size nor orientation.
        iptc: raw bytes, data sets of IPTC-IIM.
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
    format_white: float | None = 255.0
    known_range: SampleRange | None = None
    bits: int | None = None
    palette: np.ndarray | None = None
    palette_alpha: np.ndarray | None = None
    transparent_colour: int | tuple[int, ...] | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
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
            InputError: for modes that cannot be kept (LAB, HSV, premultiplied alpha …), and where the file behind
                `image` turns out to be damaged.
        """
        return cls(**decode_image(image, name))

    @cached_property
    def sample_range(self) -> SampleRange:
        """The sample values that a network sees as black and white.

        Raises:
            InputError: if samples are negative or not finite.
        """
        if self.known_range is not None:
            return self.known_range
        if self.mode not in DEEP_MODES and self.format_white is not None:
            return SampleRange(0.0, self.format_white)
        check_intensities(self._colour_samples(), self.name)
        return range_of(self._colour_samples(), self.format_white)

    @property
    def full_scale(self) -> float:
        """The sample value that is white: the format's, or the samples' own where it has none."""
        if self.format_white is None:
            return self.sample_range.white
        return self.format_white

    def with_range_of(self, known: np.ndarray) -> "Picture":
        """The picture with its black and white judged by the `known` samples (H, W) that are not transparent.

        What a hole holds then says nothing, and may be anything. A picture of which nothing is known is judged by
        what its hole holds.

        Raises:
            InputError: if known samples are negative or not finite; the message says what to do.
        """
        if self.mode not in DEEP_MODES:
            return self
        alpha = self.alpha()
        if alpha is not None:
            known = known & ~hidden(alpha)
        samples = self._colour_samples()[known]
        check_intensities(samples, self.name)
        if not len(samples):
            samples = self._colour_samples()
            samples = samples[np.isfinite(samples) & (samples >= 0)]
        return replace(self, known_range=range_of(samples, self.format_white))

    def with_range(self, sample_range: SampleRange | None) -> "Picture":
        """The picture with the black and white of another of its kind; None takes the format's, where it has one."""
        if self.mode not in DEEP_MODES:
            return self
        if sample_range is not None:
            return replace(self, known_range=sample_range)
        if self.format_white is None:
            return self
        return replace(self, known_range=SampleRange(0.0, self.format_white))

    def with_jpeg_quality(self, quality: int) -> "Picture":
        """The picture that is written as a JPEG of this quality, 1 to 100, in place of its source's."""
        jpeg_options = dict(self.jpeg_options or {"subsampling": 0})
        jpeg_options.pop("qtables", None)
        jpeg_options["quality"] = quality
        return replace(self, jpeg_options=jpeg_options)

    def rgb(self) -> np.ndarray:
        """The colours, (H, W, 3) float32 in [0, 1]; alpha dropped, CMYK and YCbCr by Pillow's formulas.

        Raises:
            InputError: as `sample_range`.
        """
        if self.mode in PALETTE_MODES:
            return palette.colour_table(self.palette)[self.palette_indices()] / np.float32(255)
        if self.mode in ("CMYK", "YCbCr"):
            return np.asarray(self.to_pil().convert("RGB")) / np.float32(255)
        colours = self.sample_range.to_unit(self._colour_samples())
        if self.mode in GREY_MODES:
            return np.repeat(colours[..., None], 3, axis=2)
        return colours

    def luminance(self) -> np.ndarray:
        """The grey of the colours, (H, W) float32 in [0, 1]; alpha dropped."""
        if self.mode not in GREY_MODES:
            return self.rgb() @ LUMINANCE.astype(np.float32)
        return self.sample_range.to_unit(self._colour_samples())

    def grey_samples(self) -> np.ndarray:
        """The grey of the colours as the file has it, (H, W) from 0 to the format's white; alpha dropped."""
        if self.mode in GREY_MODES:
            return self._colour_samples()
        if self.mode in DEEP_MODES:
            return self._colour_samples() @ LUMINANCE
        return self.luminance() * np.float32(self.full_scale)

    def visible_rgb(self) -> np.ndarray:
        """As `rgb`, but a hidden colour, beneath alpha 0, is that of the nearest visible pixel.

        For what takes a picture for the truth: colours that nobody sees are none.
        """
        alpha = self.alpha()
        if alpha is None:
            return self.rgb()
        return continue_visible(self.rgb(), alpha)

    def rgb8(self) -> np.ndarray:
        """The colours, (H, W, 3) uint8, rounded where the picture is deeper."""
        if self.mode == "RGB":
            return self.samples
        return np.rint(self.rgb() * 255).astype(np.uint8)

    def alpha(self) -> np.ndarray | None:
        """The alpha, (H, W) float32 in [0, 1], of any kind of transparency; None where there is none."""
        if self.mode in ALPHA_MODES:
            return self.samples[..., -1] / np.float32(self.full_scale)
        if self.palette_alpha is not None:
            return palette.entry_alpha(self.palette_alpha)[self.samples] / np.float32(255)
        key = self.colour_key()
        if key is not None:
            return 1 - key.where(self.samples).astype(np.float32)
        return None

    def palette_indices(self) -> np.ndarray:
        """The samples of P or PA without alpha, (H, W) uint8."""
        if self.mode == "P":
            return self.samples
        return self.samples[..., 0]

    def colour_key(self) -> TransparentColour | None:
        """The transparent colour and what samples may have it; None where there is none."""
        if self.transparent_colour is None:
            return None
        return TransparentColour(self.transparent_colour, sample_step(self.mode, self.bits), self.mode == "1")

    def converted(self, mode: str) -> "Picture":
        """The same picture in a mode of `format_fitting.FALLBACKS`; exact wherever the new mode has the values.

        White stays white, that of the format where it has one: what is dark for every program stays dark.
        """
        colours = self.with_range(None).rgb()
        plain = replace(self, mode=mode, bits=None, palette=None, palette_alpha=None, transparent_colour=None)
        plain = replace(plain, known_range=None)
        if mode == "P":
            image = Image.fromarray(np.rint(colours * 255).astype(np.uint8)).quantize(256)
            entries, _ = palette.palette_of(image)
            return replace(plain, samples=np.array(image), format_white=255.0, palette=entries)
        full_scale = 255.0
        if mode in SIXTEEN_BIT_MODES:
            full_scale = 65535.0
        samples = to_samples(colours.astype(np.float64), mode, SampleRange(0.0, full_scale))
        if mode in ("LA", "RGBA", "RGBA;16"):
            alpha = self.alpha()
            if alpha is None:
                alpha = np.ones(samples.shape[:2])
            alpha_samples = np.rint(alpha.astype(np.float64) * full_scale)
            samples = np.dstack([samples, alpha_samples.astype(samples.dtype)])
        return replace(plain, samples=samples, format_white=full_scale)

    def to_pil(self) -> Image.Image:
        """A Pillow image of the same mode and metadata; 16-bit colour, which Pillow lacks, becomes 8-bit."""
        if self.mode in SIXTEEN_BIT_COLOUR_MODES:
            return self.converted(self.mode.removesuffix(";16")).to_pil()
        if self.mode == "1":
            image = Image.fromarray(np.ascontiguousarray(self.samples))
        else:
            stored = self.samples
            if self.mode == "I;16B":
                stored = stored.astype(">u2")
            image = Image.frombytes(self.mode, (self.width, self.height), stored.tobytes())
        if self.palette is not None:
            image.putpalette(self.palette.tobytes())
        if self.icc_profile is not None:
            image.info["icc_profile"] = self.icc_profile
        if self.exif is not None:
            image.info["exif"] = self.exif
        if self.xmp is not None:
            image.info["xmp"] = self.xmp
        if self.dpi is not None:
            image.info["dpi"] = self.dpi
        if self.palette_alpha is not None:
            image.info["transparency"] = self.palette_alpha.tobytes()
        elif self.transparent_colour is not None:
            image.info["transparency"] = self.transparent_colour
        return image

    def _colour_samples(self) -> np.ndarray:
        """The samples without alpha, of modes that hold colours or greys: (H, W) or (H, W, 3)."""
        if self.samples.ndim == 2:
            return self.samples
        if self.mode in GREY_MODES:
            return self.samples[..., 0]
        return self.samples[..., :3]
