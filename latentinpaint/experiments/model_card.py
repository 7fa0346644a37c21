"""A model card: what a model was made of, by which commands, and how good it is; written from its file's header."""

from collections.abc import Mapping, Sequence
from typing import Any

from latentinpaint.evaluation.report.markdown import table, with_interval
from latentinpaint.evaluation.summary import Summary

DIGITS = {"psnr": 2}  # of a metric's figures; all others have three


def figures(summary: Summary) -> dict[str, dict[str, str]]:
    """The figures in the hole of a comparison, method by method: means with 95 % intervals, as text."""
    found: dict[str, dict[str, str]] = {}
    for row in summary.rows.values():
        found[row.label] = {}
        for key, label in summary.labels.items():
            mean = row.means.get(f"{key}_hole")
            if mean is not None:
                found[row.label][label] = with_interval(mean, DIGITS.get(key, 3))
    return found


def calibration(summary: Summary) -> str:
    """A sentence for each method that has several fills of a hole: whether they know how wrong they are."""
    text = ""
    for method, found in summary.calibration.items():
        text += (
            f" {found['samples']} fills of a hole by {summary.rows[method].label}: their spread is "
            f"{found['spread_to_error']:.2f} of the error of their mean, and the truth is within their range in "
            f"{100 * found['covered']:.0f} % of the values, where {100 * found['covered_if_calibrated']:.0f} % would "
            "be right."
        )
    return text


def model_card(recipe: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        recipe: of a model that `make_default` made, see `make_default.ModelMaking.recipe`.
    """
    sections = [
        "# Model card\n",
        f"Made with latentinpaint {recipe['latentinpaint']} and torch {recipe['torch']} by\n",
        f"```\n{recipe['command']}\n```\n",
        "## Photographs\n",
        _photographs(recipe["photographs"]),
        "## Stages\n",
        _stages(recipe["stages"]),
        "## Figures\n",
        f"{recipe['evaluation']}\n",
        _figures(recipe["figures"]),
        "## Licence\n",
        f"{recipe['licence']}\n",
    ]
    return "\n".join(sections)


def _photographs(archives: Sequence[Mapping[str, Any]]) -> str:
    lines = [["source", "photographs", "SHA-256"]]
    for archive in archives:
        lines.append([archive["name"], str(archive["photographs"]), f"`{archive['sha256'][:16]}…`"])
    return table(lines)


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [["stage", "steps", "batch", "crop", "time budget"]]
    for name, stage in stages.items():
        data = stage["settings"]["data"]
        budget = stage["settings"]["trainer"].get("max_time") or "none"
        lines.append([name, str(stage["steps"]), str(data["batch_size"]), str(data["size"]), str(budget)])
    return table(lines)


def _figures(rows: Mapping[str, Mapping[str, str]]) -> str:
    labels = list(next(iter(rows.values())))
    lines = [["method", *labels]]
    for name, values in rows.items():
        lines.append([name, *(values.get(label, "–") for label in labels)])
    return table(lines)
