"""A benchmark as a job: the same figures however it is run, and nothing done twice."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.evaluation import evaluator, runner
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.report.serialise import as_json
from latentinpaint.evaluation.runner import Runner
from latentinpaint.evaluation.summary import summarise
from latentinpaint.metrics.pixels import METRICS

NAMES = ("a.png", "b.jpg", "sub/c.png", "d.png", "e.png")


@pytest.fixture
def photos(tmp_path, helpers, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    return helpers.write_photos(tmp_path / "photos", NAMES, heights=(40, 48, 56, 64, 72))


def run(methods, config):
    """The result and the runner of a benchmark."""
    own = Runner(config, methods)
    return own.run(), own


def figures(found):
    """Every number of a run but times and memory."""
    result, own = found
    written = as_json(summarise(result.items, result.records, own.evaluator.metrics, own.evaluator.networks))
    for row in written["methods"].values():
        for key in ("seconds_median", "megabytes_median"):
            row.pop(key)
        for picture in row["pictures"]:
            picture.pop("seconds")
    return written


@pytest.fixture
def config(photos, tmp_path):
    """Makes a config whose results go into a folder of this name."""

    def make(output="out", jobs=1, **options):
        options = {"lpips_network": "", "features": "", **options}
        return BenchmarkConfig(images=str(photos), output=str(tmp_path / output), jobs=jobs, device="cpu", **options)

    return make


def test_figures_do_not_depend_on_processes_or_order(config, model_files):
    methods = ("telea", f"flow={model_files['flow']}", f"ffc={model_files['ffc']}")
    alone = figures(run(methods, config("one", num_samples=2)))
    assert len(alone["methods"]["telea"]["pictures"]) == 5
    assert figures(run(methods, config("two", jobs=2, num_samples=2))) == alone
    torch.set_num_threads(2)
    assert figures(run(methods, config("three", num_samples=2))) == alone
    assert torch.get_num_threads() == 2
    # Evaluated one after the other in another order, each as if it were alone.
    backwards = Runner(config("four", num_samples=2), methods)
    for source in reversed(backwards.dataset.sources):
        backwards.run_item(source)
    assert figures(run(methods, config("four", num_samples=2))) == alone
    fewer = figures(run(methods, config("five", num_samples=2, limit=2)))
    for name, row in fewer["methods"].items():
        assert row["pictures"] == alone["methods"][name]["pictures"][:2]


def test_only_what_is_missing_is_done(config, monkeypatch):
    methods = ("mean", "telea")
    done = []
    evaluate = evaluator.Evaluator.evaluate

    def remember(self, method, item):
        done.append((method.name, item.name))
        if len(done) == 7:
            raise KeyboardInterrupt
        return evaluate(self, method, item)

    monkeypatch.setattr(evaluator.Evaluator, "evaluate", remember)
    with pytest.raises(KeyboardInterrupt):
        run(methods, config())
    interrupted, done[:] = done[-1], []
    monkeypatch.setattr(
        evaluator.Evaluator, "evaluate", lambda self, m, i: done.append((m.name, i.name)) or evaluate(self, m, i)
    )
    found = run(methods, config())
    assert done[0] == interrupted
    assert len(done) == 10 - 6 and found[0].reused == 6
    assert figures(found) == figures(run(methods, config("anew")))
    done[:] = []
    assert run(methods, config())[0].reused == 10 and not done
    # Another method beside them is all that is done.
    run((*methods, "ns"), config())
    assert {name for name, _ in done} == {"ns"} and len(done) == 5


@pytest.mark.parametrize("what", ["picture", "seed", "metrics", "weights", "version", "damaged", "fill", "failure"])
def test_what_has_changed_is_done_again(what, photos, config, helpers, tmp_path, monkeypatch):
    methods = ("mean",)
    run(methods, config())
    options = {}
    record = tmp_path / "out" / "records" / "methods" / "mean" / "a.png.json"
    if what == "picture":
        Image.fromarray(helpers.smooth(40, 64, seed=9)).save(photos / "a.png")
    elif what == "seed":
        options = {"seed": 1}
    elif what == "weights":
        metrics = list(METRICS.values())
        monkeypatch.setattr(runner, "build_evaluator", lambda config: (Evaluator(metrics, (), {"x": "1"}), []))
    elif what == "version":
        monkeypatch.setattr(evaluator, "version", lambda name: "0.0")
    elif what == "fill":
        (tmp_path / "out" / "fills" / "mean" / "a.png").unlink()
    elif what == "failure":
        record.write_text(json.dumps(json.loads(record.read_text()) | {"again": True}))
    elif what == "metrics":
        monkeypatch.setitem(METRICS, "l2", _renamed(METRICS["l1"]))
    else:
        record.write_text("{")
    found = run(methods, config(**options))
    assert found[0].reused == (4 if what in ("picture", "damaged", "fill", "failure") else 0)
    assert figures(found) == figures(run(methods, config("anew", **options)))


def _renamed(metric):
    class Other(type(metric)):
        name = "l2"

    return Other()


def test_fills_are_the_pictures_that_were_evaluated(config, tmp_path):
    result, own = run(["mean"], config())
    item = own.dataset[0]
    written = np.asarray(Image.open(own.output.fill_path("mean", "a.png"))).astype(float) / 255
    truth = item.image[0].permute(1, 2, 0).numpy()
    hole = item.mask[0, 0].numpy() > 0.5
    assert np.allclose(written[~hole], truth[~hole], atol=1e-7)
    (record,) = [r for r in result.records if r["case"] == "a.png"]
    assert record["rows"][0]["figures"]["l1_hole"] == pytest.approx(np.abs(written - truth)[hole].mean(), rel=1e-5)
    assert (
        own.output.fill_path("mean", "sub/c.png").relative_to(tmp_path / "out").as_posix() == "fills/mean/sub/c.png"
    )


def test_an_item_is_read_again_by_its_name(config):
    own = Runner(config(), ["mean"])
    assert torch.equal(own.read_item("sub/c.png").image, own.dataset[4].image)
    with pytest.raises(KeyError, match=r"x\.png"):
        own.read_item("x.png")


def test_a_run_evaluates_its_own_fills_alike(config, tmp_path):
    """The fills that one run left are results for another, with the same figures."""
    first = figures(run(["telea"], config()))
    results = f"again={tmp_path / 'out' / 'fills' / 'telea'}"
    second = figures(run([results], config("other")))
    assert second["methods"]["again"]["pictures"] == first["methods"]["telea"]["pictures"]


def test_the_output_is_not_among_the_pictures(photos, config):
    for output in (photos, photos / "report", photos / ".." / "photos" / "report"):
        with pytest.raises(InputError, match="would be taken for pictures"):
            Runner(config(output), ["mean"])


def test_settings_that_cannot_be_used_are_named(config, tmp_path):
    """By the names that they have in Python; the command line says its own before."""
    with pytest.raises(InputError, match="nothing to evaluate"):
        Runner(config(), [])
    for name in ("num_samples", "steps", "limit", "size", "jobs"):
        with pytest.raises(InputError, match=f"^{name} starts at 1, not at 0"):
            Runner(config(**{name: 0}), ["mean"])
    with pytest.raises(InputError, match="leave size or masks out"):
        Runner(config(size=32, masks=str(tmp_path)), ["mean"])


def test_a_method_may_be_called_anything(config, tmp_path):
    """Names that files, formulas or legends know otherwise."""
    run(["telea"], config())
    results = tmp_path / "out" / "fills" / "telea"
    names = ("cases", "methods", "_lama", "a$b$c", "../up", "x" * 150)
    found = run([f"{name}={results}" for name in names], config("other"))
    written = figures(found)
    assert list(written["methods"]) == list(names)
    assert len({str(row["pictures"]) for row in written["methods"].values()}) == 1


def test_only_fills_of_the_benchmark_are_removed(config, tmp_path):
    own = run(["mean"], config())[1]
    (tmp_path / "out" / "fills" / "mine").mkdir()
    own.remove_fills()
    assert [path.name for path in (tmp_path / "out" / "fills").iterdir()] == ["mine"]
    (tmp_path / "out" / "fills" / "mine").rmdir()
    own.remove_fills()
    assert not (tmp_path / "out" / "fills").exists()
    assert run(["mean"], config(keep_fills=False))[0].reused == 5  # nobody asked for them


def test_an_unreadable_picture_is_left_out_and_named(photos, config):
    (photos / "b.jpg").write_bytes(b"no picture")
    result, _ = run(["mean"], config())
    assert len(result.items) == 4
    assert len(result.skipped) == 1 and result.skipped[0].startswith("b.jpg: ")
    for name in NAMES:
        (photos / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the pictures could be evaluated; a.png"):
        run(["mean"], config("out2"))


def test_pictures_that_differ_by_suffix_have_fills_of_their_own(photos, config):
    (photos / "a.jpg").write_bytes((photos / "b.jpg").read_bytes())
    _, own = run(["mean"], config())
    paths = {own.output.fill_path("mean", source.name) for source in own.dataset.sources}
    assert len(paths) == 6 and all(path.is_file() for path in paths)


def test_missing_weights_leave_out_their_metric_alone(config):
    result, own = run(["mean"], config(lpips_network="squeeze", features="squeeze,inception"))
    assert [note.split(" is left out")[0] for note in own.notes] == ["LPIPS(squeeze)", "FD(squeeze)", "FID"]
    assert all("fetch https://" in note and "save it as" in note for note in own.notes)
    assert set(result.records[0]["rows"][0]["figures"]) >= {"l1", "psnr_hole", "ssim_band", "ms_ssim"}


def test_the_number_of_processes(config, monkeypatch):
    own = Runner(config(), ["mean"])
    monkeypatch.setattr(runner.os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    assert [own.default_jobs(count) for count in (1, 47, 48, 96, 10_000)] == [1, 1, 2, 4, 4]
    own.methods[0].device = torch.device("meta")
    assert own.default_jobs(10_000) == 1


def test_records_are_plain_json(config, tmp_path):
    run(["mean"], config())
    record = json.loads((tmp_path / "out" / "records" / "methods" / "mean" / "a.png.json").read_text())
    assert record["case"] == "a.png" and record["rows"][0]["figures"]["l1"] > 0
