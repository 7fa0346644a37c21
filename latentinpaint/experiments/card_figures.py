"""The figures of a comparison as text, for a model's recipe and its card."""

from latentinpaint.evaluation.report.markdown import with_interval
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
