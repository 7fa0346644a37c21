"""What is sent to visitors: files of results, previews that a browser can show."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from urllib.parse import quote

import numpy as np
from fastapi import Response
from PIL import Image

from latentinpaint.errors import choose
from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_files import encode_picture
from latentinpaint.images.image_format import BMP, GIF, JPEG, PNG, TIFF, WEBP, ImageFormat
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.service.job import Answer

SAME = "same"
FORMATS_BY_NAME = {"png": PNG, "jpeg": JPEG, "webp": WEBP, "tiff": TIFF}
_SUFFIXES = {PNG: ".png", JPEG: ".jpg", WEBP: ".webp", TIFF: ".tif", BMP: ".bmp", GIF: ".gif"}
_EXACT_PIXELS = 500_000  # a preview of no more is sent without loss


def file_answer(
    picture: Picture, own_format: ImageFormat, wanted: str, quality: int | None, ending: str = ""
) -> Answer:
    """The file of a picture.

    Args:
        picture: its name is that of the file it came in.
        own_format: of that file.
        wanted: "same" for that, or a key of `FORMATS_BY_NAME`.
        quality: of a JPEG, 1 to 100; None keeps that of the source.
        ending: of the file's name, before the suffix.

    Raises:
        InputError: if there is no such format, or it cannot hold the picture.
    """
    target = own_format
    if wanted != SAME:
        target = choose(FORMATS_BY_NAME | {SAME: own_format}, wanted, "format")
    if quality is not None and target is JPEG:
        picture = picture.with_jpeg_quality(quality)
    name = f"{PurePath(picture.name).stem}{ending}{_SUFFIXES[target]}"
    content, notes = encode_picture(picture, target, name)
    return Answer(content, f"image/{target.name.lower()}", name, tuple(notes))


def answer_response(answer: Answer) -> Response:
    """A file as a response to be saved."""
    response = Response(answer.content, media_type=answer.media_type)
    plain_name = re.sub(r"[^\w.() -]", "_", answer.name, flags=re.ASCII)  # for those that read nothing else
    response.headers["content-disposition"] = (
        f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(answer.name)}"
    )
    if answer.notes:
        response.headers["x-notes"] = quote("; ".join(answer.notes), safe=" ;:,.()'%/=+&#?@!")
    return response


def zip_answer(answers: Sequence[Answer], name: str) -> Answer:
    """Several files as one, their notes together."""
    packed = io.BytesIO()
    notes: dict[str, None] = {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for answer in answers:
            archive.writestr(answer.name, answer.content)
            notes |= dict.fromkeys(answer.notes)
    return Answer(packed.getvalue(), "application/zip", name, tuple(notes))


def mask_png(hole: np.ndarray) -> bytes:
    """A hole (H, W) bool as a PNG, white."""
    return encode_image(Image.fromarray(hole.astype(np.uint8) * 255), PNG)


def shown(picture: Picture, side: int) -> Image.Image:
    """An RGB image of 8 bits, the longer side at most `side` pixels, over white where the picture is transparent."""
    return reduced(Image.fromarray(np.ascontiguousarray(_over_white(picture))), side)


def reduced(image: Image.Image, side: int) -> Image.Image:
    """The image with its longer side at most `side` pixels."""
    factor = min(1.0, side / max(image.size))
    if factor == 1:
        return image
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def preview_answer(picture: Picture, side: int) -> Answer:
    """A preview that a browser can show: without loss where it is small, else a JPEG; with its colour profile."""
    image = shown(picture, side)
    options = {}
    profile = picture.icc_profile or b""
    if profile[16:20] == b"RGB ":
        options["icc_profile"] = profile
    if image.width * image.height <= _EXACT_PIXELS:
        return Answer(encode_image(image, PNG, compress_level=3, **options), "image/png", "preview.png")
    return Answer(encode_image(image, JPEG, quality=92, **options), "image/jpeg", "preview.jpg")


def part_of(picture: Picture, box: Box) -> Picture:
    """A part of a picture, to be shown."""
    return replace(picture, samples=picture.samples[box.top : box.bottom, box.left : box.right])


def _over_white(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8."""
    pixels = picture.rgb8()
    alpha = picture.alpha()
    if alpha is None:
        return pixels
    opacity = alpha[..., None]
    return np.rint(pixels * opacity + 255 * (1 - opacity)).astype(np.uint8)
