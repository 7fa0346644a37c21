"""The rows of a benchmark's table: figures, costs, features and distances, from the records of a method."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import count_of
from latentinpaint.evaluation.evaluator import Record, decode_vector
from latentinpaint.evaluation.statistics import Mean, mean_with_interval
from latentinpaint.metrics.distances import KernelDistance, f1_of_ssim_and_fid, frechet_distance, kernel_distance
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import Metric


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
    megabytes and evaluations likewise. features: (N, d), by the networks' `distance`. caps: of the metrics whose
    values have one.
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
    caps: Mapping[str, float] = field(default_factory=dict)

    def cap(self, key: str) -> float:
        """The largest value of a metric, infinite without a cap."""
        return self.caps.get(key, math.inf)

    def capped(self, number: int) -> list[str]:
        """The metrics whose value of an item is at its cap."""
        found = []
        for key, cap in self.caps.items():
            if self.scores[key][number] >= cap:
                found.append(key)
        return found

    def mean(self, key: str, where: Sequence[bool] | None = None) -> Mean:
        """Mean and interval of a metric, over all items or those where `where` is true."""
        if where is None:
            return mean_with_interval(self.scores[key], self.groups, self.cap(key))
        chosen = np.array(where)
        groups = np.array(self.groups)[chosen].tolist()
        return mean_with_interval(np.array(self.scores[key])[chosen], groups, self.cap(key))

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
    caps: Mapping[str, float],
) -> TableRow:
    """A row of the table, from a method's records of all items.

    Args:
        name: of the row.
        records: the method's.
        items: their records.
        networks, truths: see `distances`.
        caps: see `TableRow`.
    """
    mine = _row_records(records, name)
    groups = column(items, "picture")
    figures = column(mine, "figures")
    scores = {}
    for key in figures[0]:
        scores[key] = column(figures, key)
    features = stack_features(mine, networks)
    ssim = math.nan
    if "ssim" in scores:
        # Not over the finite ones: a distance is over all pictures, and so is what stands beside it in one figure.
        ssim = float(np.mean(scores["ssim"]))
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
        caps=caps,
    )


def give_all_rows_the_same_items(rows: Iterable[TableRow]) -> list[str]:
    """Take from every row the values of a metric of the items that some row has no finite value of.

    Returns:
        A sentence for each metric that an item was taken from.
    """
    scores = [row.scores for row in rows]
    sentences = []
    for key in scores[0]:
        finite = np.isfinite([of_row[key] for of_row in scores])
        missing = ~finite.all(axis=0)
        if (finite.any(axis=0) & missing).any():
            sentences.append(
                f"{key} of {count_of(missing.sum(), 'hole')} is not finite in every row, and left out of all rows"
            )
        for of_row in scores:
            of_row[key] = np.where(missing, math.nan, of_row[key]).tolist()
    return sentences


def cap_notes(rows: Collection[TableRow], metrics: Sequence[Metric]) -> list[str]:
    """A sentence for each metric that some value of is at its cap."""
    notes = []
    for metric in metrics:
        capped = 0
        for row in rows:
            for key in metric.keys:
                capped += row.means[key].capped
        if capped:
            notes.append(
                f"capped: a {metric.label} above {metric.cap:g} {metric.unit}, as that of an exact fill, counts as "
                f"{metric.cap:g} {metric.unit}"
            )
    return notes


def common_rows(records: Sequence[Record]) -> tuple[list[str], list[str]]:
    """The rows that every record has; and those that some lack, the oracle where a picture is too small for LPIPS."""
    counts: dict[str, int] = {}
    for record in records:
        for row in record["rows"]:
            counts[row["row"]] = counts.get(row["row"], 0) + 1
    common = []
    partial = []
    for name, count in counts.items():
        if count == len(records):
            common.append(name)
        else:
            partial.append(name)
    return common, partial


def _row_records(records: Sequence[Record], name: str) -> list[Record]:
    """The part of each of a method's records that belongs to a row."""
    found = []
    for record in records:
        for row in record["rows"]:
            if row["row"] == name:
                found.append(row)
    return found
