"""The table of a comparison on the terminal."""

from rich import box
from rich.console import Console
from rich.table import Table

from latentinpaint.evaluation.report.markdown import capped_count, item_count, plain
from latentinpaint.evaluation.statistics import median
from latentinpaint.evaluation.summary import Summary
from latentinpaint.evaluation.table_rows import TableRow


def scores_table(summary: Summary) -> None:
    """Print one line a row: every metric's mean, distances and the median seconds a picture.

    Behind a mean stands how many of its values are capped, in a heading how many holes have a value if not all have.
    """
    rows = list(summary.rows.values())
    metrics = _shown_metrics(rows)
    distances = list(rows[0].distances.frechet)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for key in metrics:
        title = key.replace("_", "\n") + item_count(rows, key).replace(" ", "\n", 1)
        table.add_column(title, justify="right", no_wrap=True)
    for key in (*distances, "seconds"):
        table.add_column(key, justify="right", no_wrap=True)
    for row in rows:
        cells = []
        for key in metrics:
            mean = row.means[key]
            cells.append(f"{mean.value:.4g}{capped_count(mean)}")
        for key in distances:
            cells.append(f"{row.distances.frechet[key]:.4g}")
        table.add_row(row.label, *cells, plain(median(row.seconds), 3))
    console = Console()
    # Every figure is shown, even where the lines are longer than the terminal is wide.
    width = console.measure(table, options=console.options.update(max_width=1000)).maximum
    Console(width=max(width, console.width)).print(table)


def _shown_metrics(rows: list[TableRow]) -> list[str]:
    """Metrics of the whole picture and the hole that any row has; the border is in the report."""
    shown = []
    for key in rows[0].scores:
        count = sum(row.means[key].count for row in rows)
        if count and not key.endswith("_band"):
            shown.append(key)
    return shown
