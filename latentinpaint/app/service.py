"""What the page does, without a page: files and settings in, files and sentences out.

Conventions
- The photo is read from the file as it was uploaded, at its own size and depth. What the page shows and is painted on
  is a *preview*, 8 bits, upright, with its longer side at most `PREVIEW_SIDE`.
- A painted hole has the preview's size and is brought to the photo's by nearest neighbours; where the photo is no
  larger than its preview, it is taken as it is. A mask file has the photo's size.
- Messages name files as their owner does, never where they lie on this machine.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.images.encode import FORMATS_BY_SUFFIX, JPEG
from latentinpaint.images.image_files import Picture, read_mask, read_picture, write_picture
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inpainter import Inpainter

PREVIEW_SIDE = 1536
TINT = (230, 30, 60)  # of a hole from a file, on the preview
_READABLE = sorted({target.name.upper() for target in FORMATS_BY_SUFFIX.values()})
_SUFFIXES = {
    target.name.upper(): suffix for suffix, target in reversed(FORMATS_BY_SUFFIX.items()) if target is not JPEG
}


@dataclass(frozen=True)
class Limits:
    """What is taken from a browser: megabytes (2^20) of a file, megapixels of a picture, samples and steps."""

    upload: float = 100.0
    megapixels: float = 50.0
    samples: int = 8
    steps: int = 50

    def __post_init__(self) -> None:
        if not (self.upload > 0 and self.megapixels > 0):
            raise InputError("--max-upload and --max-megapixels are numbers above 0")

    @property
    def upload_bytes(self) -> int:
        """The largest file."""
        return int(self.upload * 2**20)


@dataclass(frozen=True)
class Photo:
    """A picture as it was uploaded.

    Attributes:
        picture: all of its samples.
        stem: its file's name without suffix.
        suffix: of a file that can hold it exactly: its own format's, .png in place of JPEG.
    """

    picture: Picture
    stem: str
    suffix: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.picture.height, self.picture.width

    def __str__(self) -> str:
        height, width = self.size
        return f"{self.picture.name}, {width}×{height} pixels"


@dataclass(frozen=True)
class Settings:
    """How to fill; see `Inpainter.__call__`. `report` is called with a sentence while a refinement runs."""

    samples: int = 1
    steps: int | None = None
    seed: int = 0
    refine: bool = False
    report: Callable[[str], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Filled:
    """Files of a fill and what is to be said of it.

    Attributes:
        results: filled pictures at full size, one a sample.
        mask: the hole at full size, white.
        before, afters: previews of the photo and of the results.
        uncertainty: how different the samples are, as a picture; None of one sample.
        sentence: fraction of the hole and time; the model's name goes behind it.
        notes: what could not be kept in the result's file.
    """

    results: list[str]
    mask: str
    before: str
    afters: list[str]
    uncertainty: str | None
    sentence: str
    notes: list[str]


def read_photo(path: str | Path, limits: Limits) -> Photo:
    """Read an uploaded picture; its size is checked before it is decoded.

    Raises:
        InputError: if it is gone, too large, or cannot be read.
    """
    path = Path(path)
    with _owners_name(path):
        kind = _checked(path, limits)
        picture = replace(read_picture(path), name=path.name)
    return Photo(picture, path.stem, _SUFFIXES.get(kind, ".png"))


def read_hole(path: str | Path, photo: Photo, limits: Limits, invert: bool = False) -> np.ndarray:
    """Read an uploaded mask of a photo: (H, W) bool, True = hole.

    Raises:
        InputError: as `read_photo`, and if it has another size than the photo.
    """
    path = Path(path)
    with _owners_name(path):
        _checked(path, limits)
        hole = read_mask(path, invert)
    if hole.shape != photo.size:
        (mask_height, mask_width), (height, width) = hole.shape, photo.size
        raise InputError(
            f"the mask {path.name} is {mask_width}×{mask_height} pixels, the photo {width}×{height}: "
            "they have to be equal"
        )
    return hole


def painted_hole(layers: Sequence[Image.Image], photo: Photo) -> np.ndarray:
    """What was painted on a photo's preview, brought to the photo's size: (H, W) bool.

    Args:
        layers: pictures of the preview's size; a hole is where any of them is not transparent.
        photo: what the preview shows.

    Raises:
        InputError: if a layer has another size, as after the photo was exchanged.
    """
    height, width = photo.size
    hole = np.zeros((height, width), bool)
    for layer in layers:
        alpha = np.asarray(layer.convert("RGBA"))[..., 3] > 0
        if alpha.shape != preview_size(height, width):
            if alpha.any():
                raise InputError("the painted mask belongs to another photo: clear it and paint it again")
            continue
        rows = (2 * np.arange(height) + 1) * alpha.shape[0] // (2 * height)
        columns = (2 * np.arange(width) + 1) * alpha.shape[1] // (2 * width)
        hole |= alpha[np.ix_(rows, columns)]
    return hole


def preview_size(height: int, width: int, longest: int = PREVIEW_SIDE) -> tuple[int, int]:
    """Height and width of the preview of a photo of this height and width."""
    factor = min(1.0, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def preview(picture: Picture, hole: np.ndarray | None = None, longest: int = PREVIEW_SIDE) -> Image.Image:
    """A picture as a browser can show it: RGB, 8 bits, over white where it is transparent.

    Args:
        picture: any.
        hole: (H, W) bool, tinted.
        longest: the longer side in pixels, at most.
    """
    colours, alpha = picture.rgb8(), picture.alpha()
    if alpha is not None:
        colours = np.rint(colours * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    if hole is not None and hole.any():
        colours = colours.copy()
        colours[hole] = np.rint(0.35 * colours[hole] + 0.65 * np.array(TINT)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(colours))
    height, width = preview_size(*colours.shape[:2], longest)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    profile = picture.icc_profile or b""
    if profile[16:20] == b"RGB ":
        image.info["icc_profile"] = profile
    return image


def save_preview(image: Image.Image, path: Path) -> str:
    """Write a preview so that a browser opens it in the right colours; answers the path."""
    image.save(path, icc_profile=image.info.get("icc_profile"), compress_level=3)
    return str(path)


def fill(inpainter: Inpainter, photo: Photo, hole: np.ndarray, settings: Settings, folder: Path) -> Filled:
    """Fill a hole (H, W) bool and write what the page shows and offers into a folder.

    Raises:
        InputError: if there is no hole, or a setting cannot be used.
    """
    if not hole.any():
        raise InputError("nothing is painted yet: paint over what is to be filled, or choose a mask file")
    start = time.perf_counter()
    refine = Refinement(report=settings.report) if settings.refine else False
    answers = inpainter.fill(
        photo.picture, hole, settings.samples, settings.seed, steps=settings.steps, refine=refine
    )
    seconds = time.perf_counter() - start
    many = len(answers) > 1
    results, afters, notes = [], [], []
    for number, answer in enumerate(answers, start=1):
        name = f"{photo.stem}_filled_{number}" if many else f"{photo.stem}_filled"
        results.append(str(folder / f"{name}{photo.suffix}"))
        notes = write_picture(answer, results[-1])
        afters.append(save_preview(preview(answer), folder / f"shown_{number}.png"))
    mask = folder / f"{photo.stem}_mask.png"
    Image.fromarray(hole.astype(np.uint8) * 255).save(mask)
    height, width = photo.size
    return Filled(
        results=results,
        mask=str(mask),
        before=save_preview(preview(photo.picture), folder / "shown_before.png"),
        afters=afters,
        uncertainty=_save_uncertainty(answers, hole, folder) if many else None,
        sentence=f"Filled {100 * hole.mean():.3g} % of {width}×{height} pixels in {seconds:.1f} s with",
        notes=[note.replace(str(folder), "").strip() for note in notes],
    )


def _save_uncertainty(answers: Sequence[Picture], hole: np.ndarray, folder: Path) -> str:
    """The picture of `uncertainty_map`; of the hole's box alone, where all samples differ, to spare memory."""
    import torch

    from latentinpaint.visualization import draw_uncertainty, uncertainty_map

    rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    samples = torch.stack([torch.from_numpy(answer.rgb()[box]).permute(2, 0, 1) for answer in answers])
    spread = np.zeros(hole.shape, np.float32)
    spread[box] = uncertainty_map(samples, torch.from_numpy(hole[box])).numpy()
    photo = preview(answers[0], longest=640)
    path = folder / "uncertainty.png"
    draw_uncertainty(spread, hole, photo).save(path)
    return str(path)


def draw_difference(inpainter: Inpainter, photo: Photo, hole: np.ndarray, folder: Path, longest: int = 512) -> str:
    """Write the sheet of `latent_difference` of a photo, scaled down to `longest`; answers its path."""
    import torch

    from latentinpaint.pipeline import pad_to_cells
    from latentinpaint.visualization import draw_latent_difference, latent_difference

    pipeline = inpainter.pipeline
    stride = pipeline.autoencoder.stride
    image = preview(photo.picture, longest=longest)
    # A pixel of the smaller hole is hole as soon as a part of it is.
    smaller = Image.fromarray(hole.astype(np.float32)).resize(image.size, Image.Resampling.BOX)
    cells = torch.from_numpy(np.asarray(smaller) > 0).float()[None, None]
    pixels = torch.from_numpy(np.asarray(image) / np.float32(255)).permute(2, 0, 1)[None]
    pixels, cells = (pad_to_cells(part, stride).to(inpainter.device) for part in (pixels, cells))
    difference = latent_difference(pipeline.autoencoder, pixels, cells, pipeline.control)
    sheet = draw_latent_difference(difference, columns=3)
    path = folder / "latent_difference.png"
    sheet.save(path)
    return str(path)


def _checked(path: Path, limits: Limits) -> str:
    """Pillow's name of an uploaded file's format, "" if it knows none; the file is looked at, not decoded."""
    if not path.is_file():
        raise InputError(f"{path.name} is no longer on the server: choose the file again")
    if path.stat().st_size > limits.upload_bytes:
        raise InputError(f"{path.name} is larger than {limits.upload:g} MB; `--max-upload` sets the limit")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter or meant
            with Image.open(path, formats=_READABLE) as image:
                kind, (width, height) = image.format or "", image.size
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(path, limits)) from error
    except Exception:  # `read_picture` says what is wrong with it
        return ""
    if width * height > limits.megapixels * 1e6:
        raise InputError(_too_large(path, limits, f" {width}×{height} pixels,"))
    return kind


def _too_large(path: Path, limits: Limits, size: str = "") -> str:
    return f"{path.name} has{size} more than {limits.megapixels:g} megapixels; `--max-megapixels` sets the limit"


@contextmanager
def _owners_name(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from error
