"""Where the time of filling goes, on one thread: decoding, networks, texture, encoding, for three sizes of pictures.

    python benchmarks/fill_throughput.py --images photos --repeats 5

Each photograph is the middle of one of the folder's (scikit-image's without one), scaled to the size; a quarter of
its sides is the hole, of 12 megapixels an object of 300 pixels. Texture is all of a fill that is not the networks'.
Bytes are those of the PNG, or of a JPEG of quality 90, and of the mask that are read, and of the file that is
written.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps

from latentinpaint.images.folders import list_pictures
from latentinpaint.images.image_files import binary_mask, decode_picture, encode_picture
from latentinpaint.images.image_format import format_of
from latentinpaint.inpainter import Inpainter
from latentinpaint.pipeline import InpaintPipeline


@dataclass(frozen=True)
class Size:
    """Photographs of one size with one hole: pixels, and the format of their files."""

    width: int
    height: int
    hole: int
    suffix: str


SIZES = {
    "256 x 256": Size(256, 256, 64, ".png"),
    "512 x 512": Size(512, 512, 128, ".png"),
    "12 megapixels": Size(4000, 3000, 300, ".jpg"),
}


def photographs(folder: str | None, count: int) -> list[Image.Image]:
    """So many photographs, of a folder or of scikit-image."""
    if folder is not None:
        return [Image.open(path).convert("RGB") for path in list_pictures(folder)[:count]]
    from skimage import data

    pictures = [data.astronaut(), data.cat(), data.coffee(), data.rocket()]
    return [Image.fromarray(pictures[number % len(pictures)]) for number in range(count)]


def file_of(image: Image.Image, suffix: str) -> bytes:
    """The bytes of an image's file."""
    content = io.BytesIO()
    if suffix == ".jpg":
        image.save(content, "JPEG", quality=90)
    else:
        image.save(content, "PNG")
    return content.getvalue()


def timed(step: Callable) -> tuple[object, float]:
    """What a step returns, and its seconds."""
    started = time.perf_counter()
    found = step()
    return found, time.perf_counter() - started


@contextmanager
def seconds_of_networks() -> Iterator[list[float]]:
    """Collect the seconds of every call of the networks."""
    seconds: list[float] = []
    sample = InpaintPipeline.sample_with_error

    def timed_sample(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  those of the method
        found, needed = timed(lambda: sample(*arguments, **options))
        seconds.append(needed)
        return found

    with patch.object(InpaintPipeline, "sample_with_error", timed_sample):
        yield seconds


def measure(inpainter: Inpainter, image: Image.Image, size: Size) -> dict[str, float]:
    """Seconds by step, and bytes, of one photograph."""
    content = file_of(ImageOps.fit(image, (size.width, size.height), Image.Resampling.LANCZOS), size.suffix)
    hole = np.zeros((size.height, size.width), np.uint8)
    top, left = (size.height - size.hole) // 2, (size.width - size.hole) // 2
    hole[top : top + size.hole, left : left + size.hole] = 255
    mask_content = file_of(Image.fromarray(hole), ".png")
    name = f"photo{size.suffix}"

    def decode() -> tuple:
        return decode_picture(content, name), binary_mask(decode_picture(mask_content, "mask.png"))

    (picture, mask), decoding = timed(decode)
    with seconds_of_networks() as networks:
        filled, filling = timed(lambda: inpainter.fill(picture, mask))
    (encoded, _), encoding = timed(lambda: encode_picture(filled[0], format_of(name), name))
    return {
        "decode": decoding,
        "networks": sum(networks),
        "texture": filling - sum(networks),
        "encode": encoding,
        "read": len(content) + len(mask_content),
        "written": len(encoded),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of photographs")
    parser.add_argument("--repeats", type=int, default=5, help="photographs of each size")
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    inpainter = Inpainter.from_pretrained(options.model, "cpu")
    images = photographs(options.images, options.repeats)
    print("| photographs | decode | networks | texture | encode | in all | a core hour fills | read | written |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, size in SIZES.items():
        measure(inpainter, images[0], size)  # what is compiled and allocated at the first call is not counted
        found = [measure(inpainter, image, size) for image in images]
        median = {key: statistics.median(one[key] for one in found) for key in found[0]}
        steps = [median[step] for step in ("decode", "networks", "texture", "encode")]
        cells = [name, *(f"{seconds:.3f} s" for seconds in steps), f"{sum(steps):.2f} s"]
        cells += [f"{3600 / sum(steps):.0f}", f"{median['read'] / 1e6:.2f} MB", f"{median['written'] / 1e6:.2f} MB"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
