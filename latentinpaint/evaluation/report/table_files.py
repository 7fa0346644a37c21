"""The tables of a report as files: each as LaTeX, for a paper, and as CSV, for a spreadsheet."""

import csv
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from latentinpaint.evaluation.report.page_tables import Cell, PageTable, numbers
from latentinpaint.files import write_text

# What LaTeX takes for a command, and the signs of the tables.
_IN_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "±": r"$\pm$",
    "…": r"\ldots{}",
    "²": r"$^2$",
    "–": "--",
    "∞": r"$\infty$",
}
_FORMULA = re.compile(r"^[=+\-@\t\r\n]")  # what a spreadsheet evaluates


def write_tables(folder: Path, tables: Sequence[PageTable]) -> None:
    """Write every table as `<key>.tex` and `<key>.csv` into a folder."""
    for table in tables:
        write_text(folder / f"{table.key}.tex", as_latex(table))
        write_text(folder / f"{table.key}.csv", as_csv(table))


def as_latex(table: PageTable) -> str:
    """A tabular of the package booktabs; figures that stand out are bold, intervals stand behind them in brackets."""
    lines = [
        rf"% {escaped(table.title)}",
        r"\begin{tabular}{l" + "r" * (len(table.head) - 1) + "}",
        r"\toprule",
        " & ".join(map(escaped, table.head)) + r" \\",
        r"\midrule",
    ]
    for line in table.lines:
        lines.append(" & ".join([escaped(line.name), *map(_latex_cell, line.cells)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)


def as_csv(table: PageTable) -> str:
    """One line a row: of every column the value and the ends of its interval, empty where there is none."""
    head = [table.head[0]]
    for title in table.head[1:]:
        head += [title, f"{title} low", f"{title} high"]
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(head)
    for line in table.lines:
        name = line.name
        if _FORMULA.match(name):
            name = f"'{name}"
        cells = [name]
        for cell in line.cells:
            cells += numbers(cell)
        writer.writerow(cells)
    return written.getvalue()


def escaped(text: str) -> str:
    """A text of which LaTeX takes nothing for a command."""
    return "".join(_IN_LATEX.get(sign, sign) for sign in text)


def _latex_cell(cell: Cell) -> str:
    text = escaped(cell.text)
    if cell.bold:
        text = rf"\textbf{{{text}}}"
    if cell.below and cell.below[0] != "–":
        text += f" [{escaped(cell.below[0])}]"
    return text
