"""A comparison as a job: the same figures however it is run, and nothing done twice."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.evaluation import benchmark_config as plans
from latentinpaint.evaluation import evaluator, runner
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.report.serialise import as_json
from latentinpaint.evaluation.runner import Runner, slug
from latentinpaint.evaluation.summary import summarise

NAMES = ("a.png", "b.jpg", "sub/c.png", "d.png", "e.png")


@pytest.fixture
def photos(tmp_path, helpers, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    return helpers.write_photos(tmp_path / "photos", NAMES, heights=(40, 48, 56, 64, 72))


def run(plan, output, jobs=None):
    """The result and the runner of a plan."""
    own = Runner(plan, output)
    return runner.run(own, jobs), own


def figures(found):
    """Every number of a run but times and memory."""
    outcome, own = found
    written = as_json(summarise(outcome.cases, outcome.records, own.judge.metrics, own.judge.networks))
    for row in written["methods"].values():
        for key in ("seconds_median", "megabytes_median"):
            row.pop(key)
        for picture in row["pictures"]:
            picture.pop("seconds")
    return written


def plan(photos, *methods, **options):
    return BenchmarkConfig(str(photos), methods, lpips=(), features=(), device="cpu", **options)


def test_figures_do_not_depend_on_processes_or_order(photos, model_files, tmp_path, monkeypatch):
    methods = ("telea", f"flow={model_files['flow']}", f"ffc={model_files['ffc']}")
    asked = plan(photos, *methods, num_samples=2)
    alone = figures(run(asked, tmp_path / "one", jobs=1))
    assert len(alone["methods"]["telea"]["pictures"]) == 5
    assert figures(run(asked, tmp_path / "two", jobs=2)) == alone
    torch.set_num_threads(2)
    assert figures(run(asked, tmp_path / "three", jobs=1)) == alone
    assert torch.get_num_threads() == 2
    # Evaluated one after the other in another order, each as if it were alone.
    backwards = Runner(asked, tmp_path / "four")
    for source in reversed(backwards.cases.sources):
        backwards.do(source)
    assert figures(run(asked, tmp_path / "four", jobs=1)) == alone
    monkeypatch.setattr(plans, "dataset_from_preset", _first_two(plans.dataset_from_preset))
    fewer = figures(run(asked, tmp_path / "five", jobs=1))
    for name, row in fewer["methods"].items():
        assert row["pictures"] == alone["methods"][name]["pictures"][:2]


def _first_two(read):
    return lambda images, preset, seed, limit, size: read(images, preset, seed, 2, size)


def test_only_what_is_missing_is_done(photos, tmp_path, monkeypatch):
    asked = plan(photos, "mean", "telea")
    done = []
    judge = evaluator.Evaluator.evaluate

    def remember(self, method, case):
        done.append((method.name, case.name))
        if len(done) == 7:
            raise KeyboardInterrupt
        return judge(self, method, case)

    monkeypatch.setattr(evaluator.Evaluator, "evaluate", remember)
    with pytest.raises(KeyboardInterrupt):
        run(asked, tmp_path / "out", jobs=1)
    interrupted, done[:] = done[-1], []
    monkeypatch.setattr(
        evaluator.Evaluator, "evaluate", lambda self, m, c: done.append((m.name, c.name)) or judge(self, m, c)
    )
    found = run(asked, tmp_path / "out", jobs=1)
    assert done[0] == interrupted
    assert len(done) == 10 - 6 and found[0].reused == 6
    assert figures(found) == figures(run(asked, tmp_path / "anew", jobs=1))
    done[:] = []
    assert run(asked, tmp_path / "out", jobs=1)[0].reused == 10 and not done
    # Another method beside them is all that is done.
    run(plan(photos, "mean", "telea", "ns"), tmp_path / "out", jobs=1)
    assert {name for name, _ in done} == {"ns"} and len(done) == 5


@pytest.mark.parametrize("what", ["picture", "seed", "metrics", "weights", "version", "damaged", "fill", "failure"])
def test_what_has_changed_is_done_again(what, photos, helpers, tmp_path, monkeypatch):
    asked = plan(photos, "mean")
    run(asked, tmp_path / "out", jobs=1)
    again = asked
    if what == "picture":
        Image.fromarray(helpers.smooth(40, 64, seed=9)).save(photos / "a.png")
    elif what == "seed":
        again = plan(photos, "mean", seed=1)
    elif what == "weights":
        monkeypatch.setattr(
            BenchmarkConfig, "judge", lambda self: (Evaluator(list(plans.METRICS.values()), (), {"x": "1"}), [])
        )
    elif what == "version":
        monkeypatch.setattr(evaluator, "version", lambda name: "0.0")
    elif what == "fill":
        (tmp_path / "out" / "fills" / "mean" / "a.png").unlink()
    elif what == "failure":
        path = tmp_path / "out" / "records" / "methods" / "mean" / "a.png.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"again": True}))
    elif what == "metrics":
        plans.METRICS["l2"] = _renamed(plans.METRICS["l1"])
    else:
        (tmp_path / "out" / "records" / "methods" / "mean" / "a.png.json").write_text("{")
    try:
        found = run(again, tmp_path / "out", jobs=1)
    finally:
        plans.METRICS.pop("l2", None)
    assert found[0].reused == (4 if what in ("picture", "damaged", "fill", "failure") else 0)
    if what != "metrics":
        assert figures(found) == figures(run(again, tmp_path / "anew", jobs=1))


def _renamed(metric):
    class Other(type(metric)):
        name = "l2"

    return Other()


def test_fills_are_the_pictures_that_were_judged(photos, tmp_path):
    outcome, own = run(plan(photos, "mean"), tmp_path / "out", jobs=1)
    case = own.cases[0]
    written = np.asarray(Image.open(own.fill_path("mean", "a.png"))).astype(float) / 255
    truth = case.image[0].permute(1, 2, 0).numpy()
    hole = case.mask[0, 0].numpy() > 0.5
    assert np.allclose(written[~hole], truth[~hole], atol=1e-7)
    (record,) = [r for r in outcome.records if r["case"] == "a.png"]
    assert record["rows"][0]["figures"]["l1_hole"] == pytest.approx(np.abs(written - truth)[hole].mean(), rel=1e-5)
    assert own.fill_path("mean", "sub/c.png").relative_to(tmp_path / "out").as_posix() == "fills/mean/sub/c.png"


def test_a_run_judges_its_own_fills_alike(photos, tmp_path):
    """The fills that one run left are results for another, with the same figures."""
    first = figures(run(plan(photos, "telea"), tmp_path / "out", jobs=1))
    results = f"again={tmp_path / 'out' / 'fills' / 'telea'}"
    second = figures(run(plan(photos, results), tmp_path / "other", jobs=1))
    assert second["methods"]["again"]["pictures"] == first["methods"]["telea"]["pictures"]


def test_the_output_is_not_among_the_pictures(photos):
    for output in (photos, photos / "report", photos / ".." / "photos" / "report"):
        with pytest.raises(InputError, match="would be taken for pictures"):
            Runner(plan(photos, "mean"), output)


def test_a_method_may_be_called_anything(photos, tmp_path):
    """Names that files, formulas or legends know otherwise."""
    run(plan(photos, "telea"), tmp_path / "out", jobs=1)
    results = tmp_path / "out" / "fills" / "telea"
    names = ("cases", "methods", "_lama", "a$b$c", "../up", "x" * 150)
    found = run(plan(photos, *(f"{name}={results}" for name in names)), tmp_path / "other", jobs=1)
    written = figures(found)
    assert list(written["methods"]) == list(names)
    assert len({str(row["pictures"]) for row in written["methods"].values()}) == 1


def test_only_fills_of_the_plan_are_taken_away(photos, tmp_path):
    own = run(plan(photos, "mean"), tmp_path / "out", jobs=1)[1]
    (tmp_path / "out" / "fills" / "mine").mkdir()
    own.remove_fills()
    assert [path.name for path in (tmp_path / "out" / "fills").iterdir()] == ["mine"]
    (tmp_path / "out" / "fills" / "mine").rmdir()
    own.remove_fills()
    assert not (tmp_path / "out" / "fills").exists()
    kept = runner.Runner(own.plan, tmp_path / "out", keep_fills=False)
    assert runner.run(kept, 1).reused == 5  # nobody asked for them


def test_an_unreadable_picture_is_left_out_and_named(photos, tmp_path):
    (photos / "b.jpg").write_bytes(b"no picture")
    outcome, _ = run(plan(photos, "mean"), tmp_path / "out", jobs=1)
    assert len(outcome.cases) == 4
    assert len(outcome.left_out) == 1 and outcome.left_out[0].startswith("b.jpg: ")
    for name in NAMES:
        (photos / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the pictures could be judged; a.png"):
        run(plan(photos, "mean"), tmp_path / "out2", jobs=1)


def test_pictures_that_differ_by_suffix_have_fills_of_their_own(photos, tmp_path):
    (photos / "a.jpg").write_bytes((photos / "b.jpg").read_bytes())
    _, own = run(plan(photos, "mean"), tmp_path / "out", jobs=1)
    paths = {own.fill_path("mean", source.name) for source in own.cases.sources}
    assert len(paths) == 6 and all(path.is_file() for path in paths)


def test_missing_weights_leave_out_their_metric_alone(photos, tmp_path):
    asked = BenchmarkConfig(str(photos), ("mean",), device="cpu")
    outcome, own = run(asked, tmp_path / "out", jobs=1)
    assert [note.split(" is left out")[0] for note in own.notes] == ["LPIPS(squeeze)", "FD(squeeze)", "FID"]
    assert all("fetch https://" in note and "save it as" in note for note in own.notes)
    assert set(outcome.records[0]["rows"][0]["figures"]) >= {"l1", "psnr_hole", "ssim_band", "ms_ssim"}


@pytest.mark.parametrize("options", [dict(lpips=("resnet",)), dict(features=("vgg",)), dict(lpips_weights="nowhere")])
def test_what_was_asked_for_and_cannot_be_had_is_an_error(options, photos, tmp_path):
    with pytest.raises(InputError):
        run(BenchmarkConfig(str(photos), ("mean",), device="cpu", **options), tmp_path / "out", jobs=1)


@pytest.mark.parametrize("texts", [("flow, mean of 2", "flow_ mean of 2"), ("a/b", "a_b"), ("x" * 200, "x" * 201)])
def test_names_of_files_are_told_apart(texts):
    one, other = map(slug, texts)
    assert one != other and "/" not in one + other and len(one) < 128


def test_the_number_of_processes(photos, tmp_path, monkeypatch):
    own = Runner(plan(photos, "mean"), tmp_path)
    monkeypatch.setattr(runner.os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    assert [runner._jobs(own, count) for count in (1, 47, 48, 96, 10_000)] == [1, 1, 2, 4, 4]
    own.methods[0].device = torch.device("meta")
    assert runner._jobs(own, 10_000) == 1


def test_records_are_plain_json(photos, tmp_path):
    run(plan(photos, "mean"), tmp_path / "out", jobs=1)
    record = json.loads((tmp_path / "out" / "records" / "methods" / "mean" / "a.png.json").read_text())
    assert record["case"] == "a.png" and record["rows"][0]["figures"]["l1"] > 0


def test_only_what_is_missing_is_fetched(photos, tmp_path, monkeypatch, capsys):
    """Neither a file that was given nor one that is there; each one once."""
    fetched = []
    monkeypatch.setattr(type(plans.INCEPTION), "fetch", lambda file: fetched.append(file.file_name))
    plan = BenchmarkConfig(str(photos), ("mean",), lpips=("alex", "squeeze"), features=("squeeze", "inception"))
    plan.fetch()
    names = ["alexnet-owt-7be5be79.pth", "squeezenet1_1-b8a52dc0.pth", "weights-inception-2015-12-05-6726825d.pth"]
    said = capsys.readouterr().err
    assert fetched == names and all(name in said for name in names)
    plans.SQUEEZENET.place.parent.mkdir(parents=True)
    plans.SQUEEZENET.place.write_bytes(b"")
    fetched.clear()
    BenchmarkConfig(str(photos), ("mean",), lpips=("alex",), lpips_weights="x", inception_weights="y").fetch()
    assert fetched == []
