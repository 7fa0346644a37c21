"""Figures as files hold them."""

import pytest
from synthetic_methods import Constant, even, summary_of

from latentinpaint.evaluation.report.serialise import table_lines


def test_one_line_a_row_and_case():
    lines = table_lines(summary_of([even(0.1), even(0.2)], [Constant(0.0), Constant(0.2, "other")]))
    assert len(lines) == 1 + 4 and {len(line) for line in lines} == {len(lines[0])}
    table = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [(row["method"], row["case"]) for row in table[:2]] == [("constant", "even 0.1"), ("constant", "even 0.2")]
    assert float(table[0]["l1_hole"]) == pytest.approx(0.1, rel=1e-5) and table[3]["psnr_hole"] == "60"
    assert [row["capped"] for row in table] == ["", "", "", "psnr psnr_hole psnr_band"]


@pytest.mark.parametrize(
    "name", ["=cmd()|' /C calc'!A0.png", "+1.png", "-1.png", "@SUM(A1).png", "\t=1.png", "\r=1.png"]
)
def test_names_are_no_formulas_for_a_spreadsheet(name):
    """A name that begins like a formula is written as the path of the same file; others are as they are."""
    items = [even(0.1, name=name, picture=name), even(0.2, name="a=b.png", picture="a=b.png")]
    heading, evil, plain = table_lines(summary_of(items, [Constant(0.0)]))
    for column in ("case", "picture"):
        assert evil[heading.index(column)] == f"./{name}"
        assert plain[heading.index(column)] == "a=b.png"
