"""A finding, and the report that many of them make.

Severities: a *problem* will fail or give wrong results, a *warning* may, a *note* is worth knowing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEVERITIES = ("problem", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that was seen.

    severity: one of `SEVERITIES`. kind: what findings are grouped by, in a few words. about: the file or folder, as a
    person knows it. seen: a sentence on what is there. advice: a sentence on what to do. figure: what the sentence
    measures, in percent, where groups are better told by their range than by examples.
    """

    severity: str
    kind: str
    about: str
    seen: str
    advice: str
    figure: float | None = None

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"a severity is one of {', '.join(SEVERITIES)}, not {self.severity!r}")


def has_problem(findings: Sequence[Finding]) -> bool:
    """Whether something will fail or be wrong."""
    return any(finding.severity == "problem" for finding in findings)


def report(findings: Sequence[Finding], examples: int = 3) -> list[str]:
    """Lines for a person: by severity, then by kind, with at most `examples` of each (0: counts alone)."""
    lines: list[str] = []
    for severity in SEVERITIES:
        groups: dict[str, list[Finding]] = {}
        for finding in findings:
            if finding.severity == severity:
                groups.setdefault(finding.kind, []).append(finding)
        if groups:
            lines += ["", f"{severity}s".upper()]
        for kind, members in groups.items():
            lines += [f"  {kind}{f' ({len(members)})' if len(members) > 1 else ''}", *_members(members, examples)]
    return lines[1:]


def summary(findings: Sequence[Finding]) -> str:
    """One line: how many findings of each severity."""
    counts = {severity: sum(f.severity == severity for f in findings) for severity in SEVERITIES}
    said = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
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
