"""`restore`: what it leaves behind, and one sentence for each mistake."""

import json

import pytest
from small_prior import save_priors, write_pictures


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))
    priors = save_priors(tmp_path / "priors")
    images = write_pictures(tmp_path / "images")
    return [
        *("--prior", priors["scheduled"], "--hadamard", priors["hadamard"], "--images", images),
        *("--output", tmp_path / "out", "--device", "cpu", "--jobs", "1", "--lpips-network", "", "--features", ""),
    ]


def test_what_is_left_behind(done, options, tmp_path):
    methods = "hadamard:steps=2,replace:steps=3"
    result = done("restore", *options, "--methods", methods, "--task", "random:.7", "--validation", 2, "--limit", 2)
    assert "2 pictures; every figure is in" in result.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "fills",
        "metrics.csv",
        "metrics.json",
        "records",
        "report.html",
        "tables",
        "tables.md",
    ]
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(report["methods"]) == ["hadamard", "replace"]
    assert report["settings"]["task"] == "random:.7" and report["settings"]["noise"] == 0.05
    assert len(list((tmp_path / "out" / "fills" / "hadamard").iterdir())) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (("--methods", "magic", "--task", "box:3"), "there is no method of restoration 'magic'"),
        (("--methods", "ot_ode", "--task", "box:3", "--noise", "-1"), "--noise starts at 0"),
        (("--methods", "ot_ode", "--task", "bxo:3"), "there is no task 'bxo'"),
        (("--methods", "ot_ode", "--task", "box:8"), "leaves nothing"),
        (("--methods", "hadamard", "--task", "blur:1"), "take a task with a mask"),
        (("--methods=", "--task", "box:3"), "--methods"),
        (("--methods", "ot_ode", "--task", "box:3", "--validation", "20"), "of which 20 are for validation"),
    ],
)
def test_mistakes(command, options, changes, named, tmp_path):
    result = command("restore", *options, *changes)
    assert result.status == 2
    assert len(result.complaints) == 1 and named in result.complaints[0], result.complaints
    assert not (tmp_path / "out").exists()


def test_a_hadamard_flow_of_another_size(command, options, tmp_path):
    small = save_priors(tmp_path / "others")["small"]
    options[options.index("--hadamard") + 1] = small
    result = command("restore", *options, "--methods", "hadamard", "--task", "box:3")
    assert result.status == 2
    assert "they have to be equal" in result.complaints[0]
