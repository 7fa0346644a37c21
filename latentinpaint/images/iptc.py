"""IPTC data: captions, credits and keywords of the press, IPTC-IIM 4.2.

A TIFF has them in a tag, a JPEG in one block of its Photoshop segment, of which the other blocks are not kept.
"""

import struct

from PIL import Image, TiffImagePlugin

IPTC_TAG = 33723
_BLOCK = 0x0404
_PICTURES = (b"\xff\xd8\xff", b"\x1c\x02\xca", b"\x1c\x08\x0a")  # a JPEG, and the two data sets for previews


def iptc_of(image: Image.Image, name: str) -> tuple[bytes | None, list[str]]:
    """The IPTC data of a JPEG or TIFF, None where there are none, and a sentence if they cannot be kept."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        content = image.tag_v2.get(IPTC_TAG)
    else:
        content = (image.info.get("photoshop") or {}).get(_BLOCK)
    if not content:
        return None, []
    if not isinstance(content, bytes) or not content.startswith(b"\x1c"):
        return None, [f"the IPTC data of {name} are damaged and not kept"]
    for picture in _PICTURES:
        if picture in content:
            return None, [f"the IPTC data of {name} are not kept, they hold a preview of it before it was filled"]
    return content, []


def iptc_segment(content: bytes) -> bytes:
    """IPTC data as the segment of a JPEG."""
    block = b"8BIM" + struct.pack(">HHI", _BLOCK, 0, len(content)) + content + bytes(len(content) % 2)
    segment = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + struct.pack(">H", 2 + len(segment)) + segment
