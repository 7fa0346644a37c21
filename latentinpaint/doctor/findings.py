"""A finding, and the report that many of them make."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any


class Severity(Enum):
    """How bad a finding is; the value is what a person reads.

    A problem will fail or give wrong results, a warning may, a note is worth knowing.
    """

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


class FindingCode(Enum):
    """What was found; the value is what a person reads, and findings are grouped by it."""

    UNREADABLE = "unreadable"
    NAMES_AMBIGUOUS = "names"
    MASK_WITHOUT_PICTURE = "mask without a picture"
    PICTURE_WITHOUT_MASK = "picture without a mask"
    NAME_LIKE_MASK = "name like a mask's"
    SIZES_DIFFER = "sizes differ"
    PHOTOGRAPH_AS_MASK = "a photograph as mask"
    SWAPPED = "picture and mask are swapped"
    ALPHA_MASK = "alpha mask"
    ALPHA_MASK_WITHOUT_WHITE = "alpha mask without white"
    SOFT_EDGES = "soft edges"
    GREY_EDGES = "grey edges"
    GREYS = "greys instead of black and white"
    LABEL_MAP = "label map"
    FADING_MASK = "fading mask"
    NO_HOLE = "no hole"
    ALL_HOLE = "all hole"
    NOTHING_SEEN = "nothing seen outside the hole"
    HOLE = "hole"
    LARGE_HOLE = "large hole"
    LIKELY_INVERTED = "likely inverted"
    HOLE_AT_BORDER = "hole at the border"
    SPECKS = "specks"
    PINHOLES = "pinholes"
    TRANSPARENT_IN_HOLE = "transparent in the hole"
    DAMAGED_SHARD = "damaged shard"
    MANIFEST = "manifest"
    NO_PICTURE = "no picture"
    PICTURES = "pictures"
    FEW_PICTURES = "few pictures"
    UNSUPPORTED_FORMAT = "kind of picture that is not read"
    NOT_A_PICTURE = "not a picture"
    MASK_AMONG_PICTURES = "mask among the pictures"
    TINY = "tiny"
    ELONGATED = "long and narrow"
    FLAT = "nothing to see"
    GREYSCALE = "greyscale"
    GREYSCALE_FOLDER = "greyscale folder"
    TRANSPARENT = "transparent"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near duplicate"
    IN_BOTH_FOLDERS = "in both folders"
    NEARLY_IN_BOTH_FOLDERS = "in both folders, nearly"


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: how bad it is.
        code: what it is.
        about: the file or folder, as a person knows it.
        seen: a sentence on what is there.
        advice: a sentence on what to do; may be empty.
        figure: what the sentence measures, in percent, where a group is better described by its range than by
            examples.
    """

    severity: Severity
    code: FindingCode
    about: str
    seen: str
    advice: str
    figure: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The finding for `json.dumps`."""
        return {
            "severity": self.severity.value,
            "kind": self.code.value,
            "about": self.about,
            "seen": self.seen,
            "advice": self.advice,
            "figure": self.figure,
        }


@dataclass(frozen=True)
class ArgumentNames:
    """What advice calls the arguments of whoever asked.

    Attributes:
        invert_mask: the one that says that the hole is where the mask is black.
        crop_size: the one of training that sets the side of its crops.
        ignore_problems: the one that fills what has a problem all the same; empty if there is none.
    """

    invert_mask: str = "invert_mask"
    crop_size: str = "data.size"
    ignore_problems: str = "ignore_problems"


DEFAULT_NAMES = ArgumentNames()


def problem(code: FindingCode, about: str | Path, seen: str, advice: str) -> Finding:
    """A finding that will fail or give wrong results."""
    return Finding(Severity.PROBLEM, code, str(about), seen, advice)


def warning(code: FindingCode, about: str | Path, seen: str, advice: str) -> Finding:
    """A finding that may fail or give wrong results."""
    return Finding(Severity.WARNING, code, str(about), seen, advice)


def note(code: FindingCode, about: str | Path, seen: str, advice: str = "") -> Finding:
    """A finding that is worth knowing."""
    return Finding(Severity.NOTE, code, str(about), seen, advice)


def has_problem(findings: Sequence[Finding]) -> bool:
    """Whether something will fail or be wrong."""
    return _severity_counts(findings)[Severity.PROBLEM] > 0


def report(findings: Sequence[Finding], examples: int = 3) -> list[str]:
    """Lines for a person: by severity, then by code, with at most `examples` of each (0: counts alone)."""
    lines: list[str] = []
    for severity in Severity:
        groups = _grouped_by_code(findings, severity)
        if groups:
            lines += ["", f"{severity.value}s".upper()]
        for code, group in groups.items():
            count = ""
            if len(group) > 1:
                count = f" ({len(group)})"
            lines += [f"  {code.value}{count}", *_group_lines(group, examples)]
    return lines[1:]


def summary(findings: Sequence[Finding]) -> str:
    """One line: how many findings of each severity."""
    counts = _severity_counts(findings)
    parts = []
    for severity in Severity:
        count = counts[severity]
        plural = "" if count == 1 else "s"
        parts.append(f"{count} {severity.value}{plural}")
    return ", ".join(parts)


def _severity_counts(findings: Sequence[Finding]) -> Counter[Severity]:
    return Counter(finding.severity for finding in findings)


def _grouped_by_code(findings: Sequence[Finding], severity: Severity) -> dict[FindingCode, list[Finding]]:
    """The findings of one severity; groups and their members in order of appearance."""
    groups: dict[FindingCode, list[Finding]] = {}
    for finding in findings:
        if finding.severity is severity:
            groups.setdefault(finding.code, []).append(finding)
    return groups


def _group_lines(group: list[Finding], examples: int) -> list[str]:
    """A group's examples, or its range where figures say more, and what to do."""
    figures = [finding.figure for finding in group if finding.figure is not None]
    if len(group) > 1 and len(figures) == len(group):
        mean = sum(figures) / len(figures)
        lines = [f"    from {min(figures):.1f} % to {max(figures):.1f} %, {mean:.1f} % on average"]
        return lines + _advice_lines(group[0])
    if len({finding.advice for finding in group}) > 1:
        return _example_lines(group, examples, with_advice=True)
    return _example_lines(group, examples, with_advice=False) + _advice_lines(group[0])


def _example_lines(group: list[Finding], examples: int, with_advice: bool) -> list[str]:
    """The first findings of a group, and how many more there are."""
    lines = []
    for finding in group[:examples]:
        lines.append(f"    {finding.about}: {finding.seen}")
        if with_advice:
            lines.append(f"      -> {finding.advice}")
    if len(group) > examples:
        lines.append(f"    … and {len(group) - examples} more")
    return lines


def _advice_lines(finding: Finding) -> list[str]:
    if not finding.advice:
        return []
    return [f"    -> {finding.advice}"]
