"""The rows of a benchmark's table: figures, costs, features and distances, from the records of a method."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.evaluation.evaluator import Record, decode_vector
from latentinpaint.evaluation.statistics import Mean, mean_with_interval
from latentinpaint.metrics.distances import KernelDistance, f1_of_ssim_and_fid, frechet_distance, kernel_distance
from latentinpaint.metrics.features import FeatureNetwork


@dataclass(frozen=True)
class Distances:
    """Distances between the fills of a row and their truths.

    frechet: by the networks' `distance`. kernels: by their `kernel`. f1: of SSIM and FID, nan where FID is no column.
    """

    frechet: dict[str, float] = field(default_factory=dict)
    kernels: dict[str, KernelDistance] = field(default_factory=dict)
    f1: float = math.nan


@dataclass
class TableRow:
    """A row of the table: one method, or one way to use its samples.

    groups: each item's picture. scores: of each metric, a value for each item, nan where there is none; seconds,
    megabytes and evaluations likewise. features: (N, d), by the networks' `distance`.
    """

    name: str
    label: str
    method: str
    kind: str
    groups: list[str]
    scores: dict[str, list[float]]
    seconds: list[float]
    megabytes: list[float]
    evaluations: list[float]
    features: dict[str, Tensor] = field(repr=False)
    distances: Distances = field(default_factory=Distances)

    def mean(self, key: str, where: Sequence[bool] | None = None) -> Mean:
        """Mean and interval of a metric, over all items or those where `where` is true."""
        if where is None:
            return mean_with_interval(self.scores[key], self.groups)
        chosen = np.array(where)
        return mean_with_interval(np.array(self.scores[key])[chosen], np.array(self.groups)[chosen].tolist())

    @cached_property
    def means(self) -> dict[str, Mean]:
        """Every metric's mean and interval."""
        means = {}
        for key in self.scores:
            means[key] = self.mean(key)
        return means


def column(records: Sequence[Record], key: str) -> list[Any]:
    """One value of every record."""
    return [record[key] for record in records]


def distances(
    features: Mapping[str, Tensor], truths: Mapping[str, Tensor], networks: Sequence[FeatureNetwork], ssim: float
) -> Distances:
    """Distances between fills and their truths.

    Args:
        features, truths: (N, d), by the networks' `distance`; N is at least 2, kernel distances need 4.
        networks: what they are features of.
        ssim: mean SSIM of the fills, for the F1 of SSIM and FID.
    """
    frechet = {}
    kernels = {}
    for network in networks:
        name = network.distance
        frechet[name] = frechet_distance(features[name], truths[name])
        if len(features[name]) >= 4:
            kernels[network.kernel] = kernel_distance(features[name], truths[name])
    f1 = math.nan
    if "FID" in frechet:
        f1 = f1_of_ssim_and_fid(ssim, frechet["FID"])
    return Distances(frechet, kernels, f1)


def stack_features(records: Sequence[Record], networks: Sequence[FeatureNetwork]) -> dict[str, Tensor]:
    """The features (N, d) of items or of a row's records, by the networks' `distance`."""
    features = {}
    texts = column(records, "features")
    for network in networks:
        features[network.distance] = torch.stack([decode_vector(text) for text in column(texts, network.name)])
    return features


def build_row(
    name: str,
    records: Sequence[Record],
    items: Sequence[Record],
    networks: Sequence[FeatureNetwork],
    truths: Mapping[str, Tensor],
) -> TableRow:
    """A row of the table, from a method's records of all items."""
    mine = _row_records(records, name)
    groups = column(items, "picture")
    figures = column(mine, "figures")
    scores = {}
    for key in figures[0]:
        scores[key] = column(figures, key)
    features = stack_features(mine, networks)
    ssim = math.nan
    if "ssim" in scores:
        ssim = mean_with_interval(scores["ssim"], groups).value
    return TableRow(
        name=name,
        label=mine[0]["label"],
        method=records[0]["method"],
        kind=mine[0]["kind"],
        groups=groups,
        scores=scores,
        seconds=column(mine, "seconds"),
        megabytes=column(mine, "megabytes"),
        evaluations=np.array(column(mine, "evaluations"), np.float64).tolist(),  # None becomes nan
        features=features,
        distances=distances(features, truths, networks, ssim),
    )


def common_rows(records: Sequence[Record]) -> list[str]:
    """The rows that every record has: the oracle is missing where a picture is too small for LPIPS."""
    counts: dict[str, int] = {}
    for record in records:
        for row in record["rows"]:
            counts[row["row"]] = counts.get(row["row"], 0) + 1
    return [name for name, count in counts.items() if count == len(records)]


def _row_records(records: Sequence[Record], name: str) -> list[Record]:
    """The part of each of a method's records that belongs to a row."""
    found = []
    for record in records:
        for row in record["rows"]:
            if row["row"] == name:
                found.append(row)
    return found
