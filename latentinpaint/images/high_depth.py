"""16-bit colour PNG and TIFF, which Pillow would cut to 8 bits.

Conventions
- A mode is Pillow's name; `RGB;16`, `RGBA;16` and `LA;16` are ours, for uint16 samples in RGB order.
- Pillow opens 16-bit colour PNG and TIFF but returns 8 bits. `deep_samples` finds these files and decodes
  them with OpenCV or tifffile; `deep_png` and `deep_tiff` write them.
- What cannot be read without losing depth is refused with `InputError`, never reduced.

PNG: https://www.w3.org/TR/png-3/ (chunk layout in section 5, filter type "Up" in section 9).
"""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.metadata import PNG_SIGNATURE, Chunk

DEEP_COLOUR = ("LA;16", "RGB;16", "RGBA;16")
DEEP = ("I;16", "I;16B", *DEEP_COLOUR)


def deep_samples(image: Image.Image, data: bytes) -> tuple[np.ndarray, str] | None:
    """Samples and mode of a file with more than 8 bits and several channels; None for all other files.

    `image` is `data` opened by Pillow. Samples are (H, W, C) uint16 as stored, orientation not applied.

    Raises:
        InputError: for deep files of other kinds (float colour, CMYK, premultiplied alpha).
    """
    if image.format == "PNG" and data[24] == 16 and data[25] in (2, 4, 6):
        return _deep_png_samples(data)
    if image.format == "TIFF" and image.tag_v2.get(277, 1) > 1 and image.tag_v2.get(258, (1,))[0] > 8:
        return _deep_tiff_samples(data)
    return None


def _deep_png_samples(data: bytes) -> tuple[np.ndarray, str]:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise InputError("the 16-bit PNG cannot be decoded")
    # OpenCV answers BGR or BGRA: it repeats the grey of LA, and adds an alpha where a tRNS chunk names a
    # transparent colour (which is kept as that chunk, so this alpha is dropped).
    order, mode = {2: ((2, 1, 0), "RGB;16"), 4: ((0, 3), "LA;16"), 6: ((2, 1, 0, 3), "RGBA;16")}[data[25]]
    return np.ascontiguousarray(pixels[..., order]), mode


def _deep_tiff_samples(data: bytes) -> tuple[np.ndarray, str]:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        alpha_is_straight = tuple(int(kind) for kind in page.extrasamples) in ((), (2,))
        mode = {3: "RGB;16", 4: "RGBA;16"}.get(page.samplesperpixel)
        if page.dtype != np.uint16 or page.photometric != 2 or mode is None or not alpha_is_straight:
            raise InputError("deep colour TIFFs are read as 16-bit RGB or straight-alpha RGBA only")
        try:
            pixels = page.asarray()
        except ValueError as error:
            # tifffile needs imagecodecs for LZW; OpenCV's libtiff has it, but turns pictures by itself.
            if "imagecodecs" not in str(error) or page.tags.valueof(274, default=1) != 1:
                raise
            pixels = _deep_tiff_by_opencv(data)
        separate_planes = int(page.planarconfig) == 2 and pixels.shape[0] == page.samplesperpixel
        return np.ascontiguousarray(np.moveaxis(pixels, 0, -1) if separate_planes else pixels), mode


def _deep_tiff_by_opencv(data: bytes) -> np.ndarray:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise InputError("the compression of this 16-bit TIFF is not supported, save it with deflate or none")
    return pixels[..., (2, 1, 0, 3)[: pixels.shape[-1]]]


def deep_png(samples: np.ndarray, chunks: list[Chunk]) -> bytes:
    """A PNG file of (H, W, 2 | 3 | 4) uint16 samples; `chunks` go before the pixels in the order given."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    # Each row is led by its filter's number: 2 is "Up", the difference to the row above, modulo 256.
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    pixels = zlib.compress(filtered.tobytes(), 6)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(_framed(kind, content) for kind, content in parts)


def _framed(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deep_tiff(
    path: Path,
    samples: np.ndarray,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    texts: dict[int, str],
) -> None:
    """Write (H, W, 3 | 4) uint16 samples as a deflate-compressed TIFF; `texts` are ASCII by tag number."""
    import tifffile

    options: dict[str, Any] = {"resolution": dpi, "resolutionunit": "INCH"} if dpi else {}
    if samples.shape[-1] == 4:
        options["extrasamples"] = ["unassalpha"]
    options["extratags"] = [(tag, 2, 0, text, True) for tag, text in texts.items()]
    options |= {"software": False, "metadata": None, "iccprofile": icc}
    tifffile.imwrite(path, samples, photometric="rgb", compression="zlib", **options)
