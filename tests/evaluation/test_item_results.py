"""Items evaluated by others than the one that writes: the same records, so the same figures to the last digit."""

import json
from dataclasses import replace

import pytest

from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.item_results import KnownItem, add_seconds, evaluate_for_another, write_files
from latentinpaint.evaluation.method_comparison import compare
from latentinpaint.evaluation.runner import Runner

NAMES = ("a.png", "b.jpg", "sub/c.png", "d.png", "e.png", "f.png")
MEASURED = {"seconds", "megabytes", "processes"}  # what a fill took is not the same twice


@pytest.fixture
def config(tmp_path, helpers, monkeypatch):
    """A config of six photographs, one of which cannot be read."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    photos = helpers.write_photos(tmp_path / "photos", NAMES)
    (photos / "d.png").write_bytes((photos / "d.png").read_bytes()[:300])
    return BenchmarkConfig(
        images=str(photos),
        output=str(tmp_path / "local"),
        jobs=1,
        device="cpu",
        num_samples=2,
        lpips_network="",
        features="",
    )


@pytest.fixture
def methods(model_files):
    return ("telea", f"flow={model_files['flow']}")


def records(folder):
    """Everything in the records of a benchmark but what a fill took."""

    def without_measured(value):
        if isinstance(value, dict):
            return {key: without_measured(part) for key, part in value.items() if key not in MEASURED}
        if isinstance(value, list):
            return list(map(without_measured, value))
        return value

    found = {}
    for path in sorted((folder / "records").rglob("*.json")):
        found[path.relative_to(folder).as_posix()] = without_measured(json.loads(path.read_text()))
    return found


def fills(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / "fills").rglob("*.png")}


def means(comparison):
    found = {}
    for name, row in comparison.summary.rows.items():
        found[name] = {key: (mean.value, mean.low, mean.high) for key, mean in row.means.items()}
    return found


def test_what_another_process_finds_is_what_this_one_writes(config, methods, tmp_path):
    local = Runner(config, methods)
    local.run()
    other = Runner(replace(config, output=str(tmp_path / "other")), methods)
    for source in reversed(other.dataset.sources):
        done = evaluate_for_another(other, 1, KnownItem(source, other.known_keys(source)))
        assert (done.result.skipped is not None) == (source.name == "d.png")
        assert not any(path.exists() for path, _ in done.files)  # it writes nothing itself
        write_files(done.files)
        again = evaluate_for_another(other, 1, KnownItem(source, other.known_keys(source)))
        assert again.files == [] and (again.result.reused == 2 or source.name == "d.png")
    assert records(tmp_path / "other") == records(tmp_path / "local") and len(records(tmp_path / "local")) == 15
    assert fills(tmp_path / "other") == fills(tmp_path / "local")


def test_an_output_at_an_address_is_refused_at_once(config, methods):
    with pytest.raises(InputError, match="s3://bucket/out is an address"):
        Runner(replace(config, output="s3://bucket/out"), methods)


def test_seconds_add_up():
    total = {"fills": 1.0}
    add_seconds(total, {"fills": 0.5, "metrics": 2.0})
    assert total == {"fills": 1.5, "metrics": 2.0}


def test_a_cluster_finds_the_local_figures(config, methods, ray_address, tmp_path):
    local = compare(Runner(config, methods))
    elsewhere = replace(
        config,
        images=f"file://{config.images}",
        output=str(tmp_path / "cluster"),
        engine="ray",
        ray_address=ray_address,
        jobs=None,
    )
    cluster = compare(Runner(elsewhere, methods))
    assert means(cluster) == means(local)  # to the last digit
    assert records(tmp_path / "cluster") == records(tmp_path / "local")
    assert fills(tmp_path / "cluster") == fills(tmp_path / "local")
    assert cluster.run.jobs == 2 and len(cluster.run.skipped) == 1
    assert Runner(replace(elsewhere, engine="local"), methods).run().reused == 10
