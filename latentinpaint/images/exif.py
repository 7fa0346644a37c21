"""EXIF data that hold for a filled picture.

Conventions
- EXIF is raw bytes with the header `Exif` and two zeros. Its orientation is 1, because pictures are kept upright.
- Whatever may show the picture before it was filled is left out: the thumbnail, which is the second folder, previews
  in further folders, maker notes, and any entry that holds a JPEG.
- Tags are numbers as in EXIF 2.32 and TIFF 6.0.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from PIL import Image

from latentinpaint.images.decoder_warnings import caught_warnings
from latentinpaint.images.orientation import ORIENTATION

MAKER_NOTE = 0x927C
_EXIF_FOLDER = 0x8769
_GPS_FOLDER = 0x8825
_INTEROPERABILITY = 0xA005
_FOLDERS = (_EXIF_FOLDER, _GPS_FOLDER)
# IFD0 of a TIFF also describes how its pixels are laid out; only these entries belong to the picture: name,
# description, make, model, page, software, date, artist, host, rating, Windows' texts, copyright, and the folders.
TIFF_EXIF = frozenset(
    [269, 270, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, *range(40091, 40096), 33432, *_FOLDERS]
)
# How pixels of the source were laid out, its second and further folders, its profile, XMP, IPTC, Photoshop's data
# and layers, and raw originals: of no use, or a copy of what was there.
_LEFT_OUT = frozenset(
    [254, 255, 258, 259, 262, 273, 277, 278, 279, 284, 322, 323, 324, 325, 330, 513, 514, 700]
    + [33723, 34377, 34675, 37724, MAKER_NOTE, 50740, 50828, *_FOLDERS, _INTEROPERABILITY]
)
_SIZE = (0x0100, 0x0101)  # ImageWidth, ImageLength
_EXIF_SIZE = (0xA002, 0xA003)  # PixelXDimension, PixelYDimension
_RELATED_SIZE = (0x1001, 0x1002)  # of the interoperability folder
_RESOLUTION = (0x011A, 0x011B)
_FOCAL_RESOLUTION = (0xA20E, 0xA20F)
_PLACES = (0x9214, 0xA214)  # SubjectArea, SubjectLocation: x and y first
_JPEG_START = b"\xff\xd8\xff"


def upright_exif(
    exif: Image.Exif, is_tiff: bool, orientation: int, size: tuple[int, int], name: str
) -> tuple[bytes | None, list[str]]:
    """What of an EXIF holds for the upright picture that is to be filled.

    Args:
        exif: as Pillow read it.
        is_tiff: whether it is the first folder of a TIFF.
        orientation: that of the stored samples, 1 to 8.
        size: width and height of the upright picture.
        name: what sentences call the picture.

    Returns:
        The EXIF, None for an empty one, and a sentence for each thing that is left out and may be missed.
    """
    kept = Image.Exif()
    kept.endian = exif.endian
    sentences = []
    with caught_warnings() as caught:
        is_whole = _copy(exif, kept, is_tiff)
        folder = kept.get(_EXIF_FOLDER, {})
        if orientation != 1:
            for tag in _PLACES:
                folder.pop(tag, None)
        if orientation >= 5:
            _exchange(kept, _RESOLUTION)
            _exchange(folder, _FOCAL_RESOLUTION)
        _replace_sizes(kept, *size)
        if ORIENTATION in kept or (ORIENTATION in exif and not is_tiff):
            kept[ORIENTATION] = 1
        content = kept.tobytes()
    if caught or not is_whole:
        sentences.append(f"parts of the EXIF data of {name} are damaged and not kept")
    if _has_maker_notes(exif):
        sentences.append(f"the maker notes of {name} are not kept, they may show the picture before it was filled")
    if not len(kept):
        return None, sentences
    return content, sentences


def expanded_exif(exif: bytes | None, left: int, top: int, width: int, height: int) -> bytes | None:
    """The same EXIF for a picture that grew on its left and top to a new size, wherever a place or size is stated."""
    if not exif:
        return exif
    expanded = _load(exif)
    folder = expanded.get(_EXIF_FOLDER, {})
    for tag in _PLACES:
        place = folder.get(tag)
        if isinstance(place, tuple) and len(place) >= 2:
            folder[tag] = (place[0] + left, place[1] + top, *place[2:])
    _replace_sizes(expanded, width, height)
    return expanded.tobytes()


def turned_exif(exif: bytes | None, orientation: int, width: int, height: int) -> bytes:
    """The EXIF of an upright picture for samples in another orientation, of this stored size."""
    turned = _load(exif)
    folder = turned.get(_EXIF_FOLDER, {})
    for tag in _PLACES:
        folder.pop(tag, None)
    if orientation >= 5:
        _exchange(turned, _RESOLUTION)
        _exchange(folder, _FOCAL_RESOLUTION)
    _replace_sizes(turned, width, height)
    turned[ORIENTATION] = orientation
    return turned.tobytes()


def tiff_exif(exif: bytes | None) -> tuple[dict[int, str], bytes | None]:
    """What of an EXIF may go into the first folder of a TIFF.

    Returns its plain ASCII texts by tag, and all of it as bytes; None if the texts are all there is.
    """
    whole = Image.Exif()
    if exif:
        whole.load(exif)
    kept = Image.Exif()
    kept.endian = whole.endian
    _copy(whole, kept, is_tiff=True)
    texts = {}
    for tag, value in kept.items():
        if isinstance(value, str) and value.isascii():
            texts[tag] = value
    if len(texts) == len(kept):
        return texts, None
    return texts, kept.tobytes()


def _load(exif: bytes | None) -> Image.Exif:
    """EXIF data that `upright_exif` made, with their folders as dictionaries."""
    loaded = Image.Exif()
    if not exif:
        return loaded
    source = Image.Exif()
    source.load(exif)
    loaded.endian = source.endian
    _copy(source, loaded, is_tiff=False)
    if ORIENTATION in source:
        loaded[ORIENTATION] = source[ORIENTATION]
    return loaded


def _copy(source: Image.Exif, target: Image.Exif, is_tiff: bool) -> bool:
    """Copy what is to be kept, and return whether all of that could be read."""
    is_whole = True
    for tag in list(source):
        if is_tiff and tag not in TIFF_EXIF:
            continue
        if tag in _FOLDERS:
            folder, folder_is_whole = _folder(source, tag)
            is_whole &= folder_is_whole
            if folder:
                target[tag] = folder
        elif tag not in _LEFT_OUT:
            is_whole &= _copy_entry(source, target, tag)
    return is_whole


def _folder(source: Image.Exif, tag: int) -> tuple[dict[int, Any], bool]:
    """The entries to be kept of a folder within an EXIF, and whether all could be read."""
    folder: dict[int, Any] = {}
    try:
        entries = dict(source.get_ifd(tag))
    except Exception:  # pointers of damaged data lead anywhere
        return folder, False
    is_whole = bool(entries)
    for entry in entries:
        if entry not in _LEFT_OUT and entry != ORIENTATION:
            is_whole &= _copy_entry(entries, folder, entry, tag)
    if tag == _EXIF_FOLDER and _INTEROPERABILITY in entries:
        related, related_is_whole = _folder(source, _INTEROPERABILITY)
        is_whole &= related_is_whole
        if related:
            folder[_INTEROPERABILITY] = related
    return folder, is_whole


def _copy_entry(
    source: Mapping[int, Any], target: MutableMapping[int, Any], tag: int, folder: int | None = None
) -> bool:
    """Copy an entry unless it holds a JPEG, and return whether it could be read and written."""
    probe = Image.Exif()
    try:
        value = source[tag]
        probe[tag] = value
        if folder is not None:
            probe = Image.Exif()
            probe[folder] = {tag: value}
        probe.tobytes()
    except Exception:  # values of a wrong kind
        return False
    if not (isinstance(value, bytes) and _JPEG_START in value):
        target[tag] = value
    return True


def _has_maker_notes(exif: Image.Exif) -> bool:
    try:
        return MAKER_NOTE in exif.get_ifd(_EXIF_FOLDER)
    except Exception:  # damage is reported elsewhere
        return False


def _replace_sizes(exif: Image.Exif, width: int, height: int) -> None:
    """Write a width and height wherever they are stated."""
    folder = exif.get(_EXIF_FOLDER, {})
    related = folder.get(_INTEROPERABILITY, {})
    _replace_size(exif, _SIZE, width, height)
    _replace_size(folder, _EXIF_SIZE, width, height)
    _replace_size(related, _RELATED_SIZE, width, height)


def _replace_size(entries: MutableMapping[int, Any], tags: tuple[int, int], width: int, height: int) -> None:
    """Write a new width and height where `entries` has the two `tags`."""
    for tag, pixels in zip(tags, (width, height), strict=True):
        if tag in entries:
            entries[tag] = pixels


def _exchange(entries: MutableMapping[int, Any], tags: tuple[int, int]) -> None:
    """Exchange the values of x and y where both are stated."""
    x, y = tags
    if x in entries and y in entries:
        entries[x], entries[y] = entries[y], entries[x]
