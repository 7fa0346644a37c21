"""`make_masks` and `benchmark` on a folder of photographs, and what a careful person wants of odd ones."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

NAMES = ("a.png", "b.jpg", "sub/c.png", "d.png")


@pytest.fixture
def photos(helpers, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    return helpers.write_photos(tmp_path / "photos", NAMES)


@pytest.fixture
def benchmark(done, photos, tmp_path):
    """Run it on the photographs; returns its report and what it printed."""

    def call(*options, output="report"):
        result = done("benchmark", "--images", photos, "--output", tmp_path / output, *options)
        return json.loads((tmp_path / output / "metrics.json").read_text()), result

    return call


def test_masks_as_files_are_the_masks_that_are_drawn(done, benchmark, photos, tmp_path):
    result = done("make-masks", "--images", photos, "--output", tmp_path / "masks", "--mask-preset", "medium")
    assert "4 masks" in result.out
    drawn, _ = benchmark("--methods", "telea,mean", "--mask-preset", "medium")
    files, _ = benchmark("--methods", "telea,mean", "--masks", tmp_path / "masks", output="other")
    for name in ("telea", "mean"):
        assert files["methods"][name]["mean"] == drawn["methods"][name]["mean"]
        assert files["methods"][name]["interval"] == drawn["methods"][name]["interval"]
    again = done("make-masks", "--images", photos, "--output", tmp_path / "masks", "--mask-preset", "medium")
    assert again.out == result.out


def test_what_is_left_behind(benchmark, photos, model_files, tmp_path):
    report, result = benchmark(
        "--methods", f"telea,flow={model_files['flow']}", "--num-samples", 2, "--reference", "flow"
    )
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(
        ["fills", "metrics.csv", "metrics.json", "records", "report.html", "tables", "tables.md"]
    )
    assert list(report["methods"]) == ["telea", "flow", "flow, mean of 2"]
    assert report["reference"] == "flow" and list(report["differences_to_reference"]) == ["telea", "flow, mean of 2"]
    assert (
        report["methods"]["flow"]["evaluations_median"] * 2
        == report["methods"]["flow, mean of 2"]["evaluations_median"]
    )
    with (tmp_path / "report" / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 3 * len(NAMES)
    mean = np.mean([float(row["psnr_hole"]) for row in table if row["method"] == "telea"])
    assert mean == pytest.approx(report["methods"]["telea"]["mean"]["psnr_hole"], rel=1e-5)
    assert report["settings"]["versions"]["torch"] and report["settings"]["seed"] == 0
    assert report["settings"]["compared"]["flow"]["sha256"]
    assert "metrics.json" in result.out and "report.html" in result.out
    thinner, _ = benchmark("--methods", "telea", "--keep-fills", "false", output="thin")
    assert not (tmp_path / "thin" / "fills").exists()
    assert thinner["methods"]["telea"]["mean"] == report["methods"]["telea"]["mean"]


def test_results_made_elsewhere_and_what_they_lack(benchmark, tmp_path):
    """One is missing, one has another size: both are left out for all methods, and named."""
    benchmark("--methods", "mean", output="mine")
    results = tmp_path / "mine" / "fills" / "mean"
    report, result = benchmark("--methods", f"telea,theirs={results}")
    assert report["methods"]["theirs"]["pictures_judged"] == 4
    (results / "a.png").unlink()
    Image.new("RGB", (64, 47)).save(results / "b.png")
    report, result = benchmark("--methods", f"telea,theirs={results}")
    for row in report["methods"].values():
        assert [picture["name"] for picture in row["pictures"]] == ["d.png", "sub/c.png"]
    assert set(report["failed"]["theirs"]) == {"a.png", "b.jpg"}
    assert "theirs did not fill 2 of 4" in result.err and "64x47" in result.err


def test_odd_pictures_and_masks(benchmark, done, helpers, photos, tmp_path):
    """Another size, grey, with alpha, unreadable; a mask too many and one too few."""
    done("make-masks", "--images", photos, "--output", tmp_path / "masks")
    Image.fromarray(helpers.smooth(30, 90)[..., 0]).save(photos / "grey.png")
    Image.fromarray(helpers.smooth(70, 50, channels=4)).save(photos / "alpha.png")
    (photos / "broken.png").write_bytes(b"no picture")
    report, result = benchmark("--methods", "mean,telea")
    names = [picture["name"] for picture in report["methods"]["mean"]["pictures"]]
    assert names == ["a.png", "alpha.png", "b.jpg", "d.png", "grey.png", "sub/c.png"]
    assert "note: left out: broken.png" in result.err
    for row in report["methods"].values():
        assert all(np.isfinite([picture["psnr_hole"] for picture in row["pictures"]]))
    helpers.write_hole(tmp_path / "masks" / "stranger_mask001.png", np.eye(48, dtype=bool))
    (tmp_path / "masks" / "manifest.json").unlink()
    report, result = benchmark("--methods", "mean", "--masks", tmp_path / "masks", output="masked")
    assert len(report["methods"]["mean"]["pictures"]) == 4
    assert "1 mask matches no picture" in result.err and "3 pictures have no mask" in result.err


def test_a_changed_mask_is_not_evaluated(benchmark, done, helpers, photos, tmp_path):
    done("make-masks", "--images", photos, "--output", tmp_path / "masks", "--per-image", 2)
    helpers.write_hole(tmp_path / "masks" / "a_mask002.png", np.eye(48, 64, dtype=bool))
    report, result = benchmark("--methods", "mean", "--masks", tmp_path / "masks")
    assert len(report["methods"]["mean"]["pictures"]) == 7
    assert "a_mask002.png is not the one" in result.err


def test_a_second_run_uses_the_first(benchmark):
    first, _ = benchmark("--methods", "mean,telea")
    second, result = benchmark("--methods", "mean,telea")
    assert "8 records used again" in result.out
    for key in ("mean", "telea"):
        assert second["methods"][key] == first["methods"][key]


@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs(jobs, benchmark):
    report, _ = benchmark("--methods", "mean", "--jobs", jobs)
    assert report["settings"]["jobs"] == jobs and report["methods"]["mean"]["pictures_judged"] == 4


def test_nothing_in_common_is_one_sentence(command, photos, helpers, tmp_path):
    helpers.write_hole(tmp_path / "theirs" / "zebra.png", np.eye(48, dtype=bool))
    options = ("--images", photos, "--output", tmp_path / "report", "--methods", f"mean,theirs={tmp_path / 'theirs'}")
    result = command("benchmark", *options)
    assert result.status == 2 and len(result.complaints) == 1
    assert "no picture that all methods filled" in result.complaints[0] and "theirs" in result.complaints[0]
    assert not (tmp_path / "report" / "metrics.json").exists()
