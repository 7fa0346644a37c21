"""One method on one item: the fill, the resources it takes, and every figure of it, as a record that JSON can hold.

Fills are evaluated as the 8-bit files that a person would get (see `methods.to_eight_bits`). A method that draws K
samples has three rows: its first sample, the mean of all, and the best of them by LPIPS inside the hole, which is an
oracle: it is chosen by looking at the truth, and no user can have it.

A record is plain JSON: ``{"method", "label", "case", "failed", "rows": [{"row", "label", "kind", "seconds",
"megabytes", "evaluations", "figures", "features"}], "uncertainty"}``; "case" is the item's name, features are base64
of float32. `failed` is a sentence, and there are no rows then; with "again" it is tried once more in the next run.
`item_record` describes the item itself, its size and its hole.
"""

import base64
import hashlib
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.methods import Method, MethodError, check_fill, to_eight_bits
from latentinpaint.evaluation.profiling import ResourceUsage, profile
from latentinpaint.hole import is_hole
from latentinpaint.metrics.calibration import SampleStatistics, sample_statistics
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.perceptual import LPIPS
from latentinpaint.metrics.pixels import Metric, compare_regions, evaluate_pair
from latentinpaint.metrics.regions import decile, hole_width, width_class
from latentinpaint.runtime.randomness import numbered_generator

Record = dict[str, Any]
# What computes figures and fills: with another version they may differ.
LIBRARIES = ("torch", "torchvision", "torchmetrics", "torch-fidelity", "lpips", "kornia", "numpy", "scikit-image")
SAMPLE, MEAN, BEST = "sample", "mean", "best"


@dataclass
class Evaluation:
    """One method on one item.

    record: see the module. fills: (1, 3, H, W), by rows. standard_deviation: (1, 1, H, W), between the samples, if
    there are several. seconds: by what they were spent on.
    """

    record: Record
    fills: dict[str, Tensor] = field(default_factory=dict)
    standard_deviation: Tensor | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A fill (1, 3, H, W) that becomes a row: its name, label, `SAMPLE`, `MEAN` or `BEST`, and what it took."""

    row: str
    label: str
    kind: str
    usage: ResourceUsage
    fill: Tensor


@dataclass(frozen=True)
class Evaluator:
    """Metrics and feature networks that every method is evaluated by.

    metrics, networks: see `latentinpaint.metrics`. weights: checksums of the files of their weights, by metrics and
    distances.
    """

    metrics: Sequence[Metric]
    networks: Sequence[FeatureNetwork] = ()
    weights: dict[str, str] = field(default_factory=dict)

    @property
    def perceptual(self) -> Metric | None:
        """The first LPIPS, by which the best sample is chosen and diversity measured."""
        for metric in self.metrics:
            if isinstance(metric, LPIPS):
                return metric
        return None

    def identity(self) -> str:
        """What the figures depend on besides item and method."""
        names = [f"{metric.name} up to {metric.cap:g}" for metric in self.metrics]
        names += [network.name for network in self.networks]
        versions = [(name, version(name)) for name in LIBRARIES]
        return f"{names} {sorted(self.weights.items())} {versions}"

    def item_record(self, item: DatasetItem) -> Record:
        """The description of an item."""
        height, width = item.image.shape[-2:]
        fraction = item.mask.mean().item()
        across = hole_width(item.mask)[0]
        return {
            "case": item.name,
            "picture": item.picture or item.name,
            "size": [width, height],
            "hole_fraction": fraction,
            "decile": decile(fraction),
            "hole_width": across if math.isfinite(across) else None,
            "width_class": width_class(across, min(height, width)),
            "features": self._features(item.image),
        }

    def evaluate(self, method: Method, item: DatasetItem) -> Evaluation:
        """Let a method fill an item and evaluate the fill."""
        record: Record = {"method": method.name, "label": method.label, "case": item.name, "failed": None, "rows": []}
        seconds: dict[str, float] = {}
        samples = None
        try:
            with _timed(seconds, "fills"):
                fill, usage = _profiled_fill(method, item, 1)
                candidates = [Candidate(method.name, method.label, SAMPLE, usage, fill)]
                if method.num_samples > 1:
                    samples, usage = _profiled_fill(method, item, method.num_samples)
        except (MethodError, InputError) as error:
            return Evaluation(record | {"failed": str(error)}, seconds=seconds)
        except Exception as error:  # whatever a method does on one picture, the others are still to be evaluated
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            return Evaluation(record | {"failed": why, "again": True}, seconds=seconds)
        evaluation = Evaluation(record, seconds=seconds)
        with _timed(seconds, "metrics"):
            if samples is not None and len(samples) > 1:
                candidates += self._of_samples(method, item, samples, usage)
                statistics = self._statistics(item, samples)
                record["uncertainty"] = _statistics_record(statistics)
                evaluation.standard_deviation = statistics.map
            for candidate in candidates:
                fill = to_eight_bits(candidate.fill)
                evaluation.fills[candidate.row] = fill
                record["rows"].append(self._row_record(candidate, fill, item))
        with _timed(seconds, "features"):
            for row in record["rows"]:
                row["features"] = self._features(evaluation.fills[row["row"]])
        return evaluation

    def _row_record(self, candidate: Candidate, fill: Tensor, item: DatasetItem) -> Record:
        of_files: list[Metric] = []
        of_raw: list[Metric] = []
        for metric in self.metrics:
            kind = of_files if metric.clamped else of_raw
            kind.append(metric)
        figures = evaluate_pair(fill, item.image, item.mask, of_files)
        figures |= compare_regions(candidate.fill, item.image, item.mask, of_raw)
        return {
            "row": candidate.row,
            "label": candidate.label,
            "kind": candidate.kind,
            **asdict(candidate.usage),
            "figures": {key: value.item() for key, value in figures.items()},
        }

    def _of_samples(
        self, method: Method, item: DatasetItem, samples: Tensor, usage: ResourceUsage
    ) -> Iterator[Candidate]:
        """The mean of several samples, and the best of them."""
        mean, oracle = _sample_suffixes(len(samples))
        yield Candidate(method.name + mean, method.label + mean, MEAN, usage, samples.mean(0, True))
        perceptual = self.perceptual
        if perceptual is None or min(item.image.shape[-2:]) < perceptual.smallest_side:
            return
        distances = []
        for sample in samples:  # one by one: in a batch the last digits could depend on how many there are
            pixel_map = perceptual(to_eight_bits(sample[None]), item.image)
            distances.append(pixel_map.over(item.mask).item())
        best = int(np.argmin(distances))
        yield Candidate(method.name + oracle, method.label + oracle, BEST, usage, samples[best : best + 1])

    def _statistics(self, item: DatasetItem, samples: Tensor) -> SampleStatistics:
        generator = numbered_generator(0, item.name)
        return sample_statistics(samples, item.image, item.mask, self.perceptual, generator)

    @torch.no_grad()
    def _features(self, images: Tensor) -> dict[str, str]:
        found = {}
        for network in self.networks:
            if _accepts(network, images):
                found[network.name] = encode_vector(network(images)[0])
        return found


def evaluate_all(
    items: Iterable[DatasetItem], methods: Sequence[Method], evaluator: Evaluator
) -> tuple[list[Record], list[Record]]:
    """Evaluate every method on every item, in memory: the items' records and the methods'."""
    item_records = []
    records = []
    for item in items:
        item_records.append(evaluator.item_record(item))
        for method in methods:
            records.append(evaluator.evaluate(method, item).record)
    return item_records, records


def row_names(method: Method, with_best: bool) -> list[str]:
    """The rows that a method has, with the best of its samples where there is an LPIPS to choose it by."""
    names = [method.name]
    if method.num_samples > 1:
        mean, oracle = _sample_suffixes(method.num_samples)
        names.append(method.name + mean)
        if with_best:
            names.append(method.name + oracle)
    return names


def item_digest(item: DatasetItem) -> str:
    """A checksum of an item's picture and hole."""
    digest = hashlib.sha256(f"{item.name} {tuple(item.image.shape)}".encode())
    digest.update(item.image.numpy().tobytes())
    digest.update(np.packbits(is_hole(item.mask.numpy())).tobytes())
    return digest.hexdigest()


def encode_vector(values: Tensor) -> str:
    """A vector as text, float32."""
    return base64.b64encode(values.float().cpu().numpy().tobytes()).decode()


def decode_vector(text: str) -> Tensor:
    """The inverse of `encode_vector`."""
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float32).copy())


@contextmanager
def _timed(seconds: dict[str, float], activity: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[activity] = time.perf_counter() - started


def _profiled_fill(method: Method, item: DatasetItem, num_samples: int) -> tuple[Tensor, ResourceUsage]:
    with profile(method.device, method.network) as usage:
        fill = method.fill(item, num_samples)
    check_fill(fill, item)
    return fill, usage


def _sample_suffixes(count: int) -> tuple[str, str]:
    """What follows a method's name in the rows of its samples' mean and of their best."""
    return f", mean of {count}", f", best of {count} (oracle)"


def _statistics_record(statistics: SampleStatistics) -> Record:
    return {
        "samples": statistics.samples,
        "deviation": statistics.standard_deviation,
        "diversity": statistics.diversity,
        "spread_squared": statistics.spread_squared,
        "error_squared": statistics.error_squared,
        "ranks": statistics.ranks,
    }


def _accepts(network: FeatureNetwork, images: Tensor) -> bool:
    try:
        network.check(images)
    except InputError:
        return False
    return True
