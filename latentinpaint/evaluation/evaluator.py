"""One method on one case: the fill, what it costs, and every figure of it, as a record that JSON can hold.

Fills are judged as the 8-bit files that a person would get. A method that draws K samples
has three rows: its first sample, the mean of all, and the best of them by LPIPS inside the hole, which is an oracle:
it is chosen by looking at the truth, and no user can have it.

A record is plain JSON: ``{"method", "label", "case", "failed", "rows": [{"row", "label", "kind", "seconds",
"megabytes", "evaluations", "figures", "features"}], "uncertainty"}``; features are base64 of float32. `failed` is a
sentence, and there are no rows then; with "again" it is tried once more in the next run. Of the case itself
`item_record` tells size and hole.
"""

import base64
import hashlib
import math
import time
import zlib
from collections.abc import Iterable, Sequence
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
from latentinpaint.metrics.calibration import uncertainty
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.perceptual import LPIPS
from latentinpaint.metrics.pixels import Metric, evaluate_pair
from latentinpaint.metrics.regions import decile, hole_width, width_class
from latentinpaint.randomness import numbered_generator

Record = dict[str, Any]
# What computes figures and fills: with another version they may differ.
LIBRARIES = ("torch", "torchvision", "torchmetrics", "torch-fidelity", "lpips", "kornia", "numpy", "scikit-image")
SAMPLE, MEAN, BEST = "sample", "mean", "best"


@dataclass
class Evaluation:
    """A record, the fills (1, 3, H, W) of its rows, and the map of the samples' deviation (1, 1, H, W) if there are
    any.

    spent: seconds by what they were spent on.
    """

    record: Record
    fills: dict[str, Tensor] = field(default_factory=dict)
    deviation: Tensor | None = None
    spent: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluator:
    """Metrics and feature networks that every method is judged by.

    metrics, networks: see `latentinpaint.metrics`. weights: checksums of the files they look
    through, by what they are for.
    """

    metrics: Sequence[Metric]
    networks: Sequence[FeatureNetwork] = ()
    weights: dict[str, str] = field(default_factory=dict)

    @property
    def perceptual(self) -> Metric | None:
        """The first LPIPS, by which the best sample is chosen and diversity measured."""
        return next((metric for metric in self.metrics if isinstance(metric, LPIPS)), None)

    def identity(self) -> str:
        """What the figures depend on besides case and method."""
        names = [*(m.name for m in self.metrics), *(n.name for n in self.networks)]
        return f"{names} {sorted(self.weights.items())} {[(name, version(name)) for name in LIBRARIES]}"

    def item_record(self, case: DatasetItem) -> Record:
        """What is to be known of a case."""
        height, width = case.image.shape[-2:]
        fraction, across = case.mask.mean().item(), hole_width(case.mask)[0]
        return {
            "case": case.name,
            "picture": case.picture or case.name,
            "size": [width, height],
            "hole_fraction": fraction,
            "decile": decile(fraction),
            "hole_width": across if math.isfinite(across) else None,
            "width_class": width_class(across, min(height, width)),
            "features": self._features(case.image),
        }

    def evaluate(self, method: Method, case: DatasetItem) -> Evaluation:
        """Let a method fill a case and judge the fill."""
        record: Record = {"method": method.name, "label": method.label, "case": case.name, "failed": None, "rows": []}
        spent = {}
        try:
            with profile(method.device, method.network) as one:
                sample = method.fill(case, 1)
            check_fill(sample, case)
            total, samples = one, sample
            if method.num_samples > 1:
                with profile(method.device, method.network) as total:
                    samples = method.fill(case, method.num_samples)
                check_fill(samples, case)
        except (MethodError, InputError) as error:
            return Evaluation(record | {"failed": str(error)}, spent={"fills": one.seconds})
        except Exception as error:  # whatever a method does on one picture, the others are still to be judged
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            return Evaluation(record | {"failed": why, "again": True}, spent={"fills": one.seconds})
        spent["fills"] = one.seconds + (total.seconds if total is not one else 0.0)
        started = time.perf_counter()
        rows = [(method.name, method.label, SAMPLE, one, sample)]
        deviation = None
        if len(samples) > 1:
            deviation = self._samples(record, method, case, samples, total, rows)
        fills = {}
        for name, label, kind, cost, fill in rows:
            fills[name] = to_eight_bits(fill)
            figures = evaluate_pair(fills[name], case.image, case.mask, self.metrics)
            record["rows"].append(
                {
                    "row": name,
                    "label": label,
                    "kind": kind,
                    **asdict(cost),
                    "figures": {key: value.item() for key, value in figures.items()},
                }
            )
        spent["metrics"] = time.perf_counter() - started
        started = time.perf_counter()
        for row in record["rows"]:
            row["features"] = self._features(fills[row["row"]])
        spent["features"] = time.perf_counter() - started
        return Evaluation(record, fills, deviation, spent)

    def _samples(
        self,
        record: Record,
        method: Method,
        case: DatasetItem,
        samples: Tensor,
        cost: ResourceUsage,
        rows: list[tuple],
    ) -> Tensor:
        """Add the rows and figures of several samples; answers the map of their deviation."""
        title, count = method.label, len(samples)
        mean, oracle = _of_samples(count)
        rows.append((method.name + mean, title + mean, MEAN, cost, samples.mean(0, True)))
        perceptual = self.perceptual
        if perceptual is not None and min(case.image.shape[-2:]) >= perceptual.smallest_side:
            # One by one: in a batch the last digits could depend on how many there are.
            inside = [perceptual(to_eight_bits(x[None]), case.image).over(case.mask).item() for x in samples]
            best = int(np.argmin(inside))
            rows.append((method.name + oracle, title + oracle, BEST, cost, samples[best : best + 1]))
        generator = numbered_generator(0, zlib.crc32(case.name.encode()))
        found = uncertainty(samples, case.image, case.mask, perceptual, generator)
        record["uncertainty"] = {key: value for key, value in asdict(found).items() if key != "map"}
        return found.map

    def _features(self, images: Tensor) -> dict[str, str]:
        with torch.no_grad():
            found = {n.name: n(images)[0] for n in self.networks if _takes(n, images)}
        return {name: encode_vector(values) for name, values in found.items()}


def row_names(method: Method, with_best: bool) -> list[str]:
    """The rows that a method has, with the best of its samples where there is an LPIPS to choose it by."""
    own = _of_samples(method.num_samples)[: 1 + with_best] if method.num_samples > 1 else ()
    return [method.name, *(method.name + suffix for suffix in own)]


def evaluate_all(
    cases: Iterable[DatasetItem], methods: Sequence[Method], judging: Evaluator
) -> tuple[list[Record], list[Record]]:
    """Evaluate every method on every case, in memory: the cases' records and the methods'."""
    about, records = [], []
    for case in cases:
        about.append(judging.item_record(case))
        records += [judging.evaluate(method, case).record for method in methods]
    return about, records


def item_digest(case: DatasetItem) -> str:
    """A checksum of a case's picture and hole."""
    digest = hashlib.sha256(f"{case.name} {tuple(case.image.shape)}".encode())
    digest.update(case.image.numpy().tobytes())
    digest.update(np.packbits(case.mask.numpy() > 0.5).tobytes())
    return digest.hexdigest()


def encode_vector(values: Tensor) -> str:
    """A vector as text, float32."""
    return base64.b64encode(values.float().cpu().numpy().tobytes()).decode()


def decode_vector(text: str) -> Tensor:
    """The vector that `encode_vector` made a text of."""
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float32).copy())


def _of_samples(count: int) -> tuple[str, str]:
    """What follows a method's name in the rows of its samples' mean and of their best."""
    return f", mean of {count}", f", best of {count} (oracle)"


def _takes(network: FeatureNetwork, images: Tensor) -> bool:
    try:
        network.check(images)
    except InputError:
        return False
    return True
