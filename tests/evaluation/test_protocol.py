"""The protocol: which holes, which rows, and that fills are judged as 8-bit files."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.metrics import METRICS
from latentinpaint.evaluation.protocol import (
    BaselineMethod,
    Case,
    Scores,
    cases_from_folders,
    cases_from_preset,
    judge,
    model_methods,
)

NAMES = ("a.png", "b.png", "sub/a.png")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_holes_depend_on_seed_and_name_alone(photos):
    one = {case.name: case.mask for case in cases_from_preset(photos, "thick", seed=0)}
    torch.manual_seed(123)  # the surroundings' own random numbers do not matter
    again = {case.name: case.mask for case in cases_from_preset(photos, "thick", seed=0)}
    other = {case.name: case.mask for case in cases_from_preset(photos, "thick", seed=1)}
    assert list(one) == list(NAMES)
    for name in NAMES:
        assert one[name].shape == (1, 1, 40, 56) and torch.equal(one[name], again[name])
        assert not torch.equal(one[name], other[name])
    # The pictures are equal, so only the name tells the holes apart; "a.png" in a sub-folder is another name.
    assert not torch.equal(one["a.png"], one["b.png"]) and not torch.equal(one["a.png"], one["sub/a.png"])
    (photos / "a.png").unlink()
    assert torch.equal(next(iter(cases_from_preset(photos, "thick", seed=0))).mask, one["b.png"])


def test_limit_takes_the_first_by_name(photos):
    cases = cases_from_preset(photos, "thin", limit=2)
    assert len(cases) == 2 and [case.name for case in cases] == ["a.png", "b.png"]


def test_cases_from_folders(photos, tmp_path):
    hole = np.zeros((40, 56), np.uint8)
    hole[3:9, 30:50] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(hole).save(tmp_path / "masks" / "b_mask1.png")
    (case,) = cases_from_folders(photos, tmp_path / "masks")
    assert case.name == "b_mask1"
    assert np.array_equal(case.mask[0, 0].numpy(), hole / 255)
    pixels = np.asarray(Image.open(photos / "b.png"))
    assert np.array_equal((case.image[0].permute(1, 2, 0).numpy() * 255).round(), pixels)
    Image.fromarray(hole[:-1]).save(tmp_path / "masks" / "b_mask1.png")
    with pytest.raises(InputError, match="b_mask1.png has another size"):
        list(cases_from_folders(photos, tmp_path / "masks"))


def test_bad_folders(tmp_path, photos):
    with pytest.raises(InputError, match="fat"):
        list(cases_from_preset(photos, "fat"))
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match="no picture"):
        list(cases_from_preset(tmp_path / "void", "thin"))


# --- figures ----------------------------------------------------------------------------------------------


def scores(*values, key="psnr"):
    return Scores("label", [{"name": str(n), "seconds": n + 1.0, key: value} for n, value in enumerate(values)])


@pytest.mark.parametrize(
    ("values", "mean"), [((1.0, 3.0), 2.0), ((1.0, math.inf, 3.0), 2.0), ((math.nan, 5.0, -math.inf), 5.0)]
)
def test_means_leave_out_what_is_not_finite(values, mean):
    assert scores(*values).mean("psnr") == mean


def test_nothing_finite_has_no_mean():
    row = scores(math.inf, math.nan)
    assert math.isnan(row.mean("psnr"))
    written = json.loads(json.dumps(row.as_json(), allow_nan=False))
    assert written["mean"] == {"psnr": None}
    assert [picture["psnr"] for picture in written["pictures"]] == [None, None]
    assert written["pictures_judged"] == 2


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_median(count):
    assert scores(*[0.0] * count).median("seconds") == np.median(np.arange(1, count + 1))


# --- judging ----------------------------------------------------------------------------------------------


class Constant:
    """Fills every picture with a constant, and takes its time."""

    def __init__(self, value, name="constant"):
        self.value, self.name, self.label = value, name, f"a {name}"

    def fill(self, case):
        import time

        time.sleep(0.02)
        return torch.full_like(case.image, self.value)


def even(value, fraction=0.25):
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., : int(16 * fraction)] = 1
    return Case(f"even {value}", torch.full((1, 3, 16, 16), value), mask)


@pytest.mark.parametrize("level", [10.2, 10.49, 10.51, 10.8])
def test_fills_are_rounded_to_8_bits(level):
    rows = judge([even(0.0)], [Constant(level / 255)], [METRICS["l1"]])
    (picture,) = rows["constant"].pictures
    assert picture["l1"] == pytest.approx(round(level) / 255, rel=1e-6)
    assert picture["hole_fraction"] == 0.25


def test_rows_times_and_progress():
    told = []
    cases = [even(0.25), even(0.75, fraction=0)]
    methods = [Constant(0.5), Constant(0.75, "other"), BaselineMethod(BASELINES["mean"])]
    rows = judge(cases, methods, list(METRICS.values()), told.append)
    assert told == ["even 0.25", "even 0.75"]
    assert list(rows) == ["constant", "other", "mean"]
    assert rows["other"].label == "a other"
    for row in rows.values():
        assert [picture["name"] for picture in row.pictures] == told
        assert row.metric_names() == [f"{name}{where}" for name in METRICS for where in ("", "_hole")]
    assert all(0.02 <= picture["seconds"] < 30 for picture in rows["constant"].pictures)
    first, second = rows["constant"].pictures
    assert first["l1_hole"] == pytest.approx(128 / 255 - 0.25, rel=1e-5)
    assert math.isnan(second["l1_hole"]) and second["l1"] == pytest.approx(0.75 - 128 / 255, rel=1e-5)
    assert rows["mean"].pictures[0]["l1_hole"] == pytest.approx(abs(64 / 255 - 0.25), rel=1e-4)


@pytest.mark.parametrize(
    ("stochastic", "samples", "names"), [(True, 1, ["m"]), (True, 3, ["m", "m, mean of 3"]), (False, 3, ["m"])]
)
def test_rows_of_a_model(stochastic, samples, names):
    """One sample and the mean of several are methods of their own, so that each is timed by itself."""
    asked = []

    def sample(image, mask, num_samples, seed, steps):
        asked.append((num_samples, seed, steps))
        return torch.stack([torch.full_like(image, 0.1 * (k + 1)) for k in range(num_samples)], dim=1)

    autoencoder = SimpleNamespace(latent_mean=torch.zeros(1))
    refiner = SimpleNamespace(stochastic=stochastic)
    pipeline = SimpleNamespace(sample=sample, refiner=refiner, autoencoder=autoencoder)
    methods = model_methods("m", pipeline, samples, 7, 5)
    assert [method.name for method in methods] == names
    fills = [method.fill(even(0.5)) for method in methods]
    assert asked == [(1, 5, 7), (3, 5, 7)][: len(names)]
    assert torch.allclose(fills[0], torch.tensor(0.1))
    if len(names) > 1:
        assert torch.allclose(fills[1], torch.tensor(0.2))


def test_methods_of_one_name_are_refused():
    with pytest.raises(InputError, match="called the same"):
        judge([even(0.5)], [Constant(0.1), Constant(0.2)], list(METRICS.values()))
