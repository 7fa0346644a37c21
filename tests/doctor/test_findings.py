"""The report that findings make."""

import pytest

from latentinpaint.doctor import Finding, FindingCode, Severity, report, summary
from latentinpaint.doctor.findings import has_problem


def made(severity, code, about, advice="do this", figure=None):
    return Finding(Severity(severity), FindingCode(code), about, f"{about} is seen", advice, figure)


def test_grouped_by_severity_and_code_with_some_examples():
    found = [
        made("note", "alpha mask", "x"),
        *(made("problem", "tiny", f"f{n}") for n in range(5)),
        made("problem", "no hole", "y"),
    ]
    lines = report(found, examples=2)
    assert lines == [
        *("PROBLEMS", "  tiny (5)", "    f0: f0 is seen", "    f1: f1 is seen", "    … and 3 more", "    -> do this"),
        *("  no hole", "    y: y is seen", "    -> do this"),
        *("", "NOTES", "  alpha mask", "    x: x is seen", "    -> do this"),
    ]
    assert report(found, examples=0)[:4] == ["PROBLEMS", "  tiny (5)", "    … and 5 more", "    -> do this"]
    assert summary(found) == "6 problems, 0 warnings, 1 note"
    assert report([]) == []


def test_advice_of_its_own_stands_with_each_example():
    lines = report([made("warning", "specks", "a", "do a"), made("warning", "specks", "b", "do b")])
    assert lines[2:] == ["    a: a is seen", "      -> do a", "    b: b is seen", "      -> do b"]


def test_figures_of_a_group_are_told_as_a_range():
    lines = report([made("note", "hole", str(n), "", figure) for n, figure in enumerate((10.0, 20.0, 60.0))])
    assert lines[2:] == ["    from 10.0 % to 60.0 %, 30.0 % on average"]
    assert report([made("note", "hole", "a", "", 10.0)])[2:] == ["    a: a is seen"]


def test_severities():
    assert has_problem([made("note", "specks", "a"), made("problem", "specks", "b")])
    assert not has_problem([made("note", "specks", "a"), made("warning", "specks", "b")]) and not has_problem([])
    with pytest.raises(ValueError, match="fatal"):
        made("fatal", "specks", "a")


def test_for_machines():
    """Severity and code are written as a person reads them."""
    found = made("note", "hole", "a.png", figure=10.0)
    assert list(found.as_json().items()) == [
        ("severity", "note"),
        ("kind", "hole"),
        ("about", "a.png"),
        ("seen", "a.png is seen"),
        ("advice", "do this"),
        ("figure", 10.0),
    ]
