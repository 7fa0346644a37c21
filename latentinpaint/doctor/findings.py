"""A finding, and the report that many of them make."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
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
    HOLE = "hole"
    LARGE_HOLE = "large hole"
    LIKELY_INVERTED = "likely inverted"
    HOLE_AT_BORDER = "hole at the border"
    SPECKS = "specks"
    PINHOLES = "pinholes"
    TRANSPARENT_IN_HOLE = "transparent in the hole"
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


def has_problem(findings: Sequence[Finding]) -> bool:
    """Whether something will fail or be wrong."""
    return any(finding.severity is Severity.PROBLEM for finding in findings)


def report(findings: Sequence[Finding], examples: int = 3) -> list[str]:
    """Lines for a person: by severity, then by code, with at most `examples` of each (0: counts alone)."""
    lines: list[str] = []
    for severity in Severity:
        groups: dict[FindingCode, list[Finding]] = {}
        for finding in findings:
            if finding.severity is severity:
                groups.setdefault(finding.code, []).append(finding)
        if groups:
            lines += ["", f"{severity.value}s".upper()]
        for code, members in groups.items():
            lines += [
                f"  {code.value}{f' ({len(members)})' if len(members) > 1 else ''}",
                *_members(members, examples),
            ]
    return lines[1:]


def summary(findings: Sequence[Finding]) -> str:
    """One line: how many findings of each severity."""
    counts = {severity: sum(f.severity is severity for f in findings) for severity in Severity}
    said = [f"{count} {severity.value}{'' if count == 1 else 's'}" for severity, count in counts.items()]
    return ", ".join(said)


def _members(members: list[Finding], examples: int) -> list[str]:
    """A group's examples, or its range where figures tell more, and what to do."""
    figures = [finding.figure for finding in members if finding.figure is not None]
    if len(members) > 1 and len(figures) == len(members):
        mean = sum(figures) / len(figures)
        lines = [f"    from {min(figures):.1f} % to {max(figures):.1f} %, {mean:.1f} % on average"]
    else:
        own_advice = len({finding.advice for finding in members}) > 1
        lines = []
        for finding in members[:examples]:
            lines.append(f"    {finding.about}: {finding.seen}")
            lines += [f"      -> {finding.advice}"] if own_advice else []
        lines += [f"    … and {len(members) - examples} more"] if len(members) > examples else []
        if own_advice:
            return lines
    return [*lines, *([f"    -> {members[0].advice}"] if members[0].advice else [])]
