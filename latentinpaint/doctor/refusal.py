"""What is not filled: a picture and a mask of which the doctor finds a problem, unless the caller insists."""

from collections.abc import Sequence

from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, Finding, FindingCode, Severity
from latentinpaint.doctor.mask_checks import examine
from latentinpaint.errors import InputError
from latentinpaint.images.picture import Picture

# Not a question of intent: sizes are refused in any case, and without a hole there is nothing to fill wrongly.
_CHECKED_ELSEWHERE = (FindingCode.SIZES_DIFFER, FindingCode.NO_HOLE)


def refuse_problems(findings: Sequence[Finding], names: ArgumentNames = DEFAULT_NAMES) -> None:
    """Raise an `InputError` for the first problem among the findings on a mask and its picture.

    Args:
        findings: of `examine`.
        names: what the message calls the caller's arguments; it offers `ignore_problems` unless that is empty.
    """
    for finding in findings:
        if finding.severity is not Severity.PROBLEM or finding.code in _CHECKED_ELSEWHERE:
            continue
        sentence = f"{finding.about}: {finding.seen}; {finding.advice}"
        if names.ignore_problems:
            sentence += f", or give {names.ignore_problems} to fill it all the same"
        raise InputError(sentence)


def check_pair(
    image: Picture | None, mask: Picture, invert_mask: bool = False, names: ArgumentNames = DEFAULT_NAMES
) -> None:
    """Raise an `InputError` if the doctor finds a problem; arguments as of `examine`."""
    refuse_problems(examine(image, mask, invert_mask, names, problems_only=True), names)
