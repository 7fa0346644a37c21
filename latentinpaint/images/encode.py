"""Encoding a picture that fits its file format.

Files are made in memory: given a file of its own to write to, Pillow's JPEG encoder says nothing of a full disk.
"""

import io
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from latentinpaint.images.exif import tiff_exif
from latentinpaint.images.format_fitting import written_bits
from latentinpaint.images.high_depth import SIXTEEN_BIT_COLOUR_MODES, encode_png, encode_tiff
from latentinpaint.images.image_format import BMP, GIF, JPEG, PNG, TIFF, WEBP, ImageFormat
from latentinpaint.images.iptc import IPTC_TAG, iptc_segment
from latentinpaint.images.metadata import comment_text
from latentinpaint.images.picture import Picture
from latentinpaint.images.png_chunks import metadata_chunks, xmp_chunk

_XMP_TAG = 700  # of a TIFF


def encode(picture: Picture, target: ImageFormat) -> bytes:
    """The file of a picture that `fit_to_format` made for `target`."""
    if picture.mode in SIXTEEN_BIT_COLOUR_MODES:
        return _encode_sixteen_bit(picture, target)
    image = picture.to_pil()
    options: dict[str, Any] = {}
    if picture.icc_profile is not None:
        options["icc_profile"] = picture.icc_profile
    if picture.exif is not None:
        options["exif"] = picture.exif
    if picture.dpi is not None:
        options["dpi"] = picture.dpi
    options |= _OPTIONS[target](picture, image)
    return encode_image(image, target, **options)


def encode_image(image: Image.Image, target: ImageFormat, **options: Any) -> bytes:
    """The file of a Pillow image that `target` holds; `options` are those of Pillow's encoder."""
    encoded = io.BytesIO()
    image.save(encoded, format=target.name.upper(), **options)
    return encoded.getvalue()


def _encode_sixteen_bit(picture: Picture, target: ImageFormat) -> bytes:
    """16-bit colour, as a TIFF or else as a PNG."""
    if target is TIFF:
        texts, _ = tiff_exif(picture.exif)
        return encode_tiff(picture.samples, picture.icc_profile, picture.dpi, texts | _tiff_packets(picture))
    colour_chunks = []
    text_chunks = []
    for chunk_type, content in picture.png_chunks:
        if chunk_type.endswith(b"Xt"):
            text_chunks.append((chunk_type, content))
        elif chunk_type != b"sRGB" or not picture.icc_profile:  # a profile and sRGB exclude each other
            colour_chunks.append((chunk_type, content))
    if picture.xmp:
        text_chunks.append(xmp_chunk(picture.xmp))
    transparent = picture.transparent_colour
    if isinstance(transparent, int):
        transparent = (transparent,)
    chunks = metadata_chunks(picture.icc_profile, picture.exif, picture.dpi, transparent)
    return encode_png(picture.samples, colour_chunks + chunks + text_chunks)


def _png_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for chunk_type, content in picture.png_chunks:
        info.add(chunk_type, content)
    if picture.comment:
        info.add_text("Comment", comment_text(picture.comment))  # as international text where Latin-1 ends
    if picture.xmp:
        info.add(*xmp_chunk(picture.xmp))
    bits = written_bits(picture, PNG)
    if picture.mode == "P" and picture.palette is not None:
        image.putpalette(_padded_palette(picture.palette, bits).tobytes())
    if picture.mode in ("L", "P"):
        return {"pnginfo": info, "bits": bits}
    return {"pnginfo": info}


def _padded_palette(palette: np.ndarray, bits: int) -> np.ndarray:
    """The palette (N, 3) with as many unused black entries as make Pillow write `bits` bits a sample.

    Pillow takes the fewest bits that number the palette.
    """
    least = 1
    if bits > 1:
        least += 1 << bits // 2
    return np.pad(palette, ((0, max(0, least - len(palette))), (0, 0)))


def _jpeg_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options = dict(picture.jpeg_options or {"quality": 95, "subsampling": 0})
    if picture.comment:
        options["comment"] = picture.comment
    if picture.xmp:
        options["xmp"] = picture.xmp
    if picture.iptc:
        options["extra"] = iptc_segment(picture.iptc)
    return options


def _webp_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {"lossless": True, "exact": True}
    if picture.xmp:
        options["xmp"] = picture.xmp
    return options


def _tiff_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {}
    texts, exif = tiff_exif(picture.exif)
    # Through libtiff Pillow writes ASCII texts only, and in the machine's byte order; its own writer, which
    # does not compress, keeps EXIF and GPS folders and big-endian samples.
    if picture.mode != "I;16B" and exif is None:
        options["compression"] = "tiff_adobe_deflate"
    if exif is None:
        return options | {"exif": b"", "tiffinfo": texts | _tiff_packets(picture)}
    entries = Image.Exif()
    entries.load(exif)
    for tag, content in _tiff_packets(picture).items():
        entries[tag] = content
    return options | {"tiffinfo": entries}


def _tiff_packets(picture: Picture) -> dict[int, bytes]:
    """XMP and IPTC as entries of a TIFF."""
    packets = {}
    if picture.xmp:
        packets[_XMP_TAG] = picture.xmp
    if picture.iptc:
        packets[IPTC_TAG] = picture.iptc
    return packets


def _gif_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {"optimize": False}  # optimising renumbers the palette
    image.info.pop("transparency", None)
    if picture.comment:
        options["comment"] = picture.comment
    if picture.palette_alpha is not None:
        options["transparency"] = int(picture.palette_alpha.argmin())
    elif picture.transparent_colour is not None:
        options["transparency"] = picture.transparent_colour
    return options


def _bmp_options(picture: Picture, image: Image.Image) -> dict[str, Any]:
    return {}


_OPTIONS = {
    PNG: _png_options,
    JPEG: _jpeg_options,
    WEBP: _webp_options,
    BMP: _bmp_options,
    TIFF: _tiff_options,
    GIF: _gif_options,
}
