"""What a file holds beside its pixels: resolution, JPEG settings, comments; and sentences on what is not kept.

Resolution is (x, y) dots per inch of the upright picture. `exif.py` and `png_chunks.py` have the rest.
"""

from collections.abc import Mapping
from typing import Any

from PIL import Image, JpegImagePlugin, TiffImagePlugin, TiffTags

from latentinpaint.errors import listed
from latentinpaint.images.bare_file import TIFF_STRUCTURE
from latentinpaint.images.exif import TIFF_EXIF
from latentinpaint.images.xmp import cleaned_xmp

_GEOGRAPHY_TAGS = frozenset([33550, 33922, 34264, 34735])  # of GeoTIFF 1.1: scale, tie points, transformation, keys
_PATH_BLOCKS = range(2000, 2999)  # of Photoshop
# What is kept or reported, and what holds for the source alone: orientation, resolution, sub-folders, XMP, IPTC,
# Photoshop's data, profile, geography, page number, and maker notes.
_KNOWN_TAGS = TIFF_STRUCTURE | TIFF_EXIF
_KNOWN_TAGS |= {274, 282, 283, 296, 297, 330, 700, 33723, 34377, 34675, 34736, 34737, 37500}
_MOST_NAMES = 6
_BITS = 258
_SAMPLES = 277
_EXTRA_SAMPLES = 338
_SAMPLE_FORMAT = 339


def dpi_of(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Dots per inch along the upright (x, y); None where unknown or absurd."""
    try:
        x, y = map(float, image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    if orientation >= 5:
        return y, x
    return x, y


def jpeg_options_of(image: Image.Image) -> dict[str, Any] | None:
    """Options that make Pillow write a JPEG with the quantisation and sampling of this one."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    return {
        "qtables": {index: list(table) for index, table in image.quantization.items()},
        # -1 stands for grey and for rare samplings that Pillow cannot write; full chroma loses least there.
        "subsampling": max(0, JpegImagePlugin.get_sampling(image)),
        "progressive": bool(image.info.get("progressive")),
    }


def comment_of(image: Image.Image) -> bytes | None:
    """The one comment of a JPEG or GIF, in whatever encoding it was written."""
    if image.format not in ("JPEG", "MPO", "GIF"):
        return None
    comment = image.info.get("comment")
    if not isinstance(comment, bytes) or not comment:
        return None
    return comment


def xmp_of(image: Image.Image, name: str) -> tuple[bytes | None, list[str]]:
    """The XMP packet for a filled picture, None where there is none, and sentences on what is left out."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if not packet:
        return None, []
    if isinstance(packet, str):
        packet = packet.encode()
    if not isinstance(packet, bytes):  # an entry of a TIFF may be of any type
        return None, [f"the XMP metadata of {name} are damaged and not kept"]
    return cleaned_xmp(packet, name)


def comment_text(comment: bytes) -> str:
    """A comment as text: UTF-8 if it is that, Latin-1 if not, without a closing zero."""
    plain = comment.rstrip(b"\0")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def unsupported_metadata(image: Image.Image, name: str) -> list[str]:
    """A sentence for each thing in a file that a `Picture` has no field for."""
    info = image.info
    sentences = []
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if not _GEOGRAPHY_TAGS.isdisjoint(image.tag_v2):
            sentences.append(f"the georeference of {name} is not kept")
        sentences += _unkept_tags(image.tag_v2, name)
        sentences += _changes_of_tiff(image.tag_v2, len(image.getbands()), name)
    if _has_clipping_path(image):
        sentences.append(f"the clipping paths of {name} are not kept")
    if any(str(key).startswith("Raw profile type") for key in info):
        sentences.append(f"the raw profile texts of {name} are not kept")
    if has_gain_map(image):
        sentences.append(
            f"the HDR gain map of {name} is not kept: it is the picture for ordinary displays that is filled"
        )
    if "icc_profile" in info and not info["icc_profile"]:
        sentences.append(f"the ICC profile of {name} is damaged and not kept")
    if _is_oblong(info):
        sentences.append(f"the pixels of {name} are meant to be oblong: that is not kept")
    return sentences


def _unkept_tags(tags: TiffImagePlugin.ImageFileDirectory_v2, name: str) -> list[str]:
    """The tags of a TIFF that are neither kept nor reported otherwise."""
    names = []
    for tag in sorted(set(tags) - _KNOWN_TAGS - _GEOGRAPHY_TAGS):
        known_name = TiffTags.lookup(tag).name
        if known_name == "unknown":
            names.append(str(tag))
        else:
            names.append(f"{tag} ({known_name})")
    if not names:
        return []
    return [f"these tags of {name} are not kept: {listed(names, _MOST_NAMES)}"]


def _has_clipping_path(image: Image.Image) -> bool:
    """Whether there is a path among the blocks of Photoshop."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        blocks = set(image.get_photoshop_blocks())
    else:
        blocks = set(image.info.get("photoshop") or {})
    return not blocks.isdisjoint(_PATH_BLOCKS)


def _changes_of_tiff(tags: Mapping[int, Any], bands: int, name: str) -> list[str]:
    """What Pillow leaves out, or changes, of a TIFF's samples."""
    sentences = []
    if tags.get(_SAMPLES, 1) > bands:
        sentences.append(f"{name} has {tags[_SAMPLES]} channels, of which {bands} are kept")
    if tags.get(_EXTRA_SAMPLES, ())[:1] == (1,):
        sentences.append(f"the premultiplied alpha of {name} becomes straight alpha, colours under it are rounded")
    if tags.get(_BITS, (1,))[0] == 32 and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        sentences.append(f"the unsigned 32-bit integers of {name} are written as signed ones")
    return sentences


def has_gain_map(image: Image.Image) -> bool:
    """Whether a JPEG says that a second picture behind it makes it brighter (ISO 21496-1, or Adobe's `hdrgm`)."""
    for _, content in getattr(image, "applist", ()):
        if b"hdrgm:Version" in content or content.startswith(b"urn:iso:std:iso:ts:21496:-1"):
            return True
    return False


def _is_oblong(info: Mapping[Any, Any]) -> bool:
    """Whether resolutions without a unit say that pixels are wider than high, or higher than wide."""
    if "dpi" in info:
        return False
    densities = info.get("aspect") or info.get("resolution")
    if not densities and info.get("jfif_unit") == 0:
        densities = info.get("jfif_density")
    if not densities:
        return False
    return bool(densities[0] != densities[1])
