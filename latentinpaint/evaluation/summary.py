"""From records to a table: means with intervals, paired differences, classes of holes, distances, uncertainty.

Every mean is over the cases that all methods answered, so that all rows are about the same holes; what a method did
not answer is named. A Fréchet distance is over whole pictures, and has no interval: the bootstrap repeats pictures,
and a repeated picture makes the distance larger. The kernel distance's deviation over subsets stands beside its mean.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.evaluator import Record, decode_vector
from latentinpaint.evaluation.statistics import (
    FEW,
    FEWEST,
    Difference,
    Mean,
    mean_with_interval,
    paired_difference,
)
from latentinpaint.metrics.distances import (
    KernelDistance,
    f1_of_ssim_and_fid,
    few_pictures,
    frechet_distance,
    kernel_distance,
)
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import Metric
from latentinpaint.metrics.regions import DECILES, WIDTHS


@dataclass
class TableRow:
    """A line of the table: one method, or one way to use its samples.

    figures: for each metric, a value a case, nan where there is none; costs likewise. features: (N, d) of each
    network.
    """

    name: str
    label: str
    method: str
    kind: str
    groups: list[str]
    figures: dict[str, list[float]]
    seconds: list[float]
    megabytes: list[float]
    evaluations: list[float]
    features: dict[str, Tensor] = field(repr=False)
    distances: dict[str, float] = field(default_factory=dict)
    kernels: dict[str, KernelDistance] = field(default_factory=dict)
    f1: float = math.nan

    def mean(self, key: str, where: Sequence[bool] | None = None) -> Mean:
        """Mean and interval of a metric, over all cases or those where `where` says so."""
        chosen = [True] * len(self.groups) if where is None else where
        values = [v for v, use in zip(self.figures[key], chosen, strict=True) if use]
        return mean_with_interval(values, [g for g, use in zip(self.groups, chosen, strict=True) if use])

    @cached_property
    def means(self) -> dict[str, Mean]:
        """Every metric's mean and interval."""
        return {key: self.mean(key) for key in self.figures}


@dataclass
class Summary:
    """All there is to say of a comparison.

    rows: by name. cases: records of the cases that all methods answered, in order. failed: for each method, the cases
    it did not answer and why. differences: for each row but the reference, each metric's paired difference to it.
    calibration: for each method with several samples, what `uncertainty` found over all cases.
    truths: features of the true pictures by the names of their Fréchet distances.
    """

    rows: dict[str, TableRow]
    cases: list[Record]
    failed: dict[str, dict[str, str]]
    reference: str
    differences: dict[str, dict[str, Difference]]
    calibration: dict[str, dict[str, Any]]
    labels: dict[str, str]
    notes: list[str]
    truths: dict[str, Tensor] = field(repr=False)

    def classes(self) -> list[tuple[str, str, list[bool]]]:
        """Kinds of holes that occur: the way of sorting, the kind, and which cases are of it."""
        found = []
        for number in range(DECILES):
            where = [case["decile"] == number for case in self.cases]
            found.append(("hole area", f"{10 * number}–{10 * number + 10} %", where))
        for name in WIDTHS:
            found.append(("hole width", name, [case["width_class"] == name for case in self.cases]))
        return [entry for entry in found if any(entry[2])]


def summarise(
    cases: Sequence[Record],
    records: Sequence[Record],
    metrics: Sequence[Metric],
    networks: Sequence[FeatureNetwork],
    reference: str | None = None,
) -> Summary:
    """Make the summary of a comparison.

    Args:
        cases, records: see `judging`; every method has a record of every case.
        metrics, networks: what they were judged by.
        reference: the method or row the others are compared with, by default the first.

    Raises:
        InputError: if there is no case that all methods answered, or no such reference.
    """
    failed = _failures(records)
    missing = {name for cases_of in failed.values() for name in cases_of}
    common = [case for case in cases if case["case"] not in missing]
    if not common:
        worst = max(failed, key=lambda method: len(failed[method]))
        name, why = next(iter(failed[worst].items()))
        raise InputError(f"there is no picture that all methods filled; {worst} did not fill {name}: {why}")
    by_method = _by_method(records, common)
    rows = {name: _row(name, found, common) for found in by_method.values() for name in _rows_of_all(found)}
    truths, said = _add_distances(rows, common, networks)
    reference = reference or next(iter(rows))
    if reference not in rows:
        raise InputError(f"there is no method '{reference}' to compare with: choose one of {', '.join(rows)}")
    better = _directions(metrics)
    return Summary(
        rows=rows,
        cases=common,
        failed=failed,
        reference=reference,
        differences={n: _differences(row, rows[reference], better) for n, row in rows.items() if n != reference},
        calibration={name: c for name, found in by_method.items() if (c := _calibration(found, common))},
        labels={metric.name: metric.label for metric in metrics},
        notes=[*_failure_notes(failed, len(cases)), *_few_notes(common), *said],
        truths=truths,
    )


def _failures(records: Sequence[Record]) -> dict[str, dict[str, str]]:
    """For each method, the cases it did not answer and why."""
    failed: dict[str, dict[str, str]] = {}
    for record in records:
        if record["failed"]:
            failed.setdefault(record["method"], {})[record["case"]] = record["failed"]
    return failed


def _by_method(records: Sequence[Record], cases: Sequence[Record]) -> dict[str, list[Record]]:
    """Each method's records of these cases, in their order."""
    order = {case["case"]: position for position, case in enumerate(cases)}
    found: dict[str, list[Record]] = {}
    for record in records:
        if record["case"] in order:
            found.setdefault(record["method"], []).append(record)
    return {name: sorted(mine, key=lambda record: order[record["case"]]) for name, mine in found.items()}


def _differences(row: TableRow, reference: TableRow, better: Mapping[str, bool]) -> dict[str, Difference]:
    return {
        key: paired_difference(values, reference.figures[key], row.groups, better[key])
        for key, values in row.figures.items()
    }


def _failure_notes(failed: Mapping[str, Mapping[str, str]], count: int) -> list[str]:
    return [
        f"{method} did not fill {len(why)} of {count}, which are left out for all methods: "
        + "; ".join(f"{case} ({sentence})" for case, sentence in list(why.items())[:5])
        + (" …" if len(why) > 5 else "")
        for method, why in failed.items()
    ]


def _few_notes(cases: Sequence[Record]) -> list[str]:
    pictures = len({case["picture"] for case in cases})
    if pictures < FEWEST:
        return [f"{pictures} pictures are too few for an interval, which takes {FEWEST}"]
    return [f"{pictures} pictures are few: take the intervals with caution"] if pictures < FEW else []


def _rows_of_all(records: Sequence[Record]) -> list[str]:
    """The rows that every record has: the oracle is missing where a picture is too small for LPIPS."""
    first = [row["row"] for row in records[0]["rows"]]
    return [name for name in first if all(any(r["row"] == name for r in record["rows"]) for record in records)]


def _row(name: str, records: Sequence[Record], cases: Sequence[Record]) -> TableRow:
    mine = [next(row for row in record["rows"] if row["row"] == name) for record in records]
    keys = list(mine[0]["figures"])
    networks = sorted(set.intersection(*({*row["features"]} for row in mine)))
    return TableRow(
        name,
        mine[0]["label"],
        records[0]["method"],
        mine[0]["kind"],
        [case["picture"] for case in cases],
        {key: [row["figures"][key] for row in mine] for key in keys},
        [row["seconds"] for row in mine],
        [row["megabytes"] for row in mine],
        [math.nan if row["evaluations"] is None else row["evaluations"] for row in mine],
        {key: torch.stack([decode_vector(row["features"][key]) for row in mine]) for key in networks},
    )


def _add_distances(
    rows: dict[str, TableRow], cases: Sequence[Record], networks: Sequence[FeatureNetwork]
) -> tuple[dict[str, Tensor], list[str]]:
    """Set the rows' distances; answers the truths' features, and what has to be said."""
    truths: dict[str, Tensor] = {}
    notes = []
    count = len(cases)
    pictures = len({case["picture"] for case in cases})
    for network in networks:
        key, name = network.name, network.distance
        if not all(key in about["features"] for about in cases) or not all(key in r.features for r in rows.values()):
            notes.append(f"{name} is left out: a picture is smaller than its network takes")
            continue
        if count < 2:
            notes.append(f"{name} is left out: it compares sets of pictures, and there is one picture")
            continue
        truths[name] = torch.stack([decode_vector(case["features"][key]) for case in cases])
        for row in rows.values():
            row.features[name] = row.features.pop(key)
            row.distances[name] = frechet_distance(row.features[name], truths[name])
            if count >= 4:
                row.kernels[network.kernel] = kernel_distance(row.features[name], truths[name])
            if name == "FID":
                row.f1 = f1_of_ssim_and_fid(row.means["ssim"].value, row.distances[name])
        note = few_pictures(pictures, network.dimension, name)
        if note is not None:
            notes.append(note)
    return truths, notes


def _calibration(records: Sequence[Record], cases: Sequence[Record]) -> dict[str, Any] | None:
    """What several samples say of their own error, over all cases; None where there are none."""
    found = [record["uncertainty"] for record in records if record.get("uncertainty")]
    if len(found) < len(records) or len({f["samples"] for f in found}) != 1:
        return None
    count = found[0]["samples"]
    groups = [case["picture"] for case in cases]
    # Every hole weighs the same, however large.
    shares = np.mean([np.array(f["ranks"]) / sum(f["ranks"]) for f in found], axis=0)
    spread, error = (math.fsum(f[key] for f in found) for key in ("spread_squared", "error_squared"))

    def mean(key: str) -> list[float]:
        m = mean_with_interval([f[key] for f in found], groups)
        return [m.value, m.low, m.high]

    return {
        "samples": count,
        "deviation": mean("deviation"),
        "diversity": mean("diversity"),
        "spread_to_error": math.sqrt(spread / error) if error > 0 else math.nan,
        "rank_shares": shares.tolist(),
        "covered": float(1 - shares[0] - shares[-1]),
        "covered_if_calibrated": (count - 1) / (count + 1),
    }


def _directions(metrics: Sequence[Metric]) -> dict[str, bool]:
    """Whether more is better, for every metric and region."""
    return {
        f"{metric.name}{region}": metric.higher_is_better for metric in metrics for region in ("", "_hole", "_band")
    }
