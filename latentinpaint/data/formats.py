"""File formats: what each can hold, and the 16-bit colour files that Pillow would cut to 8 bits.

Conventions
- A mode is Pillow's name; `RGB;16`, `RGBA;16` and `LA;16` are ours, for uint16 samples in RGB order.
- Pillow opens 16-bit colour PNG and TIFF but returns 8 bits. `deep_samples` finds these files and decodes
  them with OpenCV or tifffile; `deep_png` and `deep_tiff` write them.
- What cannot be read without losing depth is refused with `InputError`, never reduced.

PNG chunks: https://www.w3.org/TR/png-3/ (layout in section 5, filter type "Up" in section 9).
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin

from latentinpaint.errors import InputError

if TYPE_CHECKING:
    from latentinpaint.data.images import Picture

Chunk = tuple[bytes, bytes]
DEEP_COLOUR = ("LA;16", "RGB;16", "RGBA;16")
DEEP = ("I;16", "I;16B", *DEEP_COLOUR)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112
# IFD0 of a TIFF also describes how its pixels are laid out; only these entries belong to the picture:
# description, make, model, software, date, artist, copyright, and the EXIF and GPS folders.
_TIFF_EXIF = (270, 271, 272, 305, 306, 315, 33432, 34665, 34853)


@dataclass(frozen=True)
class Format:
    """What a file format can hold: modes that it returns unchanged, and metadata."""

    name: str
    modes: frozenset[str]
    icc: bool = False
    exif: bool = False
    dpi: bool = False


PNG = Format("PNG", frozenset("1 L LA P RGB RGBA I;16 LA;16 RGB;16 RGBA;16".split()), True, True, True)
JPEG = Format("JPEG", frozenset("L RGB CMYK".split()), icc=True, exif=True, dpi=True)
WEBP = Format("WebP", frozenset("RGB RGBA".split()), icc=True, exif=True)
BMP = Format("BMP", frozenset("1 L P RGB".split()), dpi=True)
GIF = Format("GIF", frozenset("L P".split()))
TIFF = Format("TIFF", frozenset("1 L LA P PA RGB RGBA CMYK I;16 I;16B I F RGB;16 RGBA;16".split()), True, True, True)
BY_SUFFIX = {
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".jpe": JPEG,
    ".jfif": JPEG,
    ".webp": WEBP,
    ".bmp": BMP,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".gif": GIF,
}
# Pillow's names of what is opened. The list is short on purpose: each was checked to lose no depth, and the
# rarer decoders (EPS starts Ghostscript) have no business with files from strangers.
READABLE = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")

# Where a format lacks a mode, the next best in order: first what keeps most.
FALLBACKS = {
    "1": ("L", "RGB"),
    "L": ("RGB",),
    "LA": ("RGBA", "L", "RGB"),
    "P": ("RGB",),
    "PA": ("RGBA", "RGB", "P"),
    "RGB": ("P",),
    "RGBA": ("RGB", "P"),
    "CMYK": ("RGB", "P"),
    "YCbCr": ("RGB", "P"),
    "I;16": ("L", "RGB"),
    "I;16B": ("I;16", "L", "RGB"),
    "I": ("I;16", "L", "RGB"),
    "F": ("I;16", "L", "RGB"),
    "LA;16": ("RGBA;16", "RGBA", "L", "RGB"),
    "RGB;16": ("RGB", "P"),
    "RGBA;16": ("RGBA", "RGB", "P"),
}


def format_of(path: str | Path) -> Format:
    """The format that the suffix of `path` names (any case).

    Raises:
        InputError: for any other suffix; the message lists those supported.
    """
    found = BY_SUFFIX.get(Path(path).suffix.lower())
    if found is None:
        raise InputError(f"cannot write {path}: give it one of the suffixes {', '.join(BY_SUFFIX)}")
    return found


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield (kind, content) of the chunks of a PNG file, and nothing for other files."""
    position = len(PNG_SIGNATURE)
    while data.startswith(PNG_SIGNATURE) and position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 12 + length


def kept_chunks(data: bytes) -> tuple[Chunk, ...]:
    """Colour and text chunks of a PNG that hold for any picture of the same colours.

    Left out are XMP and "Raw profile" texts: they may repeat an EXIF orientation that no longer holds.
    """
    kinds = (b"cHRM", b"cICP", b"gAMA", b"sRGB", b"tEXt", b"zTXt", b"iTXt")
    stale = (b"XML:com.adobe.xmp", b"Raw profile type")
    return tuple((kind, text) for kind, text in png_chunks(data) if kind in kinds and not text.startswith(stale))


def source_bits(image: Image.Image, data: bytes) -> int | None:
    """Bits per sample in the file that `image` was opened from; None where the format does not vary.

    Raises:
        InputError: where Pillow would silently round (64-bit TIFF).
    """
    if data.startswith(PNG_SIGNATURE):
        return data[24]
    if image.format != "TIFF":
        return None
    bits = image.tag_v2.get(258, (1,))[0]
    if bits > 32:
        raise InputError(f"{bits}-bit samples are not supported, use 16-bit or 32-bit ones")
    return bits


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
    return PNG_SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def metadata_chunks(
    icc: bytes | None, exif: bytes | None, dpi: tuple[float, float] | None, key: tuple[int, ...] | None
) -> list[Chunk]:
    """PNG chunks for an ICC profile, EXIF, resolution, and the transparent colour `key`."""
    chunks: list[Chunk] = []
    if icc:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if key:
        chunks.append((b"tRNS", struct.pack(f">{len(key)}H", *key)))
    if dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in dpi), 1)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return chunks


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


# --- metadata of an opened image -------------------------------------------------------------------------


def palette_of(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours (N, 3) and opacity (N,) of a palette, uint8; None for an opacity that is full everywhere."""
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    given = image.info.get("transparency")
    if isinstance(given, bytes):
        alpha = np.frombuffer(given.ljust(len(colours), b"\xff")[: len(colours)], np.uint8)
    elif isinstance(given, int):
        alpha = np.where(np.arange(len(colours)) == given, 0, 255).astype(np.uint8)
    elif image.palette is not None and image.palette.mode == "RGBA":
        alpha = np.array(image.getpalette("RGBA"), np.uint8)[3::4]
    else:
        return colours, None
    return colours, None if (alpha == 255).all() else alpha


def upright_exif(exif: Image.Exif, is_tiff: bool, name: str) -> tuple[bytes | None, list[str]]:
    """The EXIF with orientation 1. Pillow leaves out the thumbnail: it would show what was inpainted."""
    try:
        kept = Image.Exif()
        if is_tiff:
            kept = _descriptive(exif)
        elif len(exif):
            kept.load(exif.tobytes())
        if _ORIENTATION in kept:
            kept[_ORIENTATION] = 1
        return (kept.tobytes() if len(kept) else None), []
    except Exception:  # a damaged EXIF is no reason to refuse a sound picture
        return None, [f"the EXIF data of {name} are damaged and not kept"]


def tiff_exif(exif: bytes | None) -> tuple[dict[int, str], bytes | None]:
    """What of an EXIF may go into the first folder of a TIFF.

    Returns its plain ASCII texts by tag, and all of it as bytes; None if the texts are all there is.
    """
    whole = Image.Exif()
    if exif:
        whole.load(exif)
    kept = _descriptive(whole)
    texts = {tag: value for tag, value in kept.items() if isinstance(value, str) and value.isascii()}
    return texts, None if len(texts) == len(kept) else kept.tobytes()


def _descriptive(exif: Image.Exif) -> Image.Exif:
    kept = Image.Exif()
    for tag in _TIFF_EXIF:
        if tag in exif:
            kept[tag] = exif.get_ifd(tag) if tag in (34665, 34853) else exif[tag]
    return kept


def dpi_of(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Dots per inch along the upright (x, y); None where unknown or absurd."""
    try:
        x, y = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    return (y, x) if orientation >= 5 else (x, y)


def jpeg_options_of(image: Image.Image) -> dict[str, Any] | None:
    """Options that make Pillow write a JPEG with the quantisation and sampling of this one."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    options: dict[str, Any] = {"qtables": {index: list(table) for index, table in image.quantization.items()}}
    # -1 stands for grey and for rare samplings that Pillow cannot write; full chroma loses least there.
    options["subsampling"] = max(0, JpegImagePlugin.get_sampling(image))
    options["progressive"] = bool(image.info.get("progressive"))
    return options | ({"comment": image.info["comment"]} if image.info.get("comment") else {})


# --- palettes --------------------------------------------------------------------------------------------


def packed(colours: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 colours as (N,) integers 0xRRGGBB."""
    return colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def unpacked(values: np.ndarray) -> np.ndarray:
    """The inverse of `packed`: (N, 3) uint8."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)


def median_cut(colours: np.ndarray, count: int) -> np.ndarray:
    """At most `count` colours that stand for (N, 3) uint8 `colours`, by Pillow's median cut."""
    if count == 0:
        return np.empty((0, 3), np.uint8)
    strip = Image.fromarray(np.ascontiguousarray(colours[None]))
    reduced = strip.quantize(count, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return np.array(reduced.getpalette("RGB"), np.uint8).reshape(-1, 3)[:count]


def nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """For each of (N, 3) `colours` the index of the closest of (M, 3) `palette`, squared RGB distance."""
    # Whole numbers below 2^24, so float32 is exact. Pieces keep the distance table small.
    choices = palette.astype(np.float32)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(colours), 1 << 16):
        piece = colours[start : start + (1 << 16)].astype(np.float32)
        found.append(((choices**2).sum(1) - 2 * piece @ choices.T).argmin(1))
    return np.concatenate(found)


# --- writing ---------------------------------------------------------------------------------------------


def fitted(picture: "Picture", target: Format) -> tuple["Picture", list[str]]:
    """The picture as `target` can hold it, and a sentence for each thing that it cannot."""
    notes, kind, alpha = list(picture.lost), target.name, picture.alpha()
    if picture.frames > 1:
        notes.append(f"{picture.name} has {picture.frames} frames: only the first is written")
    mode = _fitting_mode(picture, target)
    out = picture
    if mode != picture.mode:
        out = picture.converted(mode)
        if (picture.mode, mode) != ("I;16B", "I;16"):  # the byte order alone is no loss
            notes.append(f"{kind} cannot hold it as {_spoken(picture.mode)}: written as {_spoken(mode)}")
    elif alpha is not None and not _keeps_transparency(picture, target):
        out = replace(out, palette_alpha=None, key=None)
    if alpha is not None and out.alpha() is None and alpha.min() < 1:
        notes.append(f"{kind} keeps no transparency of this kind: it is lost")
    if target is WEBP and mode == "RGBA" and alpha is not None and alpha.min() == 1:
        notes.append("WebP stores no alpha channel that is opaque everywhere: it will open as RGB")
    if target is JPEG:
        notes.append("JPEG is lossy: known pixels change slightly, write PNG to keep them exactly")
    written = _written_bits(out, target)
    if out.bits and out.bits != written:
        notes.append(f"{out.bits}-bit samples are written as {written}-bit")
    space = (out.icc_profile or b"")[16:20]
    if out.icc_profile and not target.icc:
        out = replace(out, icc_profile=None)
        notes.append(f"{kind} keeps no ICC profile: it is lost")
    elif mode != picture.mode and (space == b"CMYK" or space == b"GRAY" and mode.startswith("RGB")):
        out = replace(out, icc_profile=None)
        notes.append("the ICC profile does not fit the new colour mode: it is lost")
    if out.exif and not target.exif:
        out = replace(out, exif=None)
        notes.append(f"{kind} keeps no EXIF data: they are lost")
    elif target is TIFF and mode in DEEP_COLOUR and tiff_exif(out.exif)[1] is not None:
        notes.append("TIFF of 16-bit colour keeps only the plain texts of the EXIF data")
    if out.dpi and not target.dpi:
        out = replace(out, dpi=None)
        notes.append(f"{kind} keeps no resolution (dpi): it is lost")
    chunks = {name for name, _ in out.png_chunks}
    if b"sRGB" in chunks:  # what an untagged file means anyway, and gAMA and cHRM then repeat it
        chunks -= {b"sRGB", b"gAMA", b"cHRM"}
    if target is not PNG and chunks:
        notes.append(f"{kind} keeps no text or colour chunks of a PNG: they are lost")
    return out, notes


def _keeps_transparency(picture: "Picture", target: Format) -> bool:
    """Whether a transparent colour or palette entries stay what they are: all in PNG, one entry in GIF."""
    if picture.palette_alpha is None and picture.key is None:
        return True
    entries = picture.palette_alpha
    one_entry = entries is not None and (entries == 0).sum() == 1 and (entries == 255).sum() == len(entries) - 1
    return target is PNG or (target is GIF and (one_entry or picture.mode == "L"))


def _fitting_mode(picture: "Picture", target: Format) -> str:
    choices = (picture.mode, *FALLBACKS[picture.mode])
    if not _keeps_transparency(picture, target):
        choices = (*(("RGBA;16",) if picture.mode in DEEP else ()), "RGBA", *choices)
    return next(mode for mode in choices if mode in target.modes)


def _written_bits(picture: "Picture", target: Format) -> int:
    if target is PNG and picture.mode in ("L", "P") and picture.bits:
        return picture.bits
    return {"1": 1, "I": 32, "F": 32}.get(picture.mode, 16 if picture.mode in DEEP else 8)


def _spoken(mode: str) -> str:
    names = {"1": "1-bit mode", "I;16B": "16-bit grey", "I;16": "16-bit grey", "I": "32-bit integers"}
    names |= {"F": "floating point", "P": "palette", "PA": "palette with alpha", "L": "8-bit grey"}
    names |= {
        "LA": "grey with alpha",
        "LA;16": "16-bit grey with alpha",
        "RGB": "8-bit RGB",
        "RGBA": "8-bit RGBA",
    }
    return names.get(mode, f"16-bit {mode[:-3]}" if mode.endswith(";16") else mode)


def save(picture: "Picture", path: Path, target: Format) -> None:
    """Write a picture that `fitted` made for `target`."""
    if picture.mode in DEEP_COLOUR:
        if target is TIFF:
            texts, _ = tiff_exif(picture.exif)
            deep_tiff(path, picture.samples, picture.icc_profile, picture.dpi, texts)
        else:
            colour, text = _split(picture)
            chunks = metadata_chunks(picture.icc_profile, picture.exif, picture.dpi, picture.key)
            path.write_bytes(deep_png(picture.samples, colour + chunks + text))
        return
    options = {"icc_profile": picture.icc_profile, "exif": picture.exif, "dpi": picture.dpi}
    options = {key: value for key, value in options.items() if value is not None}
    image = picture.to_pil()
    options |= _OPTIONS[target](picture, image)
    image.save(path, format=target.name.upper(), **options)


def _split(picture: "Picture") -> tuple[list[Chunk], list[Chunk]]:
    """Colour chunks and text chunks; an ICC profile and sRGB exclude each other."""
    chunks = [chunk for chunk in picture.png_chunks if not (picture.icc_profile and chunk[0] == b"sRGB")]
    is_text = [kind.endswith(b"Xt") for kind, _ in chunks]
    colour = [chunk for chunk, text in zip(chunks, is_text, strict=True) if not text]
    return colour, [chunk for chunk, text in zip(chunks, is_text, strict=True) if text]


def _png_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    for kind, content in picture.png_chunks:
        info.add(kind, content)
    bits = _written_bits(picture, PNG)
    if picture.mode == "P":
        # Pillow takes the fewest bits that number the palette; unused black entries keep the depth.
        least = (1 << bits // 2) + 1 if bits > 1 else 1
        colours = np.pad(picture.palette, ((0, max(0, least - len(picture.palette))), (0, 0)))
        image.putpalette(colours.tobytes())
    return {"pnginfo": info} | ({"bits": bits} if picture.mode in ("L", "P") else {})


def _jpeg_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    return picture.jpeg or {"quality": 95, "subsampling": 0}


def _webp_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    return {"lossless": True, "exact": True}


def _tiff_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    texts, more = tiff_exif(picture.exif)
    # Through libtiff Pillow writes ASCII texts only, and in the machine's byte order; its own writer, which
    # does not compress, keeps EXIF and GPS folders and big-endian samples.
    plain = picture.mode == "I;16B" or more is not None
    options: dict[str, Any] = {} if plain else {"compression": "tiff_adobe_deflate"}
    return options | {"exif": b"", "tiffinfo": texts} if more is None else options | {"exif": more}


def _gif_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    options: dict[str, Any] = {"optimize": False}  # optimising renumbers the palette
    image.info.pop("transparency", None)
    if picture.palette_alpha is not None:
        options["transparency"] = int(picture.palette_alpha.argmin())
    elif picture.key is not None:
        options["transparency"] = picture.key
    return options


def _bmp_options(picture: "Picture", image: Image.Image) -> dict[str, Any]:
    return {}


_OPTIONS = {
    PNG: _png_options,
    JPEG: _jpeg_options,
    WEBP: _webp_options,
    BMP: _bmp_options,
    TIFF: _tiff_options,
    GIF: _gif_options,
}
