"""The table on the terminal has every method, metric and figure, however narrow the terminal."""

import pytest
from synthetic_methods import Constant, even, summary_of

from latentinpaint.evaluation.report.console import scores_table


@pytest.mark.parametrize("width", ["40", "200"])
def test_every_method_and_figure_is_printed(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    scores_table(summary_of([even(0.1), even(0.2)], [Constant(0.0), Constant(0.2, "other")]))
    lines = capsys.readouterr().out.splitlines()
    (plain,) = [line.split() for line in lines if line.strip().startswith("a constant")]
    (other,) = [line.split() for line in lines if line.strip().startswith("a other")]
    heading = " ".join(lines[: lines.index(next(line for line in lines if "─" in line))]).split()
    assert "hole" in heading and "seconds" in heading and "band" not in heading
    # |0.1 - 0| and |0.2 - 0| in the hole; |0.1 - 0.2| and 0.
    assert "0.15" in plain and "0.05" in other
    assert other[-3:-1] == ["(1", "capped)"] and "capped" not in plain  # the second fill of 0.2 is exact
    assert len(plain) == len([word for word in other if word not in ("(1", "capped)")])


def test_a_heading_says_how_many_have_a_value(capsys):
    scores_table(summary_of([even(0.1), even(0.2, fraction=0)], [Constant(0.0)]))
    lines = capsys.readouterr().out.splitlines()
    heading = " ".join(lines[: lines.index(next(line for line in lines if "─" in line))])
    assert heading.count("(1 of 2)") == 2  # L1 and PSNR in the hole
