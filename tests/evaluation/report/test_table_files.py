"""Tables as LaTeX and CSV."""

import csv
import io
import math

from latentinpaint.evaluation.report.page_tables import Cell, PageTable, TableLine
from latentinpaint.evaluation.report.table_files import as_csv, as_latex, write_tables

TABLE = PageTable(
    "hole",
    "In the hole",
    ["method", "PSNR ↑"],
    [
        TableLine("a_b & 50 %", [Cell("18.20", ("17.10 … 19.30",), (18.2, 17.1, 19.3), bold=True)]),
        TableLine("=1+1", [Cell("–", ("–",), (math.nan,) * 3)]),
        TableLine("seeds", [Cell("1.0, 2.0")]),
    ],
)


def test_latex():
    lines = as_latex(TABLE).splitlines()
    assert lines[1] == r"\begin{tabular}{lr}"
    assert lines[3] == r"method & PSNR $\uparrow$ \\"
    assert lines[5] == r"a\_b \& 50 \% & \textbf{18.20} [17.10 \ldots{} 19.30] \\"
    assert lines[6] == r"=1+1 & -- \\"
    assert lines[-1] == r"\end{tabular}"


def test_csv_has_the_numbers_and_no_formula():
    head, first, second, seeds = csv.reader(io.StringIO(as_csv(TABLE)))
    assert head == ["method", "PSNR ↑", "PSNR ↑ low", "PSNR ↑ high"]
    assert first == ["a_b & 50 %", "18.2", "17.1", "19.3"]
    assert second == ["'=1+1", "", "", ""]
    assert seeds == ["seeds", "1.0, 2.0", "", ""]


def test_every_table_is_written(tmp_path):
    write_tables(tmp_path / "tables", [TABLE])
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"hole.tex", "hole.csv"}
