"""Twenty objects removed from photographs, each method's fill beside the others: a sheet to look at.

    python benchmarks/object_removal.py --photos judge.zip --out sheet --model runs/latent_ffc

Nobody knows what is behind an object, so there are no figures but the seconds of a fill. Columns: the photograph with
the mask outlined, a part of it around the object, and that part as PatchMatch, the model of the package and every
`--model` fill it. `object_removal.json` has the masks, drawn by hand; the photographs are not in the repository. Each
page (`sheet_1.png`, …) shows `--rows` objects.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from object_masks import HALVES, LIST, ObjectRemoval, open_photos, read_list
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.inpainter import Inpainter
from latentinpaint.visualization.grid import to_pil

OUTLINE = (255, 0, 255)
MARGIN = 6  # pixels of the sheet
CAPTION = 22  # height of a line of text
LETTER = 9  # width of a letter
CONTEXT = 0.35  # of the object's longer side that is shown on each side of it
LEAST_CONTEXT = 24  # pixels of the photograph

Fill = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Row:
    """One object: its caption, and pictures of one size, each with a caption of its own."""

    caption: str
    cells: list[tuple[str, Image.Image]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="archive (.zip) or folder of the photographs")
    parser.add_argument("--out", required=True, help="folder to write the pages to")
    parser.add_argument("--model", nargs="*", default=[], help="run folders or model files besides the package's own")
    parser.add_argument("--texture", action=argparse.BooleanOptionalAction, help="of all models; as each has it")
    parser.add_argument("--half", choices=HALVES, help="only the objects of this half of the photographs")
    parser.add_argument("--list", default=LIST, help="another list of objects")
    parser.add_argument("--side", type=int, default=560, help="of a picture in the sheet, pixels")
    parser.add_argument("--rows", type=int, default=3, help="objects on a page")
    options = parser.parse_args()
    try:
        pages = write_sheet(options)
    except InputError as error:
        parser.error(str(error))
    print(f"wrote {len(pages)} pages to {options.out}")


def write_sheet(options: argparse.Namespace) -> list[Path]:
    """Fill every object with every method and write each page as soon as it is full; returns the pages' paths."""
    entries = [entry for entry in read_list(options.list) if options.half in (None, entry.half)]
    ways = methods(options.model, options.texture)
    folder = Path(options.out)
    rows: list[Row] = []
    pages: list[Path] = []
    for number, (entry, photo) in enumerate(open_photos(entries, options.photos), start=1):
        rows.append(fill_row(number, entry, photo, ways, options.side))
        print(rows[-1].caption, *(label for label, _ in rows[-1].cells[2:]), sep="; ", flush=True)
        if len(rows) == options.rows or number == len(entries):
            folder.mkdir(parents=True, exist_ok=True)
            pages.append(folder / f"sheet_{len(pages) + 1}.png")
            draw_page(rows).save(pages[-1])
            rows = []
    return pages


def methods(models: list[str], texture: bool | None) -> dict[str, Fill | None]:
    """What fills, by name; None stands for a method that is not installed."""
    patch_match = BASELINES["patchmatch"]
    found: dict[str, Fill | None] = {}
    try:
        patch_match.check()
        found[patch_match.label] = patch_match
    except InputError as error:
        print(error)
        found[f"{patch_match.label}: pypatchmatch is not installed"] = None
    for model in ("default", *models):
        found[model] = _model_fill(Inpainter.from_pretrained(model, "cpu"), texture)
    return found


def _model_fill(inpainter: Inpainter, texture: bool | None) -> Fill:
    _ = inpainter.fused  # made for the first fill, whose seconds it does not belong to
    return lambda image, mask: inpainter(image, mask, texture=texture)


def fill_row(number: int, entry: ObjectRemoval, photo: Image.Image, ways: dict[str, Fill | None], side: int) -> Row:
    """An object before, and as each method fills it; pictures are squares of `side` pixels."""
    hole = entry.mask()
    box = view(hole)
    outlined = outline(photo, hole)
    cells = [("photograph", _shown(outlined, (0, 0, *photo.size), side)), ("before", _shown(outlined, box, side))]
    image = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    mask = torch.from_numpy(hole)[None, None].float()
    for name, fill in ways.items():
        if fill is None:
            cells.append((name, Image.new("RGB", (side, side), "lightgrey")))
            continue
        start = time.perf_counter()
        filled = to_pil(fill(image, mask)[0])
        cells.append((f"{name}, {time.perf_counter() - start:.1f} s", _shown(filled, box, side)))
    behind = f"{entry.object}; behind: {entry.behind}; {', '.join(entry.kinds)}"
    return Row(f"{number}  {entry.photo} ({entry.half} half, {entry.share():.1%}): {behind}", cells)


def view(hole: np.ndarray) -> tuple[int, int, int, int]:
    """The square (left, top, right, bottom) around a hole (H, W), with context, that is shown.

    It lies in the picture, and is no square where the picture is too narrow for it.
    """
    rows = np.flatnonzero(hole.any(axis=1))
    columns = np.flatnonzero(hole.any(axis=0))
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    length = round(longest + 2 * max(LEAST_CONTEXT, CONTEXT * longest))
    top, bottom = _span(rows, length, hole.shape[0])
    left, right = _span(columns, length, hole.shape[1])
    return left, top, right, bottom


def _span(found: np.ndarray, length: int, whole: int) -> tuple[int, int]:
    """A span of at most `length` with the found indices in its middle, moved into [0, whole]."""
    length = min(length, whole)
    start = (int(found[0]) + int(found[-1]) + 1 - length) // 2
    start = min(max(start, 0), whole - length)
    return start, start + length


def outline(photo: Image.Image, hole: np.ndarray) -> Image.Image:
    """The photograph with the pixels just inside the hole's border coloured."""
    padded = np.pad(hole, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    pixels = np.array(photo)
    pixels[hole & ~inner] = OUTLINE
    return Image.fromarray(pixels)


def _shown(picture: Image.Image, box: tuple[int, int, int, int], side: int) -> Image.Image:
    """A part of a picture, as large as a square of `side` pixels allows."""
    part = picture.crop(box)
    scale = side / max(part.size)
    size = (round(part.width * scale), round(part.height * scale))
    square = Image.new("RGB", (side, side), "white")
    square.paste(part.resize(size, Image.Resampling.BICUBIC), ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def draw_page(rows: list[Row]) -> Image.Image:
    """Rows one below the other, as a picture."""
    side = rows[0].cells[0][1].width
    width = len(rows[0].cells) * (side + MARGIN) - MARGIN
    height = side + 2 * CAPTION + MARGIN
    page = Image.new("RGB", (width, height * len(rows)), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=15)
    for index, row in enumerate(rows):
        top = index * height
        draw.text((2, top + 2), row.caption, fill="black", font=font)
        for column, (label, picture) in enumerate(row.cells):
            left = column * (side + MARGIN)
            # A path may be long: its end, and the seconds, are what tells models apart.
            draw.text((left + 2, top + CAPTION), label[-(side // LETTER) :], fill="dimgrey", font=font)
            page.paste(picture, (left, top + 2 * CAPTION))
    return page


if __name__ == "__main__":
    main()
