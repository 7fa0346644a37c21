"""Pictures and masks in, pictures out: the one door through which image files pass.

Conventions
- A `Picture` holds the file's own samples, upright (EXIF orientation applied on reading, and reset to 1 in
  the EXIF that is written back). `filled` changes samples inside the hole only, so what is known stays
  equal bit for bit, under zero alpha too, and palette pixels keep their index.
- `Picture.rgb` is what a network sees: (H, W, 3) float32 in [0, 1]. ICC profiles are kept, not applied;
  alpha is dropped, not multiplied in.
- Grey from colour is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as in Pillow), without truncation.
- Masks: (H, W) bool, True = hole; a hole is what is lighter than half of full scale.
- Full scale is 255 for 8 bits and 65535 for 16. Mode I: 65535 if no sample is above it, else 2^31 - 1.
  Mode F: 1 if no sample is above 1, else 255; other ranges, negative and non-finite samples are refused.
- The formats' own limits and the 16-bit colour files are in `formats.py`.
"""

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from latentinpaint.data import formats
from latentinpaint.data.formats import Chunk
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside

PICTURE_SUFFIXES = frozenset(formats.BY_SUFFIX)

_LUMINANCE = np.array([0.299, 0.587, 0.114])
_ORIENTATION = 0x0112
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
_EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


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
        key: the one colour that counts as transparent (PNG's tRNS without alpha channel), in file units.
        icc_profile, exif: raw bytes; the EXIF has orientation 1.
        dpi: (x, y) dots per inch.
        jpeg: Pillow's options that write a JPEG as the source was quantised.
        png_chunks: text and colour chunks of a PNG, for writing a PNG.
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
    key: int | tuple[int, ...] | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg: dict[str, Any] | None = None
    png_chunks: tuple[Chunk, ...] = ()
    frames: int = 1
    lost: tuple[str, ...] = ()
    name: str = "the picture"

    @property
    def height(self) -> int:
        return self.samples.shape[0]

    @property
    def width(self) -> int:
        return self.samples.shape[1]

    def rgb(self) -> np.ndarray:
        """The colours, (H, W, 3) float32 in [0, 1]; alpha dropped, CMYK and YCbCr by Pillow's formulas."""
        if self.mode in ("P", "PA"):
            # Pillow shows an index beyond the palette as black.
            table = np.zeros((256, 3), np.uint8)
            table[: len(self.palette)] = self.palette
            return table[self.samples if self.mode == "P" else self.samples[..., 0]] / np.float32(255)
        if self.mode in ("CMYK", "YCbCr"):
            return np.asarray(self.to_pil().convert("RGB")) / np.float32(255)
        colour = self.samples[..., None] if self.samples.ndim == 2 else self.samples
        colour = colour[..., : 3 if colour.shape[-1] >= 3 else 1].astype(
            np.float64 if self.mode == "I" else np.float32
        )
        colour = (colour / colour.dtype.type(self.full_scale)).astype(np.float32)
        return np.broadcast_to(colour, (*colour.shape[:2], 3)).copy()

    def alpha(self) -> np.ndarray | None:
        """The opacity, (H, W) float32 in [0, 1], of any kind of transparency; None where there is none."""
        if self.mode in ("LA", "PA", "RGBA", "LA;16", "RGBA;16"):
            return self.samples[..., -1] / np.float32(self.full_scale)
        if self.palette_alpha is not None:
            table = np.full(256, 255, np.uint8)
            table[: len(self.palette_alpha)] = self.palette_alpha
            return table[self.samples] / np.float32(255)
        if self.key is not None:
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
        if self.key is not None and self.mode != "1":
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

    def converted(self, mode: str) -> "Picture":
        """The same picture in a mode of `formats.FALLBACKS`; exact wherever the new mode has the values."""
        plain = {"mode": mode, "bits": None, "palette": None, "palette_alpha": None, "key": None}
        if mode == "P":
            image = Image.fromarray(np.rint(self.rgb() * 255).astype(np.uint8)).quantize(256)
            plain["palette"] = formats.palette_of(image)[0]
            return replace(self, samples=np.array(image), full_scale=255.0, **plain)
        full_scale = 65535.0 if mode in formats.DEEP else 255.0
        samples = _native(self.rgb().astype(np.float64), mode, full_scale)
        if mode in ("LA", "RGBA", "RGBA;16"):
            alpha = self.alpha()
            alpha = np.ones(samples.shape[:2]) if alpha is None else alpha.astype(np.float64)
            samples = np.dstack([samples, np.rint(alpha * full_scale).astype(samples.dtype)])
        return replace(self, samples=samples, full_scale=full_scale, **plain)

    def to_pil(self) -> Image.Image:
        """A Pillow image of the same mode and metadata; 16-bit colour, which Pillow lacks, becomes 8-bit."""
        picture = self.converted(self.mode.removesuffix(";16")) if self.mode in formats.DEEP_COLOUR else self
        pixels, mode = picture.samples, picture.mode
        if mode == "1":
            image = Image.fromarray(np.ascontiguousarray(pixels))
        else:
            stored = pixels.astype(">u2") if mode == "I;16B" else pixels
            image = Image.frombytes(mode, (self.width, self.height), stored.tobytes())
        if picture.palette is not None:
            image.putpalette(picture.palette.tobytes())
        transparency = picture.key if picture.palette_alpha is None else picture.palette_alpha.tobytes()
        extras = {"icc_profile": picture.icc_profile, "exif": picture.exif, "dpi": picture.dpi}
        extras["transparency"] = transparency
        image.info.update({key: value for key, value in extras.items() if value is not None})
        return image

    @classmethod
    def from_pil(cls, image: Image.Image, name: str = "the picture") -> "Picture":
        """Take a Pillow image, turned upright by its EXIF orientation; `image` itself stays as it is.

        Pillow has already cut 16-bit colour files to 8 bits: use `read_picture` for those.

        Raises:
            InputError: for modes that cannot be kept (LAB, HSV, premultiplied alpha …), for samples in an
                unknown range, and where the file behind `image` turns out to be damaged.
        """
        with _plain_errors(name):
            return _from_pil(image, name)

    def _is_key(self, samples: np.ndarray) -> np.ndarray:
        """Where samples, (…) for one channel or (…, C), are the transparent colour."""
        same = samples == np.multiply(self.key, _step(self))
        return same.all(axis=-1) if isinstance(self.key, tuple) else same

    def _into_palette(self, colours: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices (N,) for colours (N, 3) uint8, and the palette with what had to be added."""
        indices = self.samples if self.mode == "P" else self.samples[..., 0]
        opaque = np.ones(256, bool)
        if self.palette_alpha is not None:
            opaque[: len(self.palette_alpha)] = self.palette_alpha == 255
        used = np.bincount(indices[~hole], minlength=256) > 0
        # Known pixels may use an index beyond the palette: that shows black, and the slot must stay black.
        length = max(len(self.palette), int(np.flatnonzero(used).max(initial=0)) + 1)
        palette = np.pad(self.palette, ((0, length - len(self.palette)), (0, 0)))
        room = 1 << (self.bits or 8)
        free = [*range(length, room), *np.flatnonzero(~used[:length] & opaque[:length])]

        packed = formats.packed(colours)
        wanted = np.setdiff1d(packed, formats.packed(palette[opaque[:length]]))
        new = formats.unpacked(wanted)
        if len(new) > len(free):
            new = formats.median_cut(colours, len(free))
        for slot, colour in zip(free, new, strict=False):
            palette = np.pad(palette, ((0, max(0, slot + 1 - len(palette))), (0, 0)))
            palette[slot] = colour
        candidates = np.flatnonzero(opaque[: len(palette)])
        if len(colours) and not len(candidates):
            raise InputError(f"the palette of {self.name} has no opaque colour left to fill the hole with")
        values, where = np.unique(packed, return_inverse=True)
        slots = candidates[formats.nearest(formats.unpacked(values), palette[candidates])].astype(np.uint8)
        return slots[where.ravel()], palette


def read_picture(path: str | Path) -> Picture:
    """Read a PNG, JPEG, WebP, BMP, TIFF or GIF file at its own depth, upright; the first of several frames.

    Raises:
        InputError: for whatever cannot be read whole and without loss; the message names the file.
    """
    name, data = str(path), _file_bytes(Path(path))
    with _plain_errors(name), Image.open(io.BytesIO(data), formats=formats.READABLE) as image:
        return _from_pil(image, name, data)


def write_picture(picture: Picture, path: str | Path) -> list[str]:
    """Write a picture in the format that the suffix names; an existing file is replaced only by a whole one.

    Returns one sentence for each thing that could not be kept; empty if the file holds everything exactly.

    Raises:
        InputError: for an unknown suffix, a place that cannot be written to, a size the format cannot hold.
    """
    path = Path(path)
    target = formats.format_of(path)
    picture, notes = formats.fitted(picture, target)
    with write_beside(path) as temporary:
        try:
            formats.save(picture, temporary, target)
        except OSError:
            raise  # write_beside says it in a sentence
        except Exception as error:  # encoders report a size or value beyond the format in many ways
            raise InputError(f"cannot write {path} as {target.name}: {_sentence(error)}") from error
    return notes


def read_mask(path: str | Path, invert: bool = False) -> np.ndarray:
    """Read a mask file: (H, W) bool, True = hole, upright. See `mask_from_pil` for how it is cut.

    Raises:
        InputError: as `read_picture`.
    """
    return _hole(read_picture(path), invert)


def mask_from_pil(image: Image.Image, invert: bool = False, name: str = "the mask") -> np.ndarray:
    """Cut an image to a mask: (H, W) bool, True (hole) where its luminance is above half of full scale.

    Where opacity varies, the mask is seen over black: transparent pixels are known, so white strokes on a
    transparent layer are holes. An alpha channel that is the same everywhere says nothing and is ignored.
    `invert` is applied last.

    Raises:
        InputError: as `Picture.from_pil`.
    """
    return _hole(Picture.from_pil(image, name), invert)


def list_pictures(folder: str | Path, recursive: bool = True) -> list[Path]:
    """Files below `folder` with a suffix of `PICTURE_SUFFIXES`, in natural order (img2 before img10).

    Hidden files and folders (leading dot) are skipped, linked folders not entered. May be empty.

    Raises:
        InputError: if `folder` is missing, is no folder or cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    found: list[Path] = []
    try:
        for place, folders, files in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if recursive and not name.startswith(".")]
            paths = (Path(place, name) for name in files if not name.startswith("."))
            found += [path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()]
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    return sorted(found, key=lambda path: ([_natural(part) for part in path.parts], str(path)))


# --- reading ---------------------------------------------------------------------------------------------


def _file_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path} is a folder, give a picture file")
    if not path.exists():
        raise InputError(f"there is no file {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if not data:
        raise InputError(f"{path} is empty (0 bytes)")
    return data


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises on a bad file into one sentence that names the file."""
    tolerant, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    except InputError as error:
        raise error if name in str(error) else InputError(f"cannot use {name}: {error}") from error
    except UnidentifiedImageError as error:
        kinds = "PNG, JPEG, WebP, BMP, TIFF or GIF"
        raise InputError(f"{name} is not a picture that can be read ({kinds}), or is damaged") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise InputError(f"{name} is larger than the limit of {limit} pixels") from error
    except Exception as error:  # decoders meet hostile bytes: any exception there means an unusable file
        raise InputError(f"cannot read {name}: it is damaged or cut short ({_sentence(error)})") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant


def _from_pil(image: Image.Image, name: str, data: bytes = b"") -> Picture:
    """`Picture.from_pil`; `data` are the bytes of the file, where known, for what Pillow does not tell."""
    exif = image.getexif()
    orientation = stored_orientation = exif.get(_ORIENTATION, 1)
    jpeg, frames = formats.jpeg_options_of(image), getattr(image, "n_frames", 1)
    bits = formats.source_bits(image, data) if data else None
    deep = formats.deep_samples(image, data) if data else None
    image.load()  # also where `deep` was decoded elsewhere: only Pillow notices every truncation
    if image.format == "TIFF" and deep is None:
        orientation = image.getexif().get(_ORIENTATION, 1)  # Pillow turns TIFFs while loading

    samples, mode = deep or (np.asarray(image), image.mode)
    if mode in ("I;16L", "I;16N"):
        mode = "I;16"
    if mode not in _EIGHT_BIT + formats.DEEP + ("I", "F"):
        raise InputError(f"{name} has the colour mode {mode}, which is not supported: convert it to RGB")
    if not samples.size:
        raise InputError(f"{name} has no pixels")
    samples = np.array(_TURNS.get(orientation, lambda a: a)(samples), samples.dtype.newbyteorder("="), order="C")
    palette, palette_alpha = formats.palette_of(image) if mode in ("P", "PA") else (None, None)
    exif_bytes, lost = formats.upright_exif(exif, image.format == "TIFF", name)
    if "xmp" in image.info or "XML:com.adobe.xmp" in image.info:
        lost.append(f"the XMP metadata of {name} are not kept")
    return Picture(
        samples=samples,
        mode=mode,
        full_scale=_full_scale(samples, mode, bits, name),
        bits=bits,
        palette=palette,
        palette_alpha=palette_alpha if mode == "P" else None,
        key=_transparent_colour(image, mode),
        icc_profile=image.info.get("icc_profile") or None,
        exif=exif_bytes,
        dpi=formats.dpi_of(image, stored_orientation),
        jpeg=jpeg,
        png_chunks=formats.kept_chunks(data),
        frames=frames,
        lost=tuple(lost),
        name=name,
    )


def _transparent_colour(image: Image.Image, mode: str) -> int | tuple[int, ...] | None:
    given = image.info.get("transparency")
    if mode in ("1", "L", "I;16") and isinstance(given, int):
        return given
    return tuple(given) if mode in ("RGB", "RGB;16") and isinstance(given, tuple) else None


def _full_scale(samples: np.ndarray, mode: str, bits: int | None, name: str) -> float:
    if mode == "1":
        return 1.0
    if mode in _EIGHT_BIT:
        return 255.0
    if mode in formats.DEEP:
        return float(2 ** (bits or 16) - 1)
    low, high = float(samples.min()), float(samples.max())
    if mode == "I" and low >= 0:
        return 65535.0 if high <= 65535 else 2.0**31 - 1
    if mode == "F" and low >= 0 and high <= 255:
        return 1.0 if high <= 1 else 255.0
    wanted = "at least 0" if mode == "I" else "within 0 to 1 or 0 to 255"
    raise InputError(f"{name} has samples from {low:g} to {high:g}, in mode {mode} they must be {wanted}")


def _hole(mask: Picture, invert: bool) -> np.ndarray:
    grey = mask.rgb() @ _LUMINANCE
    alpha = mask.alpha()
    if alpha is not None and alpha.min() != alpha.max():
        grey = grey * alpha
    return (grey > 0.5) != invert


def _raise(error: OSError) -> None:
    raise error


def _natural(text: str) -> list[str | int]:
    """Text and numbers in turn, always starting with text, so that any two compare."""
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", text)]


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# --- sample values ------------------------------------------------------------------------------


def _step(picture: Picture) -> int:
    """Distance of neighbouring sample values: Pillow spreads 2- and 4-bit grey over 0..255."""
    return 255 // ((1 << picture.bits) - 1) if picture.mode == "L" and picture.bits in (2, 4) else 1


def _native(colours: np.ndarray, mode: str, full_scale: float, step: int = 1) -> np.ndarray:
    """Colours (..., 3) float64 in [0, 1] as samples of a mode without its alpha: (...) grey or (..., C)."""
    if mode in ("CMYK", "YCbCr"):
        image = Image.fromarray(np.rint(colours.reshape(1, -1, 3) * 255).astype(np.uint8))
        pixels = np.asarray(image.convert(mode)) if len(colours) else np.empty((0, len(image.getbands())), np.uint8)
        return pixels.reshape(*colours.shape[:-1], -1)
    values = colours if mode.startswith("RGB") else colours @ _LUMINANCE
    if mode == "1":
        return values > 0.5
    if mode == "F":
        return (values * full_scale).astype(np.float32)
    kind = np.uint16 if mode in formats.DEEP else np.int32 if mode == "I" else np.uint8
    return (np.rint(values * full_scale / step) * step).astype(kind)
