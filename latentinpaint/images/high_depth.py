"""16-bit colour PNG and TIFF, which Pillow would cut to 8 bits.

Conventions
- A mode is Pillow's name; `RGB;16`, `RGBA;16` and `LA;16` are ours, for uint16 samples in RGB order.
- Pillow opens 16-bit colour PNG and TIFF but returns 8 bits. `sixteen_bit_colour` recognises these files and
  decodes them with OpenCV or tifffile; `encode_png` and `encode_tiff` encode them.
- What cannot be read without losing depth is refused with `InputError`, never reduced.

PNG: https://www.w3.org/TR/png-3/ (chunk layout in section 5, filter type "Up" in section 9).
"""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.png_chunks import PNG_SIGNATURE, Chunk

SIXTEEN_BIT_COLOUR_MODES = ("LA;16", "RGB;16", "RGBA;16")
SIXTEEN_BIT_MODES = ("I;16", "I;16B", *SIXTEEN_BIT_COLOUR_MODES)

# By PNG's colour type: the mode, and its channels among those that OpenCV returns.
_PNG_MODES = {2: ("RGB;16", (2, 1, 0)), 4: ("LA;16", (0, 3)), 6: ("RGBA;16", (2, 1, 0, 3))}
_PNG_COLOUR_TYPES = {2: 4, 3: 2, 4: 6}  # by the number of channels
_TIFF_MODES = {3: "RGB;16", 4: "RGBA;16"}
_BYTE = 1  # types of TIFF entries
_ASCII = 2


def sixteen_bit_colour(image: Image.Image, data: bytes) -> tuple[np.ndarray, str] | None:
    """Samples and mode of a file with more than 8 bits and several channels; None for all other files.

    Args:
        image: `data` opened by Pillow.
        data: the bytes of the file; may be empty where there is none.

    Returns:
        (H, W, C) uint16 as stored, orientation not applied, and the mode.

    Raises:
        InputError: for such files of other kinds (float colour, CMYK, premultiplied alpha).
    """
    if not data:
        return None
    if image.format == "PNG" and data[24] == 16 and data[25] in _PNG_MODES:
        return _decode_png(data)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        channels = image.tag_v2.get(277, 1)
        bits = image.tag_v2.get(258, (1,))[0]
        if channels > 1 and bits > 8:
            return _decode_tiff(data)
    return None


def _decode_png(data: bytes) -> tuple[np.ndarray, str]:
    pixels = _decode_by_opencv(data)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise InputError("the 16-bit PNG cannot be decoded")
    # OpenCV returns BGR or BGRA: it repeats the grey of LA, and adds an alpha where a tRNS chunk names a
    # transparent colour (which is kept as that chunk, so this alpha is dropped).
    mode, order = _PNG_MODES[data[25]]
    return np.ascontiguousarray(pixels[..., order]), mode


def _decode_tiff(data: bytes) -> tuple[np.ndarray, str]:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        mode = _TIFF_MODES.get(page.samplesperpixel)
        has_straight_alpha = tuple(map(int, page.extrasamples)) in ((), (2,))
        if page.dtype != np.uint16 or page.photometric != 2 or mode is None or not has_straight_alpha:
            raise InputError("deep colour TIFFs are read as 16-bit RGB or straight-alpha RGBA only")
        try:
            pixels = page.asarray()
        except ValueError as error:
            # tifffile needs imagecodecs for LZW; OpenCV's libtiff has it, but turns pictures by itself.
            if "imagecodecs" not in str(error) or page.tags.valueof(274, default=1) != 1:
                raise
            pixels = _decode_tiff_by_opencv(data)
        if int(page.planarconfig) == 2 and pixels.shape[0] == page.samplesperpixel:  # a plane for each channel
            pixels = np.moveaxis(pixels, 0, -1)
        return np.ascontiguousarray(pixels), mode


def _decode_tiff_by_opencv(data: bytes) -> np.ndarray:
    pixels = _decode_by_opencv(data)
    if pixels is None or pixels.dtype != np.uint16:
        raise InputError("the compression of this 16-bit TIFF is not supported, save it with deflate or none")
    return pixels[..., (2, 1, 0, 3)[: pixels.shape[-1]]]


def _decode_by_opencv(data: bytes) -> np.ndarray | None:
    """The pixels as OpenCV returns them: unchanged, but colours in the order BGR."""
    import cv2

    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def encode_png(samples: np.ndarray, chunks: list[Chunk]) -> bytes:
    """A PNG file of (H, W, 2 | 3 | 4) uint16 samples; `chunks` go before the pixels in the order given."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    # Each row is led by its filter's number: 2 is "Up", the difference to the row above, modulo 256.
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])
    header = struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOUR_TYPES[channels], 0, 0, 0)
    pixels = zlib.compress(filtered.tobytes(), 6)
    file = PNG_SIGNATURE
    for chunk_type, content in [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]:
        file += _encode_chunk(chunk_type, content)
    return file


def _encode_chunk(chunk_type: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + chunk_type + content + struct.pack(">I", zlib.crc32(chunk_type + content))
    )


def encode_tiff(
    samples: np.ndarray,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    entries: dict[int, str | bytes],
) -> bytes:
    """A deflate-compressed TIFF file of (H, W, 3 | 4) uint16 samples; `entries` by tag number are ASCII or bytes."""
    import tifffile

    options: dict[str, Any] = {"software": False, "metadata": None, "iccprofile": icc}
    if dpi:
        options |= {"resolution": dpi, "resolutionunit": "INCH"}
    if samples.shape[-1] == 4:
        options["extrasamples"] = ["unassalpha"]
    extra_tags: list[tuple[int, int, int, str | bytes, bool]] = []
    for tag, content in entries.items():
        if isinstance(content, str):
            extra_tags.append((tag, _ASCII, 0, content, True))
        else:
            extra_tags.append((tag, _BYTE, len(content), content, True))
    options["extratags"] = extra_tags
    encoded = io.BytesIO()
    tifffile.imwrite(encoded, samples, photometric="rgb", compression="zlib", **options)
    return encoded.getvalue()
