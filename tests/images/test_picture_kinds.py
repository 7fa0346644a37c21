"""Pictures of every mode and format from file to file: `read_picture`, `Inpainter.fill`, `write_picture`.

Files are made and reopened with Pillow, tifffile and OpenCV, never with this package. What a person may rely on:
known samples bit for bit, alpha that goes on in the hole, mode, bits, size, colour profile, EXIF, resolution, texts;
and a note of whatever the target format cannot hold.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from latentinpaint.errors import InputError
from latentinpaint.images.image_files import read_mask, read_picture, write_picture
from latentinpaint.inference.options import FillOptions

HEIGHT, WIDTH = 37, 51
RGB_ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Nothing reads the profile but its header: the colour space stands at byte 16.
GREY_ICC = RGB_ICC[:16] + b"GRAY" + RGB_ICC[20:]
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
LOSSY, CMYK_TO_RGB = "JPEG is lossy", "CMYK"


@pytest.fixture(scope="module")
def inpainter(build_pipeline):
    from latentinpaint.inpainter import Inpainter

    return Inpainter(build_pipeline("ffc"))


@dataclass(frozen=True)
class RoundTrip:
    """One way from file to file.

    write: makes the file. source, target: names. notes: a piece of every note that is due, in any order. mode:
    Pillow's mode of the target, None for the source's. known: what the target's known samples are, of the source's.
    """

    write: Callable[[Path], object]
    source: str
    target: str
    notes: tuple[str, ...] = ()
    mode: str | None = None
    known: Callable[[np.ndarray], np.ndarray] = lambda samples: samples


def noise(*shape, dtype=np.uint8, seed=3):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


def by_pillow(*shape, mode=None, **options):
    """Writes noise of 8 bits, or of a mode that Pillow converts to."""

    def write(path):
        pixels = noise(HEIGHT, WIDTH, *shape)
        image = Image.fromarray(pixels)
        (image if mode is None else image.convert(mode)).save(path, **options)

    return write


def two_tone(path):
    Image.fromarray(noise(HEIGHT, WIDTH) > 127).save(path)


def palette(path, **options):
    image = Image.frombytes("P", (WIDTH, HEIGHT), (noise(HEIGHT, WIDTH) % 60).tobytes())
    image.putpalette(noise(60, 3, seed=5).tobytes())
    image.save(path, **options)


def partly_transparent_palette(path):
    palette(path, transparency=bytes([0, 128, 255, 7]))


def grey16(path):
    Image.fromarray(noise(HEIGHT, WIDTH, dtype=np.uint16)).save(path)


def colour16(path, channels=3):
    pixels = noise(HEIGHT, WIDTH, channels, dtype=np.uint16)
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


def tiff(*shape, dtype=np.uint16, **options):
    def write(path):
        size = (HEIGHT, WIDTH, *shape)
        pixels = (
            np.random.default_rng(3).random(size, np.float32) if dtype == np.float32 else noise(*size, dtype=dtype)
        )
        colours = {"photometric": "rgb" if shape and shape[0] >= 3 else "minisblack"}
        tifffile.imwrite(path, pixels, metadata=None, **colours | options)

    return write


def planar16(path):
    pixels = noise(3, HEIGHT, WIDTH, dtype=np.uint16)
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig="separate", metadata=None)


def integers32(path):
    Image.fromarray(noise(HEIGHT, WIDTH).astype(np.int32)).save(path)


def as_rgb(samples):
    return np.asarray(Image.frombytes("CMYK", samples.shape[1::-1], samples.tobytes()).convert("RGB"))


def as_colour(samples):
    return np.repeat(samples[..., None], 3, axis=2)


def malformed_exif(path):
    """Of zeros: neither byte order nor folder."""
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(path, exif=b"Exif\0\0" + bytes(64), **LOSSLESS.get(path.suffix, {}))


def turned_jpeg(path, orientation=6):
    """Stored turned, with a thumbnail in its EXIF data."""
    exif = exif_of(orientation)
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(path, exif=with_thumbnail(exif.tobytes()), **JPEG)


def with_thumbnail(exif):
    """EXIF data with a second folder, whose JPEG is `THUMBNAIL`."""
    order = {b"II": "<", b"MM": ">"}[exif[6:8]]
    tiff = exif[6:]
    count = struct.unpack_from(f"{order}H", tiff, 8)[0]
    following = 10 + 12 * count
    start = len(tiff) + len(tiff) % 2
    folder = struct.pack(f"{order}H", 2)
    folder += struct.pack(f"{order}HHII", 513, 4, 1, start + 30)
    folder += struct.pack(f"{order}HHII", 514, 4, 1, len(THUMBNAIL)) + bytes(4)
    tiff = tiff[:following] + struct.pack(f"{order}I", start) + tiff[following + 4 :]
    return b"Exif\0\0" + tiff.ljust(start, b"\0") + folder + THUMBNAIL


def two_pictures(path):
    pictures = [Image.fromarray(noise(HEIGHT, WIDTH, 3, seed=seed)) for seed in (3, 4)]
    pictures[0].save(path, "MPO", save_all=True, append_images=pictures[1:], **JPEG)


def tiff_with_preview(path):
    """In a sub-folder, as raw converters write one."""
    with tifffile.TiffWriter(path) as file:
        file.write(noise(HEIGHT, WIDTH, 3), photometric="rgb", subifds=1, metadata=None)
        file.write(noise(9, 9, 3), photometric="rgb", metadata=None)


def arithmetic_jpeg(path):
    """Greys of 10, 30, 50 … in blocks of 8 x 8, coded by arithmetic (ITU-T T.81, annex D) at full quality."""
    head = "ffd8ffdb004300" + "01" * 64 + "ffc9000b080018002001011100ffcc000600101005"
    path.write_bytes(bytes.fromhex(head + "ffda0008010100003f00ff00f9b1ad6e9dfeca5ea5ebde8ef826fdffd9"))


def write_png(path, header, rows):
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with path.open("ab") as file:
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            file.write(len(content).to_bytes(4, "big") + kind + content)
            file.write(zlib.crc32(kind + content).to_bytes(4, "big"))


def interlaced(*shape, dtype=np.uint8):
    """Writes a PNG of noise in the seven passes of Adam7, rows without a filter."""

    def write(path):
        pixels = noise(HEIGHT, WIDTH, *shape, dtype=dtype)
        colour_type = {(): 0, (2,): 4, (3,): 2, (4,): 6}[shape]
        rows = b""
        for top, left, down, right in ADAM7:
            for row in pixels[top::down, left::right]:
                rows += b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes()
        header = WIDTH.to_bytes(4, "big") + HEIGHT.to_bytes(4, "big")
        write_png(path, header + bytes([8 * pixels.itemsize, colour_type, 0, 0, 1]), rows)

    return write


def local_palette(path, with_global=False):
    """A GIF whose table of colours belongs to its picture alone; beside it perhaps a global one, of black."""
    palette(path, optimize=False)
    whole = path.read_bytes()
    size = whole[10] & 7
    end = 13 + (3 << size + 1)
    start = whole.index(b",", end)
    head = whole[:10] + bytes([whole[10] & 0x7F]) + whole[11:13]
    if with_global:
        head = whole[:13] + bytes(end - 13)
    picture = whole[start : start + 9] + bytes([0x80 | size]) + whole[13:end] + whole[start + 10 :]
    path.write_bytes(head + whole[end:start] + picture)


def two_palettes(path):
    """Two frames of other colours."""
    second = Image.fromarray(noise(HEIGHT, WIDTH, 3, seed=9) // 3).quantize(20)
    palette(path, save_all=True, append_images=[second], optimize=False)


def hdr_png(path):
    """Codes of ITU-R BT.2100 with PQ: a chunk that plain viewers ignore."""
    colour16(path)
    plain, content = path.read_bytes(), b"cICP" + bytes([9, 16, 0, 1])
    path.write_bytes(plain[:33] + b"\0\0\0\4" + content + zlib.crc32(content).to_bytes(4, "big") + plain[33:])


# The first row and column of each pass, and its steps.
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
JPEG = {"quality": 80}
LOSSLESS = {".webp": {"lossless": True}}
THUMBNAIL = b"\xff\xd8\xff\xe0 what was there \xff\xd9"
ROUND_TRIPS = {
    "1 bit PNG": RoundTrip(two_tone, "in.png", "out.png"),
    "1 bit TIFF": RoundTrip(two_tone, "in.tif", "out.tif"),
    "grey 8 PNG": RoundTrip(by_pillow(), "in.png", "out.png"),
    "grey 8 TIFF": RoundTrip(by_pillow(), "in.tif", "out.tif"),
    "grey 8 BMP": RoundTrip(by_pillow(), "in.bmp", "out.bmp"),
    "grey 16 PNG": RoundTrip(grey16, "in.png", "out.png"),
    "grey 16 TIFF": RoundTrip(tiff(), "in.tif", "out.tif"),
    "grey 16 TIFF big-endian": RoundTrip(tiff(byteorder=">"), "in.tif", "out.tif"),
    "grey 16 TIFF, 0 is white": RoundTrip(
        tiff(photometric="miniswhite"), "in.tif", "out.tif", known=lambda samples: 65535 - samples
    ),
    "grey 32 TIFF integers": RoundTrip(integers32, "in.tif", "out.tif"),
    "grey 32 TIFF floats": RoundTrip(tiff(dtype=np.float32), "in.tif", "out.tif"),
    "grey with alpha PNG": RoundTrip(by_pillow(2), "in.png", "out.png"),
    "RGB 8 PNG": RoundTrip(by_pillow(3), "in.png", "out.png"),
    "RGB 8 TIFF": RoundTrip(by_pillow(3), "in.tif", "out.tif"),
    "RGB 8 WebP": RoundTrip(by_pillow(3, lossless=True), "in.webp", "out.webp"),
    "RGB 8 BMP": RoundTrip(by_pillow(3), "in.bmp", "out.bmp"),
    "RGB 16 PNG": RoundTrip(colour16, "in.png", "out.png"),
    "RGB 16 TIFF": RoundTrip(tiff(3), "in.tif", "out.tif"),
    "RGB 16 TIFF deflate": RoundTrip(tiff(3, compression="zlib"), "in.tif", "out.tif"),
    "RGB 16 TIFF planar": RoundTrip(planar16, "in.tif", "out.tif"),
    "RGBA 8 PNG": RoundTrip(by_pillow(4), "in.png", "out.png"),
    "RGBA 8 WebP": RoundTrip(by_pillow(4, lossless=True, exact=True), "in.webp", "out.webp"),
    "RGBA 8 TIFF": RoundTrip(by_pillow(4), "in.tif", "out.tif"),
    "RGBA 16 PNG": RoundTrip(lambda path: colour16(path, 4), "in.png", "out.png"),
    "RGBA 16 TIFF": RoundTrip(tiff(4, extrasamples=["unassalpha"]), "in.tif", "out.tif"),
    "palette PNG": RoundTrip(palette, "in.png", "out.png"),
    "palette TIFF": RoundTrip(palette, "in.tif", "out.tif"),
    "palette GIF": RoundTrip(lambda path: palette(path, optimize=False), "in.gif", "out.gif"),
    "palette with transparency PNG": RoundTrip(partly_transparent_palette, "in.png", "out.png"),
    "CMYK TIFF": RoundTrip(by_pillow(3, mode="CMYK"), "in.tif", "out.tif"),
    "CMYK JPEG to TIFF": RoundTrip(by_pillow(3, mode="CMYK", **JPEG), "in.jpg", "out.tif"),
    "CMYK JPEG to PNG": RoundTrip(
        by_pillow(3, mode="CMYK", **JPEG), "in.jpg", "out.png", (CMYK_TO_RGB,), "RGB", known=as_rgb
    ),
    "grey JPEG to PNG": RoundTrip(by_pillow(**JPEG), "in.jpg", "out.png"),
    "RGB JPEG to PNG": RoundTrip(by_pillow(3, **JPEG), "in.jpg", "out.png"),
    "progressive JPEG to WebP": RoundTrip(by_pillow(3, progressive=True, **JPEG), "in.jpg", "out.webp"),
    "grey PNG to WebP": RoundTrip(by_pillow(), "in.png", "out.webp", ("8-bit RGB",), "RGB", known=as_colour),
    "PNG with malformed EXIF": RoundTrip(malformed_exif, "in.png", "out.png", ("EXIF",)),
    "WebP with malformed EXIF": RoundTrip(malformed_exif, "in.webp", "out.webp", ("EXIF",)),
    "turned JPEG with thumbnail": RoundTrip(turned_jpeg, "in.jpg", "out.png"),
    "JPEG of two pictures": RoundTrip(two_pictures, "in.jpg", "out.png", ("2 frames",)),
    "JPEG with restart markers": RoundTrip(by_pillow(3, restart_marker_blocks=1, **JPEG), "in.jpg", "out.tif"),
    "JPEG with halved colours": RoundTrip(by_pillow(3, subsampling="4:1:1", **JPEG), "in.jpg", "out.png"),
    "grey JPEG with profile": RoundTrip(by_pillow(icc_profile=GREY_ICC, **JPEG), "in.jpg", "out.tif"),
    "TIFF with a preview": RoundTrip(tiff_with_preview, "in.tif", "out.tif"),
    "RGB 8 BigTIFF": RoundTrip(tiff(3, dtype=np.uint8, bigtiff=True), "in.tif", "out.tif"),
    "RGB 8 TIFF big-endian": RoundTrip(tiff(3, dtype=np.uint8, byteorder=">"), "in.tif", "out.tif"),
    "HDR PNG": RoundTrip(hdr_png, "in.png", "out.png"),
    "GIF with comment": RoundTrip(lambda path: palette(path, optimize=False, comment=b"a cat"), "in.gif", "out.gif"),
    "GIF with a palette of the picture": RoundTrip(local_palette, "in.gif", "out.gif"),
    "GIF with two palettes": RoundTrip(lambda path: local_palette(path, True), "in.gif", "out.gif"),
    "GIF of two frames and palettes": RoundTrip(two_palettes, "in.gif", "out.gif", ("2 frames",)),
    "arithmetic JPEG": RoundTrip(arithmetic_jpeg, "in.jpg", "out.png"),
    "interlaced grey 8 PNG": RoundTrip(interlaced(), "in.png", "out.png"),
    "interlaced grey 16 PNG": RoundTrip(interlaced(dtype=np.uint16), "in.png", "out.png"),
    "interlaced RGB 8 PNG": RoundTrip(interlaced(3), "in.png", "out.png"),
    "interlaced RGB 16 PNG": RoundTrip(interlaced(3, dtype=np.uint16), "in.png", "out.png"),
    "interlaced RGBA 8 PNG": RoundTrip(interlaced(4), "in.png", "out.png"),
    "interlaced RGBA 16 PNG": RoundTrip(interlaced(4, dtype=np.uint16), "in.png", "out.png"),
    "RGB 16 PNG to TIFF": RoundTrip(colour16, "in.png", "out.tif"),
    "RGB 16 TIFF to PNG": RoundTrip(tiff(3), "in.tif", "out.png"),
}


def reopened(path):
    """Upright samples and Pillow's mode, by the libraries that see each of them whole."""
    with Image.open(path) as image:
        try:
            upright = ImageOps.exif_transpose(image)
        except SyntaxError:  # of malformed EXIF, which turns nothing
            upright = image
        mode, samples = upright.mode, np.asarray(upright)
    if path.suffix == ".tif" and mode not in ("1", "P", "CMYK"):
        pixels = tifffile.imread(path)
        return mode, pixels if pixels.shape[:2] == samples.shape[:2] else np.moveaxis(pixels, 0, -1)
    if path.suffix == ".png" and path.read_bytes()[24] == 16:
        deep = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        return mode, deep if deep.ndim == 2 else deep[..., (2, 1, 0, 3)[: deep.shape[-1]]]
    return mode, samples


def hole_of(height, width):
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 3 + 12, width // 4 : width // 4 + 15] = True
    return hole


def filled(inpainter, source, target, **how):
    """Fill a file's middle and write the result; returns the hole and the notes."""
    picture = read_picture(source)
    hole = hole_of(picture.height, picture.width)
    return hole, write_picture(inpainter.fill(picture, hole, FillOptions(**how))[0], target)


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_samples(name, inpainter, tmp_path):
    trip = ROUND_TRIPS[name]
    source, target = tmp_path / trip.source, tmp_path / trip.target
    trip.write(source)
    hole, notes = filled(inpainter, source, target)
    (mode, before), (mode_after, after) = reopened(source), reopened(target)
    assert mode_after == (trip.mode or mode)
    before = trip.known(before)
    assert after.dtype.newbyteorder("=") == before.dtype.newbyteorder("=") and after.shape == before.shape
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).any()
    assert len(notes) == len(trip.notes) and all(any(piece in note for note in notes) for piece in trip.notes), notes
    assert bits(target) == (bits(source) if trip.source[-3:] == trip.target[-3:] else bits(target))


def test_samples_that_are_known_beforehand(tmp_path):
    """Without any decoder: blocks of an arithmetic JPEG, and noise in an interlaced PNG."""
    arithmetic_jpeg(tmp_path / "in.jpg")
    blocks = np.arange(32) // 8 + np.arange(24)[:, None] // 8 * 4
    np.testing.assert_array_equal(read_picture(tmp_path / "in.jpg").samples, 20 * blocks + 10)
    for shape in ((), (3,), (4,)):
        for dtype in (np.uint8, np.uint16):
            interlaced(*shape, dtype=dtype)(tmp_path / "in.png")
            samples = read_picture(tmp_path / "in.png").samples
            np.testing.assert_array_equal(samples, noise(HEIGHT, WIDTH, *shape, dtype=dtype))


def bits(path):
    """Bits a sample, as the file's header has them; None where the format has but one number."""
    if path.suffix == ".png":
        return path.read_bytes()[24]
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            return file.pages[0].bitspersample
    return None


PALETTES = ["palette PNG", "palette TIFF", "palette GIF", "palette with transparency PNG"]
PALETTES += ["GIF with a palette of the picture", "GIF with two palettes", "GIF of two frames and palettes"]


@pytest.mark.parametrize("name", PALETTES)
def test_colours_of_palettes(name, inpainter, tmp_path):
    """An index says nothing if its colour moved."""
    trip = ROUND_TRIPS[name]
    source, target = tmp_path / trip.source, tmp_path / trip.target
    trip.write(source)
    hole, _ = filled(inpainter, source, target)
    before, after = (np.asarray(Image.open(path).convert("RGBA")) for path in (source, target))
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert set(after[hole][:, 3]) <= set(before[..., 3].ravel())


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (7, 9), (63, 65), (97, 33)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_sizes(size, suffix, inpainter, tmp_path):
    pixels = noise(*size, 3)
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    Image.fromarray(pixels).save(source, **({"lossless": True} if suffix == ".webp" else {}))
    hole = np.zeros(size, bool)
    hole[size[0] // 2 :, size[1] // 2 :] = True
    assert write_picture(inpainter.fill(read_picture(source), hole)[0], target) == []
    after = np.asarray(Image.open(target))
    assert after.shape == pixels.shape
    np.testing.assert_array_equal(after[~hole], pixels[~hole])


def test_24_megapixels(inpainter, tmp_path):
    """Rows that are all alike: 0.3 MB as a PNG, 72 MB in memory."""
    rows = np.broadcast_to(noise(6000, 3), (4000, 6000, 3))
    Image.fromarray(rows.copy()).save(tmp_path / "in.png", compress_level=1)
    hole, notes = filled(inpainter, tmp_path / "in.png", tmp_path / "out.png")
    assert notes == []
    after = np.array(Image.open(tmp_path / "out.png"))
    assert (after[hole] != rows[hole]).any()
    after[hole] = rows[hole]
    assert np.array_equal(after, rows)


REPORTED = {
    "premultiplied alpha": (tiff(4, dtype=np.uint8, extrasamples=["assocalpha"]), "premultiplied"),
    "a fourth channel": (tiff(4, dtype=np.uint8, extrasamples=["unspecified"]), "of which 3"),
    "two more channels": (tiff(5, dtype=np.uint8, extrasamples=["unassalpha", "unspecified"]), "of which 4"),
    "unsigned integers": (lambda path: tifffile.imwrite(path, noise(HEIGHT, WIDTH).astype(np.uint32)), "unsigned"),
    "signed 16-bit integers": (lambda path: tifffile.imwrite(path, noise(HEIGHT, WIDTH).astype(np.int16)), "32-bit"),
}


@pytest.mark.parametrize("name", REPORTED)
def test_changes_of_samples_are_reported(name, inpainter, tmp_path):
    write, piece = REPORTED[name]
    write(tmp_path / "in.tif")
    (note,) = filled(inpainter, tmp_path / "in.tif", tmp_path / "out.tif")[1]
    assert piece in note


REFUSED = {
    "signed bytes": tiff(dtype=np.int8),
    "large unsigned integers": tiff(dtype=np.uint32),
    "floats where 0 is white": tiff(dtype=np.float32, photometric="miniswhite"),
    "float colours": tiff(3, dtype=np.float32),
    "64-bit floats": lambda path: tifffile.imwrite(path, np.random.default_rng(0).random((HEIGHT, WIDTH))),
    "16-bit CMYK": tiff(4, photometric="separated"),
    "16-bit premultiplied alpha": tiff(4, extrasamples=["assocalpha"]),
    "LAB": tiff(3, dtype=np.uint8, photometric="cielab"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_survive_is_refused(name, tmp_path):
    REFUSED[name](tmp_path / "in.tif")
    with pytest.raises(InputError, match=r"in\.tif"):
        read_picture(tmp_path / "in.tif")


# Beside the pixels ----------------------------------------------------------------------------------------


def exif_of(orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05"}
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "out"), [(".jpg", ".png"), (".png", ".png"), (".tif", ".tif"), (".webp", ".webp")]
)
def test_orientation_is_applied_once(orientation, suffix, out, inpainter, tmp_path):
    """By EXIF, with unequal resolutions, which turn with the picture."""
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{out}"
    options = {} if suffix == ".webp" else {"dpi": (300, 150)}
    options |= {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(source, exif=exif_of(orientation).tobytes(), **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(source)))
    assert upright.shape[:2] == ((WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH))
    hole, notes = filled(inpainter, source, target)
    assert notes == []
    with Image.open(target) as after:
        assert after.getexif().get(0x0112, 1) == 1 and after.getexif()[0x010F] == "a maker"
        assert after.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
        if options.get("dpi"):
            assert tuple(map(round, after.info["dpi"])) == ((150, 300) if orientation >= 5 else (300, 150))
        np.testing.assert_array_equal(np.asarray(after)[~hole], upright[~hole])
    assert (
        np.asarray(Image.open(target))[~hole] == np.asarray(ImageOps.exif_transpose(Image.open(target)))[~hole]
    ).all()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_orientation_by_xmp_is_applied_once(suffix, inpainter, tmp_path):
    source, target = tmp_path / f"in{suffix}", tmp_path / "out.png"
    image, options = Image.fromarray(noise(HEIGHT, WIDTH, 3)), {"xmp": XMP}
    if suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": info}
    if suffix == ".tif":
        options = {"tiffinfo": {700: XMP}}
    image.save(source, **options, **({"lossless": True} if suffix == ".webp" else {}))
    turned = np.asarray(ImageOps.exif_transpose(Image.open(source)))
    assert turned.shape[:2] == (WIDTH, HEIGHT)
    hole, notes = filled(inpainter, source, target)
    assert notes == []
    with Image.open(target) as after:
        assert b"Description" in after.info["xmp"] and b"Orientation" not in after.info["xmp"]
        np.testing.assert_array_equal(np.asarray(after)[~hole], turned[~hole])
        assert after.getexif().get(0x0112, 1) == 1


PROFILES = {
    "RGB PNG": (3, RGB_ICC, "in.png", "out.png"),
    "RGB JPEG": (3, RGB_ICC, "in.jpg", "out.png"),
    "RGB TIFF": (3, RGB_ICC, "in.tif", "out.tif"),
    "RGB WebP": (3, RGB_ICC, "in.webp", "out.webp"),
    "grey PNG": (1, GREY_ICC, "in.png", "out.png"),
    "grey JPEG": (1, GREY_ICC, "in.jpg", "out.png"),
    "grey TIFF": (1, GREY_ICC, "in.tif", "out.tif"),
}


@pytest.mark.parametrize("name", PROFILES)
def test_colour_profiles(name, inpainter, tmp_path):
    channels, profile, source, target = PROFILES[name]
    pixels = noise(HEIGHT, WIDTH, 3) if channels == 3 else noise(HEIGHT, WIDTH)
    Image.fromarray(pixels).save(tmp_path / source, icc_profile=profile)
    _, notes = filled(inpainter, tmp_path / source, tmp_path / target)
    assert notes == [] and Image.open(tmp_path / target).info["icc_profile"] == profile


def test_colour_profiles_that_cannot_stay(inpainter, tmp_path):
    Image.fromarray(noise(HEIGHT, WIDTH)).save(tmp_path / "grey.png", icc_profile=GREY_ICC)
    _, notes = filled(inpainter, tmp_path / "grey.png", tmp_path / "out.webp")  # WebP has no grey
    assert any("ICC profile does not fit" in note for note in notes)
    assert "icc_profile" not in Image.open(tmp_path / "out.webp").info


def test_profiles_of_deep_colour(inpainter, tmp_path):
    tifffile.imwrite(
        tmp_path / "in.tif", noise(HEIGHT, WIDTH, 3, dtype=np.uint16), photometric="rgb", iccprofile=RGB_ICC
    )
    for target in ("out.tif", "out.png"):
        filled(inpainter, tmp_path / "in.tif", tmp_path / target)
        assert Image.open(tmp_path / target).info["icc_profile"] == RGB_ICC


def test_texts_of_a_png(inpainter, tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "height")
    info.add_itxt("Author", "日本", "ja", "著者")
    info.add_text("Long", "y" * 500, zip=True)
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(tmp_path / "in.png", pnginfo=info, dpi=(300, 150))
    assert filled(inpainter, tmp_path / "in.png", tmp_path / "out.png")[1] == []
    with Image.open(tmp_path / "out.png") as after:
        after.load()
        assert after.text == {"Title": "height", "Author": "日本", "Long": "y" * 500}
        assert tuple(map(round, after.info["dpi"])) == (300, 150)
    for suffix in (".tif", ".webp", ".jpg"):
        assert any("text" in note for note in filled(inpainter, tmp_path / "in.png", tmp_path / f"out{suffix}")[1])


COMMENTS = {"plain": b"hello", "UTF-8": "höhe 日".encode(), "Latin-1": "höhe".encode("latin-1")}


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("suffix", [".jpg", ".gif"])
def test_comments(suffix, comment, inpainter, tmp_path):
    content = COMMENTS[comment]
    Image.fromarray(noise(HEIGHT, WIDTH)).save(tmp_path / f"in{suffix}", comment=content)
    notes = filled(inpainter, tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")[1]
    assert all(LOSSY in note for note in notes)
    assert Image.open(tmp_path / f"out{suffix}").info["comment"] == content
    assert filled(inpainter, tmp_path / f"in{suffix}", tmp_path / "out.png")[1] == []
    text = content.decode("latin-1" if comment == "Latin-1" else "utf-8")
    assert Image.open(tmp_path / "out.png").text == {"Comment": text}
    notes = filled(inpainter, tmp_path / f"in{suffix}", tmp_path / "out.tif")[1]
    assert any("comment" in note for note in notes)


def test_texts_of_a_tiff(inpainter, tmp_path):
    tags = {270: "a cat", 315: "an artist", 33432: "all rights"}
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(tmp_path / "in.tif", tiffinfo=tags, dpi=(300, 150))
    assert filled(inpainter, tmp_path / "in.tif", tmp_path / "out.tif")[1] == []
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = file.pages[0].tags
        assert {number: found[number].value for number in tags} == tags
        assert found["XResolution"].value == (300, 1) and found["YResolution"].value == (150, 1)


IPTC = b"\x1c\x02\x78\x00\x05a cat"  # record 2, data set 120: the caption


def test_the_loss_of_iptc_in_a_png_is_reported(inpainter, tmp_path):
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(tmp_path / "in.tif", tiffinfo={33723: IPTC})
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(IPTC).to_bytes(4, "big") + IPTC
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(tmp_path / "plain.jpg")
    plain = (tmp_path / "plain.jpg").read_bytes()
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    (tmp_path / "in.jpg").write_bytes(plain[:2] + segment + plain[2:])
    for source in ("in.tif", "in.jpg"):
        (note,) = filled(inpainter, tmp_path / source, tmp_path / "out.png")[1]
        assert "IPTC" in note and source in note
    assert filled(inpainter, tmp_path / "plain.jpg", tmp_path / "out.png")[1] == []


@pytest.mark.parametrize("tag", [33550, 33922, 34264])
def test_the_loss_of_a_georeference_is_reported(tag, inpainter, tmp_path):
    scale = (tag, "d", 6, (1.0, 2.0, 0.0, 4.0, 5.0, 6.0), True)
    tifffile.imwrite(tmp_path / "in.tif", noise(HEIGHT, WIDTH), extratags=[scale], metadata=None)
    (note,) = filled(inpainter, tmp_path / "in.tif", tmp_path / "out.tif")[1]
    assert "georeference" in note and "in.tif" in note


@pytest.mark.parametrize(("densities", "reported"), [((2, 1), True), ((1, 1), False)])
def test_the_loss_of_oblong_pixels_is_reported(densities, reported, inpainter, tmp_path):
    """Densities without a unit say how oblong pixels are."""
    tifffile.imwrite(
        tmp_path / "in.tif", noise(HEIGHT, WIDTH), resolution=densities, resolutionunit="NONE", metadata=None
    )
    Image.fromarray(noise(HEIGHT, WIDTH)).save(tmp_path / "plain.png")
    plain = (tmp_path / "plain.png").read_bytes()
    content = b"pHYs" + b"".join(density.to_bytes(4, "big") for density in densities) + b"\0"
    chunk = (9).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    (tmp_path / "in.png").write_bytes(plain[:33] + chunk + plain[33:])
    for source in ("in.tif", "in.png"):
        notes = filled(inpainter, tmp_path / source, tmp_path / "out.png")[1]
        assert [("oblong" in note) for note in notes] == [True] * reported


# Transparency -------------------------------------------------------------------------------------------------

STICKER = np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([18, 20])[:, None, None])) < 16
CLEAR = 3  # the palette's entry, and the grey of a transparent colour


def sticker(path, hidden, dtype=np.uint8, channels=4, **options):
    """A disc of noise, opaque, on transparent ground of the colour `hidden` (0 to 1)."""
    top = np.iinfo(dtype).max
    pixels = noise(HEIGHT, WIDTH, channels, dtype=dtype) // 2 + top // 4
    pixels[..., -1] = np.where(STICKER, top, 0)
    pixels[~STICKER, :-1] = round(hidden * top)
    if dtype == np.uint16:
        write_deep_png(path, pixels)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, **options)
    else:
        Image.fromarray(pixels.squeeze()).save(path, **options)


def write_deep_png(path, pixels):
    """16-bit PNG with alpha, (H, W, 2 or 4), row by row without a filter: OpenCV writes no grey with alpha."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, {2: 4, 4: 6}[channels], 0, 0, 0])
    write_png(path, header, rows)


def palette_sticker(path, hidden, transparency=CLEAR, **options):
    indices = np.where(STICKER, 4 + noise(HEIGHT, WIDTH) % 50, CLEAR).astype(np.uint8)
    image = Image.frombytes("P", (WIDTH, HEIGHT), indices.tobytes())
    colours = noise(60, 3, seed=5) // 2 + 64
    colours[CLEAR] = round(hidden * 255)
    image.putpalette(colours.tobytes())
    image.save(path, transparency=transparency, **options)


def keyed_sticker(path, hidden, channels=3):
    """A transparent colour has to be the colour that is hidden."""
    pixels = noise(HEIGHT, WIDTH, channels) // 2 + 64
    pixels[~STICKER] = round(hidden * 255)
    key = (round(hidden * 255),) * channels
    Image.fromarray(pixels.squeeze()).save(path, transparency=key if channels == 3 else key[0])


def associated_sticker(path, hidden):
    """Colours multiplied by alpha are black where it is 0, whatever was hidden."""
    sticker(path, 0, extrasamples=["assocalpha"])


STICKERS = {
    "RGBA PNG": ("in.png", sticker),
    "LA PNG": ("in.png", lambda path, hidden: sticker(path, hidden, channels=2)),
    "RGBA 16 PNG": ("in.png", lambda path, hidden: sticker(path, hidden, np.uint16)),
    "LA 16 PNG": ("in.png", lambda path, hidden: sticker(path, hidden, np.uint16, channels=2)),
    "RGBA WebP": ("in.webp", lambda path, hidden: sticker(path, hidden, lossless=True, exact=True)),
    "RGBA TIFF": ("in.tif", lambda path, hidden: sticker(path, hidden, extrasamples=["unassalpha"])),
    "associated alpha TIFF": ("in.tif", associated_sticker),
    "palette PNG, one clear entry": ("in.png", palette_sticker),
    "palette PNG, an alpha for each entry": (
        "in.png",
        lambda path, hidden: palette_sticker(path, hidden, bytes([255, 128, 7, 0])),
    ),
    "GIF": ("in.gif", lambda path, hidden: palette_sticker(path, hidden, optimize=False)),
    "RGB PNG with a transparent colour": ("in.png", keyed_sticker),
    "grey PNG with a transparent colour": ("in.png", lambda path, hidden: keyed_sticker(path, hidden, 1)),
}


def shown(path):
    """(H, W, 4), of 8 bits, by Pillow; of deep PNG by OpenCV, which keeps the alpha too."""
    deep = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if deep is not None and deep.dtype == np.uint16:
        return deep
    return np.asarray(Image.open(path).convert("RGBA"))


@pytest.mark.parametrize("name", STICKERS)
def test_stickers(name, inpainter, tmp_path):
    """Known pixels stay; the fill of the visible part does not depend on colours that nobody sees; and a hole in the
    middle of the sticker, or beside it, is as opaque as what is around it, whatever it held."""
    source, write = STICKERS[name]
    inner = np.zeros((HEIGHT, WIDTH), bool)
    inner[14:20, 17:24] = True
    beside = np.zeros((HEIGHT, WIDTH), bool)
    beside[28:34, 42:48] = True
    fills = []
    for number, hidden in enumerate((0.0, 1.0)):
        path = tmp_path / f"{number}{source}"
        write(path, hidden)
        before = shown(path)
        for where in (hole_of(HEIGHT, WIDTH), inner, beside):
            target = path.with_stem(f"{number}out")
            write_picture(inpainter.fill(read_picture(path), where)[0], target)
            after = shown(target)
            np.testing.assert_array_equal(after[~where], before[~where])
            fills.append(after[where])
            fills[-1][fills[-1][:, 3] == 0] = 0
            if where is not beside:
                assert (after[where] != before[where]).any()
        top = np.iinfo(before.dtype).max
        assert (fills[-2][:, 3] == top).all() and (fills[-1][:, 3] == 0).all()
    for black, white in zip(fills[:3], fills[3:], strict=True):
        np.testing.assert_array_equal(black, white)


# Scales that a format leaves open ------------------------------------------------------------------------


@pytest.mark.parametrize("top", [255, 65535, 2**31 - 1])
def test_the_scale_of_32_bit_integers(top, inpainter, tmp_path):
    """Grey from black to white, whatever number means white: the network sees the same picture."""
    ramp = np.linspace(0, 1, WIDTH)[None].repeat(HEIGHT, 0)
    Image.fromarray(np.rint(ramp * top).astype(np.int32)).save(tmp_path / "in.tif")
    picture = read_picture(tmp_path / "in.tif")
    assert picture.rgb().max() == 1 and picture.full_scale == top
    hole, _ = filled(inpainter, tmp_path / "in.tif", tmp_path / "out.tif")
    after = tifffile.imread(tmp_path / "out.tif")
    assert after.dtype == np.int32 and after.max() <= top
    np.testing.assert_array_equal(after[~hole], np.rint(ramp * top).astype(np.int32)[~hole])


def scaled(top, dtype, black=0):
    """Writes greys of the whole of a range to a TIFF."""
    return lambda path: tifffile.imwrite(path, in_range(top, dtype, black), metadata=None)


def in_range(top, dtype, black=0):
    values = black + np.random.default_rng(3).random((HEIGHT, WIDTH)) * (top - black)
    if np.issubdtype(dtype, np.integer):
        values = np.rint(values)
    return values.astype(dtype)


def with_hole_of(value, write):
    def spoilt(path):
        write(path)
        values = tifffile.imread(path)
        values[hole_of(*values.shape)] = value
        tifffile.imwrite(path, values, metadata=None)

    return spoilt


def twelve_bit_png(path):
    Image.fromarray(in_range(4095, np.uint16)).save(path)


def ten_bit_colours(path):
    """Their channels differ in range: white balance has not been done."""
    pixels = noise(HEIGHT, WIDTH, 3, dtype=np.uint16) // np.array([64, 96, 256], np.uint16)
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


# What writes it, its name, and by how much it is multiplied to be greys of 0 to 65535.
PARTS_OF_A_RANGE = {
    "12 bits in a PNG": (twelve_bit_png, "in.png", 65535 / 4095),
    "10-bit colours in a PNG": (ten_bit_colours, "in.png", 65535 / 1023),
    "14 bits and black at 512": (scaled(16383, np.uint16, 512), "in.tif", 65535 / 16383),
    "signed 16 bits": (scaled(32767, np.int16), "in.tif", 65535 / 32767),
    "20 bits in 32": (scaled(2**20 - 1, np.int32), "in.tif", 65535 / (2**20 - 1)),
    "floats of 0 to 255": (scaled(255, np.float32), "in.tif", 65535 / 255),
    "floats of 0 to 1/16": (scaled(1 / 16, np.float32), "in.tif", 65535 * 16),
    "floats above 1": (scaled(7, np.float32), "in.tif", 65535 / 7),
    "floats of 0 to 65535": (scaled(65535, np.float32), "in.tif", 1),
    "NaN in the hole": (with_hole_of(np.nan, scaled(1, np.float32)), "in.tif", 65535),
    "infinite in the hole": (with_hole_of(np.inf, scaled(255, np.float32)), "in.tif", 65535 / 255),
    "-9999 in the hole": (with_hole_of(-9999, scaled(4095, np.int16)), "in.tif", 65535 / 4095),
    "65535 in the hole": (with_hole_of(65535, scaled(4095, np.uint16)), "in.tif", 65535 / 4095),
}


def samples_of(path):
    """The file's own, by OpenCV for PNG and tifffile for TIFF; colours in their order."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3:
        return pixels[..., ::-1]
    return pixels


@pytest.mark.parametrize("name", PARTS_OF_A_RANGE)
def test_a_part_of_the_range_is_filled_as_the_whole(name, inpainter, tmp_path):
    """Stretched to all 16 bits it is the same picture: known samples stay, the fill is the same but for rounding."""
    write, file, factor = PARTS_OF_A_RANGE[name]
    source, target = tmp_path / file, tmp_path / f"out{file[2:]}"
    write(source)
    hole, _ = filled(inpainter, source, target)
    before, after = samples_of(source), samples_of(target)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    stretched = before.astype(np.float64)
    stretched[hole] = 0
    whole = inpainter(np.rint(stretched * factor).astype(np.uint16), hole)
    assert np.abs(after[hole] * factor - whole[hole]).max() < 0.01 * 65535 + factor


@pytest.mark.parametrize("black", [3000, 50_000])
def test_a_large_offset(black, inpainter, tmp_path):
    scaled(black + 800, np.uint16, black)(tmp_path / "in.tif")
    hole, _ = filled(inpainter, tmp_path / "in.tif", tmp_path / "out.tif")
    fill = tifffile.imread(tmp_path / "out.tif")[hole]
    assert black - 400 < fill.min() < fill.max() < black + 1200


def test_hot_pixels_and_black_pictures(inpainter):
    image = in_range(1023, np.uint16)
    image = np.tile(image, (2, 2))
    hole = hole_of(*image.shape)
    plain = inpainter(image, hole)
    image[-1, -1] = 65535
    hot = inpainter(image, hole)
    assert np.abs(hot[hole].astype(int) - plain[hole]).max() < 100 and hot[-1, -1] == 65535
    assert inpainter(np.zeros_like(image), hole).max() <= 1


NO_INTENSITIES = {
    "negative": (scaled(900, np.int16, -400), "from -.* to .*at least 0"),
    "negative floats": (scaled(1, np.float32, -0.2), "at least 0"),
    "NaN": (with_hole_of(np.nan, scaled(1, np.float32)), "not finite"),
    "infinite": (with_hole_of(np.inf, scaled(1, np.float32)), "not finite"),
}


@pytest.mark.parametrize("name", NO_INTENSITIES)
def test_known_samples_that_are_no_intensities(name, inpainter, tmp_path):
    """One sentence that names the file, wherever the colours are asked for."""
    write, words = NO_INTENSITIES[name]
    write(tmp_path / "in.tif")
    picture = read_picture(tmp_path / "in.tif")
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[:2, :2] = True
    for use in (lambda: inpainter.fill(picture, hole), picture.rgb, picture.rgb8, picture.luminance):
        with pytest.raises(InputError, match=rf"in\.tif has known samples.*{words}"):
            use()


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_masks_of_32_bit_integers(white, tmp_path):
    hole = hole_of(HEIGHT, WIDTH)
    Image.fromarray(hole.astype(np.int32) * white).save(tmp_path / "mask.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif"), hole)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
def test_no_file_shows_what_was_there(source, suffix, inpainter, tmp_path):
    """A thumbnail in EXIF data, in Photoshop's and in JFIF's segments: no byte of it is in what is written."""
    path = tmp_path / f"in{source}"
    exif = with_thumbnail(exif_of().tobytes())
    Image.fromarray(noise(HEIGHT, WIDTH, 3)).save(path, exif=exif, **LOSSLESS.get(source, {}))
    if source == ".jpg":
        plain = path.read_bytes()
        block = b"Photoshop 3.0\x008BIM\x04\x0c\0\0" + len(THUMBNAIL).to_bytes(4, "big") + THUMBNAIL
        for marker, content in ((0xED, block), (0xE0, b"JFXX\0\x10" + THUMBNAIL)):
            segment = bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
            plain = plain[:2] + segment + plain[2:]
        path.write_bytes(plain)
    assert b"what was there" in path.read_bytes()
    filled(inpainter, path, tmp_path / f"out{suffix}")
    assert b"what was there" not in (tmp_path / f"out{suffix}").read_bytes()
    assert Image.open(tmp_path / f"out{suffix}").getexif()[0x010F] == "a maker"
