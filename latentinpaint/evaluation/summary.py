"""From records to a table: means with intervals, paired differences, classes of holes, distances, calibration.

Every mean is over the items that all methods filled, so that all rows are about the same holes; what a method did not
fill is named. A Fréchet distance is over whole pictures, and has no interval: the bootstrap repeats pictures, and a
repeated picture makes the distance larger. The kernel distance's standard deviation over subsets stands beside its
mean.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from latentinpaint.errors import InputError, listed
from latentinpaint.evaluation.evaluator import Record
from latentinpaint.evaluation.statistics import (
    MIN_PICTURES,
    RECOMMENDED_PICTURES,
    Difference,
    mean_with_interval,
    paired_difference,
)
from latentinpaint.evaluation.table_rows import (
    TableRow,
    build_row,
    cap_notes,
    column,
    common_rows,
    give_all_rows_the_same_items,
    stack_features,
)
from latentinpaint.metrics.distances import few_pictures
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import Metric
from latentinpaint.metrics.regions import DECILES, WIDTHS

NAMED_FAILURES = 5  # items in a note


@dataclass(frozen=True)
class HoleClass:
    """A class of holes: what they are sorted by, the class's name, and which items are in it."""

    by: str
    name: str
    where: list[bool]


@dataclass
class Summary:
    """All there is to say of a comparison.

    rows: by name. items: records of the items that all methods filled, in order. failed: for each method, the items
    it did not fill and why. differences: for each row but the reference, each metric's paired difference to it.
    calibration: for each method with several samples, their statistics over all items. labels: of the metrics.
    truths: features of the true pictures, by the networks' `distance`.
    """

    rows: dict[str, TableRow]
    items: list[Record]
    failed: dict[str, dict[str, str]]
    reference: str
    differences: dict[str, dict[str, Difference]]
    calibration: dict[str, dict[str, Any]]
    labels: dict[str, str]
    notes: list[str]
    truths: dict[str, Tensor] = field(repr=False)

    def classes(self) -> list[HoleClass]:
        """The classes of holes that occur."""
        found = []
        deciles = np.array(column(self.items, "decile"))
        for number in range(DECILES):
            where = deciles == number
            if where.any():
                found.append(HoleClass("hole area", f"{10 * number}–{10 * number + 10} %", where.tolist()))
        widths = np.array(column(self.items, "width_class"))
        for name in WIDTHS:
            where = widths == name
            if where.any():
                found.append(HoleClass("hole width", name, where.tolist()))
        return found


def summarise(
    items: Sequence[Record],
    records: Sequence[Record],
    metrics: Sequence[Metric],
    networks: Sequence[FeatureNetwork],
    reference: str | None = None,
) -> Summary:
    """Make the summary of a comparison.

    Args:
        items, records: see `evaluator`; every method has a record of every item.
        metrics, networks: what they were evaluated by.
        reference: the method or row the others are compared with, by default the first.

    Raises:
        InputError: if there is no item that all methods filled, or no such reference.
    """
    failed = _failures(records)
    common = _common_items(items, failed)
    by_method = _by_method(records, common)
    compared, notes = _comparable_networks(networks, by_method, common)
    truths = stack_features(common, compared)
    rows: dict[str, TableRow] = {}
    calibration = {}
    caps = _caps(metrics)
    for method, found in by_method.items():
        kept, dropped = common_rows(found)
        for name in kept:
            rows[name] = build_row(name, found, common, compared, truths, caps)
        for name in dropped:
            notes.append(f"{name} is left out: not every picture is large enough for the LPIPS that it is chosen by")
        statistics = _calibration(found, common)
        if statistics is not None:
            calibration[method] = statistics
    notes += give_all_rows_the_same_items(rows.values())
    notes += cap_notes(rows.values(), metrics)
    reference = reference or next(iter(rows))
    check_reference(reference, rows)
    better = _directions(metrics)
    labels = {}
    for metric in metrics:
        labels[metric.name] = metric.label
    differences = {}
    for name, row in rows.items():
        if name != reference:
            differences[name] = _differences(row, rows[reference], better)
    return Summary(
        rows=rows,
        items=common,
        failed=failed,
        reference=reference,
        differences=differences,
        calibration=calibration,
        labels=labels,
        notes=[*_failure_notes(failed, len(items)), *_few_notes(common), *notes],
        truths=truths,
    )


def check_reference(reference: str, rows: Collection[str]) -> None:
    """Raise an `InputError` unless the method to compare with is one of the table's `rows`."""
    if reference not in rows:
        raise InputError(f"there is no method '{reference}' to compare with: choose one of {', '.join(rows)}")


def _failures(records: Sequence[Record]) -> dict[str, dict[str, str]]:
    """For each method, the items it did not fill and why."""
    failed: dict[str, dict[str, str]] = {}
    for record in records:
        if record["failed"]:
            failed.setdefault(record["method"], {})[record["case"]] = record["failed"]
    return failed


def _common_items(items: Sequence[Record], failed: Mapping[str, Mapping[str, str]]) -> list[Record]:
    """The items that all methods filled."""
    missing: set[str] = set()
    for reasons in failed.values():
        missing.update(reasons)
    common = [item for item in items if item["case"] not in missing]
    if not common:
        worst = max(failed, key=lambda method: len(failed[method]))
        name, why = next(iter(failed[worst].items()))
        raise InputError(f"there is no picture that all methods filled; {worst} did not fill {name}: {why}")
    return common


def _by_method(records: Sequence[Record], items: Sequence[Record]) -> dict[str, list[Record]]:
    """Each method's records of these items, in their order."""
    names = column(items, "case")
    order = dict(zip(names, range(len(names)), strict=True))
    found: dict[str, list[Record]] = {}
    for record in records:
        if record["case"] in order:
            found.setdefault(record["method"], []).append(record)
    for mine in found.values():
        mine.sort(key=lambda record: order[record["case"]])
    return found


def _comparable_networks(
    networks: Sequence[FeatureNetwork], by_method: Mapping[str, Sequence[Record]], items: Sequence[Record]
) -> tuple[list[FeatureNetwork], list[str]]:
    """The networks that have features of every picture and every fill, and notes on their distances."""
    pictures = len(set(column(items, "picture")))
    kept = []
    notes = []
    for network in networks:
        name = network.distance
        if not _has_features(network.name, by_method, items):
            notes.append(f"{name} is left out: a picture is smaller than its network takes")
        elif len(items) < 2:
            notes.append(f"{name} is left out: it compares sets of pictures, and there is one picture")
        else:
            kept.append(network)
            note = few_pictures(pictures, network.dimension, name)
            if note is not None:
                notes.append(note)
    return kept, notes


def _has_features(network: str, by_method: Mapping[str, Sequence[Record]], items: Sequence[Record]) -> bool:
    with_features = list(items)
    for records in by_method.values():
        for record in records:
            with_features += record["rows"]
    return all(network in record["features"] for record in with_features)


def _differences(row: TableRow, reference: TableRow, better: Mapping[str, bool]) -> dict[str, Difference]:
    found = {}
    for key, values in row.scores.items():
        found[key] = paired_difference(values, reference.scores[key], row.groups, better[key], row.cap(key))
    return found


def _failure_notes(failed: Mapping[str, Mapping[str, str]], count: int) -> list[str]:
    notes = []
    for method, reasons in failed.items():
        sentences = []
        for item, why in reasons.items():
            sentences.append(f"{item} ({why})")
        named = listed(sentences, NAMED_FAILURES, "; ")
        notes.append(f"{method} did not fill {len(reasons)} of {count}, which are left out for all methods: {named}")
    return notes


def _few_notes(items: Sequence[Record]) -> list[str]:
    pictures = len(set(column(items, "picture")))
    if pictures < MIN_PICTURES:
        return [f"{pictures} pictures are too few for an interval, which takes {MIN_PICTURES}"]
    if pictures < RECOMMENDED_PICTURES:
        return [f"{pictures} pictures are few: take the intervals with caution"]
    return []


def _calibration(records: Sequence[Record], items: Sequence[Record]) -> dict[str, Any] | None:
    """What several samples say of their own error, over all items; None where there are none."""
    if not all(record.get("uncertainty") for record in records):
        return None
    found = column(records, "uncertainty")
    counts = set(column(found, "samples"))
    if len(counts) != 1:
        return None
    count = counts.pop()
    groups = column(items, "picture")
    # Every hole weighs the same, however large.
    ranks = np.array(column(found, "ranks"))
    shares = np.mean(ranks / ranks.sum(axis=1, keepdims=True), axis=0)
    spread = math.fsum(column(found, "spread_squared"))
    error = math.fsum(column(found, "error_squared"))
    ratio = math.nan
    if error > 0:
        ratio = math.sqrt(spread / error)

    deviation = mean_with_interval(column(found, "deviation"), groups)
    diversity = mean_with_interval(column(found, "diversity"), groups)
    return {
        "samples": count,
        "holes": len(found),
        "deviation": [deviation.value, deviation.low, deviation.high],
        "diversity": [diversity.value, diversity.low, diversity.high],
        "diversity_of": diversity.count,
        "spread_to_error": ratio,
        "rank_shares": shares.tolist(),
        "covered": float(1 - shares[0] - shares[-1]),
        "covered_if_calibrated": (count - 1) / (count + 1),
    }


def _directions(metrics: Sequence[Metric]) -> dict[str, bool]:
    """Whether more is better, for every metric and region."""
    better = {}
    for metric in metrics:
        for key in metric.keys:
            better[key] = metric.higher_is_better
    return better


def _caps(metrics: Sequence[Metric]) -> dict[str, float]:
    """The caps of the metrics that have one, for every region."""
    caps = {}
    for metric in metrics:
        if math.isfinite(metric.cap):
            for key in metric.keys:
                caps[key] = metric.cap
    return caps
