"""Plots of a report as SVG text: figures over the hole's area, ranks of the truth among samples."""

import io
import math
import re
import zlib
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latentinpaint.evaluation.statistics import Mean

# Okabe and Ito's colours, told apart by most colour-blind people, and a marker each for those who see none.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")
MARKERS = "osD^vPX*"


def lines_plot(title: str, classes: Sequence[str], rows: Mapping[str, Sequence[Mean]], axis: str) -> str:
    """Means with their intervals over classes of holes, a line for each row; what is no number is left out."""
    figure = Figure(figsize=(5.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for number, (label, means) in enumerate(rows.items()):
        shift = 0.5 * ((number + 0.5) / len(rows) - 0.5)
        _draw_line(axes, number, label, means, shift)
    rotation = 0
    if len(classes) > 5:
        rotation = 30
    axes.set_xticks(range(len(classes)), classes, rotation=rotation, fontsize=8)
    axes.set_xlabel(axis)
    axes.set_title(_plain(title), fontsize=11)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=7, frameon=False)
    return _svg(figure)


def _draw_line(axes: Axes, number: int, label: str, means: Sequence[Mean], shift: float) -> None:
    """Line `number` of a plot, moved sideways by `shift`, so that the intervals of all lines can be seen."""
    places = []
    values = []
    below = []
    above = []
    for place, mean in enumerate(means):
        if math.isfinite(mean.value):
            places.append(place + shift)
            values.append(mean.value)
            below.append(_length(mean.value, mean.low))
            above.append(_length(mean.high, mean.value))
    line = "-"
    if number >= len(COLOURS):  # the colours come round again
        line = "--"
    axes.errorbar(
        places,
        values,
        yerr=[below, above],
        label=_plain(label),
        color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=4,
        linestyle=line,
        linewidth=1.2,
        elinewidth=0.8,
    )


def rank_plot(title: str, shares: Sequence[float]) -> str:
    """A histogram of ranks and the height all would have if samples and truth were alike."""
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(shares)), shares, color=COLOURS[0])
    axes.axhline(1 / len(shares), color="black", linewidth=1, linestyle="--")
    axes.set_xticks(range(len(shares)))
    axes.set_xlabel("samples below the truth")
    axes.set_ylabel("share of the hole's values")
    axes.set_title(_plain(title), fontsize=11)
    return _svg(figure)


def _plain(text: str) -> str:
    """Text as it stands: a dollar would begin a formula, and a label that begins with _ is left out of a legend."""
    escaped = text.replace("$", r"\$")
    if text.startswith("_"):
        return " " + escaped
    return escaped


def _length(high: float, low: float) -> float:
    length = high - low
    if math.isfinite(length):
        return length
    return 0.0


def _svg(figure: Figure) -> str:
    """SVG to put into a page: equal figures give equal text, and nothing refers to the outside."""
    written = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "latentinpaint", "svg.fonttype": "path"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    # Names inside an SVG are the whole page's: two plots must not share one.
    mark = f"p{zlib.crc32(text.encode()):08x}"
    text = re.sub(r'id="([^"]+)"', rf'id="{mark}\1"', text)
    text = re.sub(r'"#([^"]+)"', rf'"#{mark}\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{mark}\1)", text)
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
