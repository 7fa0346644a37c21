"""A comparison's figures as files hold them: metrics.json and metrics.csv."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from latentinpaint.evaluation.statistics import Difference, Mean, median
from latentinpaint.evaluation.summary import Summary, TableRow
from latentinpaint.metrics.distances import frechet_distance


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary as metrics.json has it; what is no number is null."""
    return _safe(
        {
            "methods": {name: _row_as_json(summary, row) for name, row in summary.rows.items()},
            "reference": summary.reference,
            "differences_to_reference": {
                name: {key: _difference_as_json(d) for key, d in found.items()}
                for name, found in summary.differences.items()
            },
            "calibration": summary.calibration,
            "failed": summary.failed,
            "notes": summary.notes,
        }
    )


def table_lines(summary: Summary) -> list[list[str]]:
    """metrics.csv: one line a row and case, after a heading."""
    keys = list(next(iter(summary.rows.values())).figures)
    about = ["case", "picture", "hole_fraction", "decile", "hole_width", "width_class"]
    lines = [["method", *about, *keys, "seconds", "megabytes", "evaluations"]]
    for name, row in summary.rows.items():
        for number, case in enumerate(summary.cases):
            figures = [row.figures[key][number] for key in keys]
            costs = [row.seconds[number], row.megabytes[number], row.evaluations[number]]
            lines.append([name, *(str(case[key]) for key in about), *map(_cell, [*figures, *costs])])
    return lines


def _row_as_json(summary: Summary, row: TableRow) -> dict[str, Any]:
    pictures = [
        {
            "name": case["case"],
            "picture": case["picture"],
            "hole_fraction": case["hole_fraction"],
            "hole_width": case["hole_width"],
            "seconds": row.seconds[number],
            **{key: values[number] for key, values in row.figures.items()},
        }
        for number, case in enumerate(summary.cases)
    ]
    return {
        "label": row.label,
        "method": row.method,
        "kind": row.kind,
        "pictures_judged": len(pictures),
        **_means_as_json(row.means),
        "left_out": {key: mean.left_out for key, mean in row.means.items() if mean.left_out},
        "distance": row.distances,
        "kernel_distance": {key: asdict(value) for key, value in row.kernels.items()},
        "f1_ssim_fid": row.f1,
        "seconds_median": median(row.seconds),
        "megabytes_median": median(row.megabytes),
        "evaluations_median": median(row.evaluations),
        "classes": [
            {"by": by, "class": kind, "pictures": sum(where), **_class_as_json(summary, row, where)}
            for by, kind, where in summary.classes()
        ],
        "pictures": pictures,
    }


def _class_as_json(summary: Summary, row: TableRow, where: Sequence[bool]) -> dict[str, Any]:
    chosen = torch.tensor(list(where))
    # A Fréchet distance of fewer pictures than features would be noise under a famous name.
    pictures = len({group for group, use in zip(row.groups, where, strict=True) if use})
    distances = {
        name: frechet_distance(row.features[name][chosen], truths[chosen])
        for name, truths in summary.truths.items()
        if pictures > truths.shape[1]
    }
    return {**_means_as_json({key: row.mean(key, where) for key in row.figures}), "distance": distances}


def _means_as_json(means: Mapping[str, Mean]) -> dict[str, Any]:
    return {
        "mean": {key: mean.value for key, mean in means.items()},
        "interval": {key: [mean.low, mean.high] for key, mean in means.items()},
    }


def _difference_as_json(difference: Difference) -> dict[str, Any]:
    mean = difference.mean
    return {
        "mean": mean.value,
        "interval": [mean.low, mean.high],
        "of": difference.of,
        "better": difference.better,
    }


def _cell(value: float) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


def _safe(value: Any) -> Any:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
