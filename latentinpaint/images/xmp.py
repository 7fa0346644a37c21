"""XMP packets that hold for a filled picture: captions, rights and ratings stay, what is stale goes.

Left out are thumbnails and whatever else holds a picture, sizes, orientation and resolution, which the file itself
states, regions of faces, and what speaks of further pictures and videos in the source file.

XMP is XML of RDF (ISO 16684-1): a property is an element or an attribute of one, known by its namespace and name.
"""

import codecs
from xml.dom import minidom

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_STALE_PROPERTIES = {
    "http://ns.adobe.com/xap/1.0/": ("Thumbnails",),
    "http://ns.adobe.com/xmp/note/": ("HasExtendedXMP",),
    "http://ns.adobe.com/photoshop/1.0/": ("LegacyIPTCDigest",),
    _TIFF: (
        *("Orientation", "ImageWidth", "ImageLength", "XResolution", "YResolution", "ResolutionUnit", "NativeDigest"),
        *("BitsPerSample", "SamplesPerPixel", "Compression", "PhotometricInterpretation", "PlanarConfiguration"),
        *("YCbCrSubSampling", "YCbCrPositioning"),
    ),
    _EXIF: (
        *("PixelXDimension", "PixelYDimension", "SubjectArea", "SubjectLocation", "MakerNote", "NativeDigest"),
        *("FocalPlaneXResolution", "FocalPlaneYResolution", "FocalPlaneResolutionUnit"),
        *("CompressedBitsPerPixel", "ComponentsConfiguration"),
    ),
}
# Thumbnails, gain maps, and what phones keep behind a picture.
_STALE_NAMESPACES = (
    "http://ns.adobe.com/xap/1.0/g/img/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
)
_PICTURE_NAMESPACES = ("http://ns.google.com/photos/1.0/depthmap/", "http://ns.google.com/photos/1.0/image/")
_PICTURES = ("/9j/", "iVBORw0KGgo", "UklGR")  # how JPEG, PNG and WebP begin in base64
_REGION_NAMESPACES = ("http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.microsoft.com/photo/1.2/")
_IMAGE_REGION = ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "ImageRegion")

_REGIONS_LOST = "the regions of faces in the XMP metadata of {name} are not kept"
_PICTURES_LOST = "pictures and depths within the XMP metadata of {name} are not kept"


def cleaned_xmp(packet: bytes, name: str) -> tuple[bytes | None, list[str]]:
    """What of a packet holds for the upright picture that is to be filled.

    Args:
        packet: in UTF-8, or in UTF-16 with a byte order mark.
        name: what sentences call the picture.

    Returns:
        A packet in UTF-8, None for a damaged one, and a sentence for each thing that is left out and may be missed.
    """
    lost: set[str] = set()
    try:
        if packet.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            packet = packet.decode("utf-16").encode("utf-8")
        if b"<!DOCTYPE" in packet:  # its entities may be endless
            raise ValueError("XMP declares no types")
        document = minidom.parseString(packet.strip(b"\0 \t\r\n"))
        root = document.documentElement
        if root is None:
            raise ValueError("no element")
        _clean(root, lost)
        content = root.toxml().encode("utf-8")
    except Exception:  # hostile bytes: too deep, of an unknown encoding, no XML
        return None, [f"the XMP metadata of {name} are damaged and not kept"]
    head = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
    sentences = [sentence.replace("{name}", name) for sentence in sorted(lost)]
    return head + content + b'<?xpacket end="w"?>', sentences


def _clean(element: minidom.Element, lost: set[str]) -> None:
    """Remove what is stale from an element, and note what may be missed."""
    attributes = element.attributes
    for attribute in list(attributes.values()):
        if _is_stale(attribute, str(attribute.value), lost):
            element.removeAttributeNode(attribute)
    for child in list(element.childNodes):
        if not isinstance(child, minidom.Element):
            continue
        text = ""
        if isinstance(child.firstChild, minidom.Text):
            text = child.firstChild.data
        if _is_stale(child, text, lost):
            element.removeChild(child)
        else:
            _clean(child, lost)


def _is_stale(node: minidom.Element | minidom.Attr, value: str, lost: set[str]) -> bool:
    """Whether an element or attribute with this text is to be left out."""
    namespace = node.namespaceURI or ""
    if namespace.startswith(_REGION_NAMESPACES) or (namespace, node.localName) == _IMAGE_REGION:
        lost.add(_REGIONS_LOST)
        return True
    if namespace in _PICTURE_NAMESPACES or value.lstrip().startswith(_PICTURES):
        lost.add(_PICTURES_LOST)
        return True
    return namespace.startswith(_STALE_NAMESPACES) or node.localName in _STALE_PROPERTIES.get(namespace, ())
