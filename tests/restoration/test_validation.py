"""The grid on validation pictures: the best is chosen, shown in the report, and nothing is done twice."""

import json
from dataclasses import replace

import pytest
from small_prior import config_of, save_priors, write_pictures

from latentinpaint.errors import InputError
from latentinpaint.restoration import RESTORERS
from latentinpaint.restoration.restoration_runner import RestorationRunner
from latentinpaint.restoration.validation import compare_restorers

METHODS = ["pnp_flow:steps=3:samples=1", "replace:steps=3"]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(RESTORERS["pnp_flow"], "grid", {"exponent": (0.1, 2.0)})
    priors = save_priors(tmp_path / "priors")
    images = write_pictures(tmp_path / "images")
    return config_of(priors, images, tmp_path / "out", validation=3, noise=0.2)


def test_the_best_of_the_grid_is_compared(config, tmp_path):
    comparison = compare_restorers(config, METHODS)
    settings = json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]
    grid = settings["grid"]
    tried = {f"{METHODS[0]}:exponent={value}": grid[f"{METHODS[0]}:exponent={value}"] for value in (0.1, 2.0)}
    best = max(tried, key=tried.get)
    assert settings["chosen"] == {"pnp_flow": best, "replace": METHODS[1]}
    assert grid["chosen by"] == "PSNR unclamped of 3 pictures for validation"
    validation = json.loads((tmp_path / "out" / "validation" / "metrics.json").read_text())
    assert {text: row["mean"]["psnr_unclamped"] for text, row in validation["methods"].items()} == tried
    assert list(comparison.summary.rows) == ["pnp_flow", "replace"]
    assert len(comparison.summary.items) == 6
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "How well 6 pictures were restored" in page
    assert best in page and "box:3, noise 0.2" in page
    assert RestorationRunner(config, [best, METHODS[1]]).run().reused == 12


def test_texts_that_differ_before_the_choice_may_be_equal_after_it(config, tmp_path):
    """The reference is named as it was given, and settings that two methods come to are restored with once."""
    first = METHODS[0]
    texts = [first, f"{first}:exponent=0.1", f"{first}:exponent=2.0", METHODS[1]]
    comparison = compare_restorers(config, texts, first)
    chosen = json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]["chosen"]
    assert list(chosen) == [*texts[:3], "replace"]
    assert chosen[first] in texts[1:3]
    assert list(comparison.summary.rows) == [chosen[first], *(set(texts[1:3]) - {chosen[first]}), "replace"]
    assert comparison.summary.reference == chosen[first]


def test_without_validation_all_pictures_are_restored(config, tmp_path):
    comparison = compare_restorers(replace(config, validation=0, limit=2), METHODS)
    assert [item["case"] for item in comparison.summary.items] == ["0.png", "1.png"]
    assert not (tmp_path / "out" / "validation").exists()


@pytest.mark.parametrize(
    ("texts", "reference", "named"),
    [([], None, "nothing to compare"), (METHODS, "ot_ode", "choose one of pnp_flow, replace")],
)
def test_mistakes(config, texts, reference, named):
    with pytest.raises(InputError, match=named):
        compare_restorers(config, texts, reference)
