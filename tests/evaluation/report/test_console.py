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
    assert len(plain) == len(other)
