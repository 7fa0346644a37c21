"""Pictures of every mode, and how other libraries see a file; a fill of `HEIGHT` x `WIDTH`, odd on purpose."""

import struct
import zlib

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

from latentinpaint.images.picture_filling import fill_picture

HEIGHT, WIDTH = 23, 31
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[5:12, 7:20] = True
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LUMINANCE = np.array([0.299, 0.587, 0.114])


def noise(*shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


def fill_of(height=HEIGHT, width=WIDTH, seed=1):
    return np.random.default_rng(seed).random((height, width, 3))


def exif_bytes(orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05"}
    return exif.tobytes()


def pillow_pixels(path):
    with Image.open(path) as image:
        return image.mode, np.asarray(image).astype(np.asarray(image).dtype.newbyteorder("="))


def opencv_pixels(path):
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return str(pixels.dtype), pixels[..., (2, 1, 0, 3)[: pixels.shape[-1]]] if pixels.ndim == 3 else pixels


def tiff_pixels(path):
    pixels = tifffile.imread(path)
    return str(pixels.dtype), pixels


def image_of(mode):
    channels = len(Image.new(mode, (1, 1)).getbands())
    if mode == "1":
        return Image.fromarray(noise(HEIGHT, WIDTH) > 127)
    if mode in ("I;16", "I;16B"):
        return Image.frombytes(mode, (WIDTH, HEIGHT), noise(HEIGHT, WIDTH, dtype=np.uint16).tobytes())
    if mode == "I":
        return Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.int32))
    if mode == "F":
        return Image.fromarray(np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32))
    pixels = noise(HEIGHT, WIDTH, channels)
    if mode in ("LA", "RGBA"):
        pixels[::3, :, -1] = 0  # colour under zero alpha must survive
    return Image.frombytes(mode, (WIDTH, HEIGHT), pixels.tobytes())


def in_scale(full, dtype):
    return lambda fill: np.rint(fill * full).astype(dtype)


def grey_in_scale(full, dtype):
    return lambda fill: np.rint(fill @ LUMINANCE * full).astype(dtype)


def with_its_alpha(picture, fill):
    """A fill of the hole that leaves alpha as it was."""
    return fill_picture(picture, fill, HOLE, picture.alpha())


def check_fill(before, after, inside):
    """Outside the hole nothing differs; inside the colour is as expected and alpha as before."""
    assert after.dtype == before.dtype and after.shape == before.shape
    assert (after[~HOLE] == before[~HOLE]).all()
    channels = inside.shape[-1] if inside.ndim > 1 else 1
    found = after[HOLE].reshape(HOLE.sum(), -1)
    assert (found[:, :channels] == inside.reshape(HOLE.sum(), -1)).all()
    assert (found[:, channels:] == before[HOLE].reshape(HOLE.sum(), -1)[:, channels:]).all()


def chunk(chunk_type, content):
    checksum = struct.pack(">I", zlib.crc32(chunk_type + content))
    return struct.pack(">I", len(content)) + chunk_type + content + checksum


def bmp_head(kind, length=124, endpoints=bytes(48), profile=b""):
    """The headers of a BMP that says something of its colours."""
    header = struct.pack("<I", length) + bytes(52) + kind + endpoints
    if length == 124:
        header += struct.pack("<IIII", 0, 124, len(profile), 0)
    return b"BM" + bytes(12) + header + profile


XMP_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpGImg": "http://ns.adobe.com/xap/1.0/g/img/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "my": "https://example.org/my/",
}


def xmp_packet(attributes, elements=""):
    """A packet whose one description has these attributes and elements."""
    names = ""
    for prefix, namespace in XMP_NAMESPACES.items():
        names += f' xmlns:{prefix}="{namespace}"'
    text = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        f'{names}><rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    )
    return text.encode()


def palette_image(colours, transparent=None):
    image = Image.frombytes(
        "P", (WIDTH, HEIGHT), (noise(HEIGHT, WIDTH).astype(int) % colours).astype(np.uint8).tobytes()
    )
    image.putpalette(noise(colours, 3, seed=5).tobytes())
    if transparent is not None:
        image.info["transparency"] = transparent
    return image


def photo_pixels(height, width, seed=0, channels=3):
    """A photograph of large structure, (H, W, 3) or (H, W) uint8."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, channels), np.uint8)
    return np.asarray(Image.fromarray(small.squeeze()).resize((width, height), Image.Resampling.BICUBIC))
