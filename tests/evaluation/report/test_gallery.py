"""The gallery: which items it shows, and what of each."""

import html
import re

import numpy as np

from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.report.gallery import gallery
from latentinpaint.evaluation.runner import Runner
from latentinpaint.metrics.pixels import METRICS


def test_gallery_shows_worst_median_and_best(report):
    path, summary = report
    found = re.findall(r"<h3>(\w+), rank (\d+) of (\d+): (.*?) <span", path.read_text())
    values = np.array(summary.rows["my flow"].scores["l1_hole"])
    names = [item["case"] for item in summary.items]
    order = [names[n] for n in np.argsort(-values, kind="stable")]
    assert [kind for kind, *_ in found] == ["worst"] * 3 + ["median"] * 3 + ["best"] * 3
    shown = [html.unescape(name) for *_, name in found]
    ranks = [order[::-1].index(name) + 1 for name in shown]
    assert [(int(rank), int(count)) for _, rank, count, _ in found] == [(rank, len(names)) for rank in ranks]
    assert shown[:3] == order[:3] and shown[3:6] == order[7:10] and set(shown[6:]) == set(order[-3:])


def test_without_fills_the_truth_is_still_shown(report, tmp_path):
    path, summary = report
    photos = str(path.parents[1] / "photos")
    config = BenchmarkConfig(images=photos, output=str(tmp_path), lpips_network="", features="", device="cpu")
    runner = Runner(config, ["mean"])
    metrics = [metric for metric in METRICS.values() if metric.name in summary.labels]
    shown = gallery(summary, metrics[0], metrics, runner.read_item, lambda *names: tmp_path / "x.png")
    assert [[figure.name for figure in item.figures] for item in shown.items] == [["truth", "hole"]] * 9
    assert {item.left for item in shown.items} == {1}


def test_a_picture_that_has_gone_is_left_out(report, tmp_path):
    from latentinpaint.errors import InputError

    def gone(name):
        raise InputError(f"{name} has gone")

    metrics = list(METRICS.values())
    assert gallery(report[1], metrics[0], metrics, gone, lambda *names: tmp_path / "x.png").items == []
