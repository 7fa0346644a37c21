"""A benchmark from its items to its files; what the commands do with it is tested in `tests/cli`."""

import json

import pytest

from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.method_comparison import compare
from latentinpaint.evaluation.runner import Runner


@pytest.fixture
def make(helpers, tmp_path):
    photos = helpers.write_photos(tmp_path / "photos", ("a.png", "b.png"))

    def runner(*methods, **options):
        options = {"lpips_network": "", "features": "", **options}
        config = BenchmarkConfig(images=str(photos), output=str(tmp_path / "out"), device="cpu", jobs=1, **options)
        return Runner(config, methods)

    return runner


def test_the_files_hold_the_summary(make, tmp_path):
    done = []
    comparison = compare(make("mean", "telea"), "telea", done.append)
    assert done == ["a.png", "b.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("fills", "metrics.csv", "metrics.json", "records", "report.html", "tables", "tables.md")
    ]
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written["reference"] == comparison.summary.reference == "telea"
    assert written["methods"]["mean"]["mean"]["l1"] == comparison.summary.rows["mean"].means["l1"].value
    settings = written["settings"]
    assert settings["methods"] == ["mean", "telea"] and settings["lpips"] == settings["features"] == []
    assert settings["compared"]["mean"] == {"label": "mean colour", "kind": "BaselineMethod"}
    assert settings["metrics"] == ["L1", "PSNR", "SSIM", "MS-SSIM"]
    assert "output" not in settings and "masks" not in settings
    assert settings["seconds_and_memory"].endswith(" cores), processes at once: 1")


def test_a_reference_is_checked_before_the_work(make, tmp_path):
    with pytest.raises(InputError, match="no method 'ns' to compare with: choose one of mean, telea"):
        compare(make("mean", "telea"), "ns")
    assert not (tmp_path / "out").exists()


def test_what_was_left_out_is_noted(make, tmp_path):
    (tmp_path / "photos" / "b.png").write_bytes(b"no picture")
    comparison = compare(make("mean", keep_fills=False))
    assert comparison.summary.notes[0].startswith("left out: b.png: ")
    assert comparison.run.skipped and not (tmp_path / "out" / "fills").exists()
