"""Which pictures, which holes and which methods: the same for every method, on every machine.

A hole drawn from a preset depends on the protocol's seed and the picture's name alone. Fills are judged as the 8-bit
files that a person would get: rounded to 1/255. Every metric is taken per picture and then averaged over pictures;
"_hole" metrics look at the hole's pixels only (see `metrics`).
"""

import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from latentinpaint.data.images import list_pictures, read_mask, read_picture
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.pairs import Pair, find_pairs
from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import Baseline
from latentinpaint.evaluation.metrics import Metric, evaluate_pair
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.randomness import numbered_generator


@dataclass(frozen=True)
class Case:
    """One picture (1, 3, H, W) in [0, 1] with its hole (1, 1, H, W), 1 = hole."""

    name: str
    image: Tensor
    mask: Tensor


class Cases:
    """Cases that are read one at a time, as they are asked for; how many there are is known beforehand.

    Args:
        sources: what each case is read from.
        read: makes the case.
    """

    def __init__(self, sources: Sequence[Any], read: Callable[[Any], Case]) -> None:
        self._sources, self._read = sources, read

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Case]:
        return map(self._read, self._sources)


def cases_from_preset(images: str | Path, preset: str, seed: int = 0, limit: int | None = None) -> Cases:
    """The pictures of a folder, each with a hole drawn from a preset scaled to its shorter side.

    Args:
        images: folder.
        preset: thin, medium, thick or training.
        seed: of the holes; a picture's hole depends on it and on the picture's name.
        limit: only so many pictures, the first by name.

    Raises:
        InputError: if the folder holds no picture or the preset is not known; while reading, if a picture cannot be
            read.
    """
    paths = list_pictures(images)
    if not paths:
        raise InputError(f"the folder {images} holds no picture")
    mask_preset(preset)

    def read(path: Path) -> Case:
        name = path.relative_to(images).as_posix()
        image = _to_tensor(path)
        generator = numbered_generator(seed, zlib.crc32(name.encode()))
        masks = mask_preset(preset, min(image.shape[-2:]))
        return Case(name, image, masks(*image.shape[-2:], generator)[None])

    return Cases(paths[:limit], read)


def cases_from_folders(images: str | Path, masks: str | Path, limit: int | None = None) -> Cases:
    """The pictures of a folder with the masks of another, matched by name (see `data.pairs`)."""

    def read(pair: Pair) -> Case:
        image, hole = _to_tensor(pair.image), read_mask(pair.mask)
        if hole.shape != image.shape[-2:]:
            raise InputError(f"the mask {pair.mask} has another size than {pair.image}")
        if not hole.any():
            raise InputError(f"the mask {pair.mask} has no hole (no white pixel)")
        return Case(pair.name, image, torch.from_numpy(hole).float()[None, None])

    return Cases(find_pairs(images, masks)[:limit], read)


class Method(Protocol):
    """Anything that fills: named, and called with one case."""

    name: str
    label: str

    def fill(self, case: Case) -> Tensor:
        """The filled picture (1, 3, H, W)."""


@dataclass(frozen=True)
class BaselineMethod:
    """A method that needs no training."""

    baseline: Baseline

    @property
    def name(self) -> str:
        return self.baseline.name

    @property
    def label(self) -> str:
        return self.baseline.label

    def fill(self, case: Case) -> Tensor:
        return self.baseline(case.image, case.mask)


@dataclass(frozen=True)
class ModelMethod:
    """A trained model; with more than one sample, their mean."""

    name: str
    label: str
    pipeline: InpaintPipeline
    num_samples: int = 1
    steps: int | None = None
    seed: int = 0

    def fill(self, case: Case) -> Tensor:
        device = self.pipeline.autoencoder.latent_mean.device
        image, mask = case.image.to(device), case.mask.to(device)
        return self.pipeline.sample(image, mask, self.num_samples, self.seed, self.steps).mean(dim=1).cpu()


def model_methods(
    name: str, pipeline: InpaintPipeline, num_samples: int = 1, steps: int | None = None, seed: int = 0
) -> list[ModelMethod]:
    """A model's first sample and, of a stochastic one asked for several, the mean of all as a row of its own."""
    methods = [ModelMethod(name, name, pipeline, 1, steps, seed)]
    if num_samples > 1 and pipeline.refiner.stochastic:
        title = f"{name}, mean of {num_samples}"
        methods.append(ModelMethod(title, title, pipeline, num_samples, steps, seed))
    return methods


@dataclass
class Scores:
    """What one row of the table says: means over pictures, and every picture's own figures."""

    label: str
    pictures: list[dict[str, Any]] = field(default_factory=list)

    def mean(self, key: str) -> float:
        """Mean over the pictures for which the figure is finite (an empty hole has no hole metrics)."""
        values = [picture[key] for picture in self.pictures if math.isfinite(picture[key])]
        return sum(values) / len(values) if values else math.nan

    def infinite(self, key: str) -> int:
        """How many pictures the mean leaves out: a perfect fill has an infinite PSNR."""
        return sum(not math.isfinite(picture[key]) for picture in self.pictures)

    def median(self, key: str) -> float:
        values = sorted(picture[key] for picture in self.pictures)
        middle = len(values) // 2
        return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

    def metric_names(self) -> list[str]:
        return [key for key in self.pictures[0] if key not in ("name", "seconds", "hole_fraction")]

    def as_json(self) -> dict[str, Any]:
        means = {key: self.mean(key) for key in self.metric_names()}
        return {
            "label": self.label,
            "pictures_judged": len(self.pictures),
            "mean": _json_safe(means),
            "infinite": {key: count for key in means if (count := self.infinite(key))},
            "seconds_median": self.median("seconds"),
            "pictures": [_json_safe(picture) for picture in self.pictures],
        }


def judge(
    cases: Iterable[Case],
    methods: Sequence[Method],
    metrics: Sequence[Metric],
    progress: Callable[[str], None] = lambda name: None,
) -> dict[str, Scores]:
    """Run every method on every case; answers one `Scores` a row, by its name.

    The seconds of a picture are the fill's alone, of all samples for a mean of several.

    Args:
        cases: pictures with holes.
        methods: what to compare.
        metrics: see `metrics.METRICS` and `metrics.load_lpips`.
        progress: called with a picture's name when it is done.
    """
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise InputError(f"two methods are called the same: {', '.join(sorted(names))}")
    rows = {method.name: Scores(method.label) for method in methods}
    for case in cases:
        for method in methods:
            started = time.perf_counter()
            fill = method.fill(case)
            seconds = time.perf_counter() - started
            figures = evaluate_pair(torch.round(fill * 255) / 255, case.image, case.mask, metrics)
            rows[method.name].pictures.append(
                {
                    "name": case.name,
                    "hole_fraction": case.mask.mean().item(),
                    "seconds": seconds,
                    **{key: value.item() for key, value in figures.items()},
                }
            )
        progress(case.name)
    return rows


def _to_tensor(path: Path) -> Tensor:
    return torch.from_numpy(read_picture(path).rgb()).permute(2, 0, 1)[None].contiguous()


def _json_safe(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity and no NaN: they become null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
