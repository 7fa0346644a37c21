"""One report that the tests of its parts share."""

import pytest
from PIL import Image

from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.report.html import report_page
from latentinpaint.evaluation.runner import Runner
from latentinpaint.evaluation.summary import summarise


@pytest.fixture(scope="session")
def report(tmp_path_factory, model_files, helpers):
    """A report of 16 items, three methods, one of them with samples; its path and its summary."""
    folder = tmp_path_factory.mktemp("report")
    names = [f"{n:02}.png" for n in range(15)] + ["<b>&\"'.png"]
    (folder / "photos").mkdir()
    for seed, name in enumerate(names):
        Image.fromarray(helpers.smooth(48, 64 + 8 * (seed % 3), seed=seed)).save(folder / "photos" / name)
    config = BenchmarkConfig(
        images=str(folder / "photos"),
        output=str(folder / "out"),
        num_samples=3,
        lpips_network="",
        features="",
        device="cpu",
        jobs=1,
    )
    runner = Runner(config, ["telea", "mean", f"my flow={model_files['flow']}"])
    result = runner.run()
    evaluator = runner.evaluator
    summary = summarise(result.items, result.records, evaluator.metrics, evaluator.networks, "my flow")
    summary.notes.append("a note with <i>tags</i>")
    path = folder / "out" / "report.html"
    compared = {"telea": {"label": "Telea", "kind": "B"}, "ns": {"label": "NS"}}
    versions = {"torch": "2", "numpy": "3"}
    settings = {"holes": "preset thick, seed 0", "versions": versions, "compared": compared, "nothing": None}
    page = report_page(summary, evaluator.metrics, settings, runner.read_item, runner.output.fill_path)
    path.write_text(page, encoding="utf-8")
    return path, summary
