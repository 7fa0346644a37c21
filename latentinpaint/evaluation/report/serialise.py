"""A comparison's figures as files hold them: metrics.json and metrics.csv."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latentinpaint.evaluation.statistics import Difference, Mean, median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.metrics.distances import frechet_distance

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary as metrics.json has it; what is no number is null."""
    methods = {}
    for name, row in summary.rows.items():
        methods[name] = _row_as_json(summary, row)
    differences: dict[str, dict[str, Any]] = {}
    for name, found in summary.differences.items():
        differences[name] = {}
        for key, difference in found.items():
            differences[name][key] = _difference_as_json(difference)
    return _safe(
        {
            "methods": methods,
            "reference": summary.reference,
            "differences_to_reference": differences,
            "calibration": summary.calibration,
            "failed": summary.failed,
            "notes": summary.notes,
        }
    )


def table_lines(summary: Summary) -> list[list[str]]:
    """metrics.csv: after a heading, one line for each row and item; "capped" names the figures at their cap.

    Names that a spreadsheet would take for a formula are written as paths, `./=a.png`.
    """
    keys = list(next(iter(summary.rows.values())).scores)
    about = ["case", "picture", "hole_fraction", "decile", "hole_width", "width_class"]
    lines = [["method", *about, *keys, "seconds", "megabytes", "evaluations", "capped"]]
    for name, row in summary.rows.items():
        columns = [*row.scores.values(), row.seconds, row.megabytes, row.evaluations]
        for number, item in enumerate(summary.items):
            line = [_no_formula(name)]
            for key in about:
                line.append(_no_formula(str(item[key])))
            for values in columns:
                line.append(_cell(values[number]))
            line.append(" ".join(row.capped(number)))
            lines.append(line)
    return lines


def _no_formula(name: str) -> str:
    """A name that no spreadsheet evaluates, and that is still a path of the same file."""
    return f"./{name}" if name.startswith(_FORMULA_STARTS) else name


def _row_as_json(summary: Summary, row: TableRow) -> dict[str, Any]:
    pictures = []
    for number, item in enumerate(summary.items):
        picture = {
            "name": item["case"],
            "picture": item["picture"],
            "hole_fraction": item["hole_fraction"],
            "hole_width": item["hole_width"],
            "seconds": row.seconds[number],
        }
        for key, values in row.scores.items():
            picture[key] = values[number]
        picture["capped"] = row.capped(number)
        pictures.append(picture)
    kernels = {}
    for key, kernel in row.distances.kernels.items():
        kernels[key] = {"mean": kernel.mean, "deviation": kernel.standard_deviation, "subset": kernel.subset}
    return {
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "pictures_judged": len(pictures),
        **_means_as_json(row.means),
        "distance": row.distances.frechet,
        "kernel_distance": kernels,
        "f1_ssim_fid": row.distances.f1,
        "seconds_median": median(row.seconds),
        "megabytes_median": median(row.megabytes),
        "evaluations_median": median(row.evaluations),
        "classes": _classes_as_json(summary, row),
        "pictures": pictures,
    }


def _classes_as_json(summary: Summary, row: TableRow) -> list[dict[str, Any]]:
    entries = []
    for hole_class in summary.classes():
        where = hole_class.where
        means = {}
        for key in row.scores:
            means[key] = row.mean(key, where)
        entries.append(
            {
                "by": hole_class.by,
                "class": hole_class.name,
                "pictures": sum(where),
                **_means_as_json(means),
                "distance": _distances_within(summary, row, where),
            }
        )
    return entries


def _distances_within(summary: Summary, row: TableRow, where: Sequence[bool]) -> dict[str, float]:
    """Fréchet distances over some items, where there are more pictures than features."""
    chosen = torch.tensor(where)
    pictures = {item["picture"] for item, use in zip(summary.items, where, strict=True) if use}
    distances = {}
    for name, truths in summary.truths.items():
        if len(pictures) > truths.shape[1]:  # of fewer, it would be noise under a famous name
            distances[name] = frechet_distance(row.features[name][chosen], truths[chosen])
    return distances


def _means_as_json(means: Mapping[str, Mean]) -> dict[str, Any]:
    """Means and intervals, how many values are at their cap, and how many there are none of (0 is not written)."""
    found: dict[str, dict[str, Any]] = {"mean": {}, "interval": {}, "capped": {}, "left_out": {}}
    for key, mean in means.items():
        found["mean"][key] = mean.value
        found["interval"][key] = [mean.low, mean.high]
        if mean.capped:
            found["capped"][key] = mean.capped
        if mean.left_out:
            found["left_out"][key] = mean.left_out
    return found


def _difference_as_json(difference: Difference) -> dict[str, Any]:
    mean = difference.mean
    return {
        "mean": mean.value,
        "interval": [mean.low, mean.high],
        "of": difference.of,
        "better": difference.better,
        "capped": mean.capped,
    }


def _cell(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:.6g}"


def _safe(value: Any) -> Any:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
