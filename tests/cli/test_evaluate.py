"""`evaluate`: its figures against numpy and torchmetrics, on fills and holes that the tests know."""

import json

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio

from latentinpaint.evaluation.dataset import dataset_from_folders, dataset_from_preset
from latentinpaint.evaluation.methods import build_methods
from latentinpaint.inference.options import FillOptions
from latentinpaint.weights import load_pipeline

HEIGHT, WIDTH = 48, 64
# The settings of the 2004 paper, as scikit-image's documentation names them.
PAPER = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=2)
NAMES = ("a.png", "b.jpg", "sub/c.png")


@pytest.fixture
def photos(helpers, tmp_path):
    return helpers.write_photos(tmp_path / "photos", NAMES)


@pytest.fixture
def holes(helpers, tmp_path):
    """A folder of masks, two for one photo, under LaMa's names and under the photo's own; returns the holes."""
    found = {}
    for number, name in enumerate(("a_mask001", "a_mask002", "b", "sub/c_mask")):
        hole = np.zeros((HEIGHT, WIDTH), bool)
        hole[6 + number : 30, 10 : 26 + 5 * number] = True
        helpers.write_hole(tmp_path / "masks" / f"{name}.png", hole)
        found[name] = hole
    return found


@pytest.fixture
def evaluate(done, photos, tmp_path, monkeypatch):
    """Run the command without LPIPS's weights; returns its report and what it printed."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no_torch_home"))

    def call(*options):
        result = done("evaluate", "--images", photos, "--output", tmp_path / "report", *options)
        return json.loads((tmp_path / "report" / "metrics.json").read_text()), result

    return call


def eight_bits(path):
    return np.asarray(Image.open(path).convert("RGB"))


def mean_fill(pixels, hole):
    filled = pixels.astype(np.float64)
    filled[hole] = filled[~hole].mean(axis=0)
    return np.rint(filled)


def opencv_fill(pixels, hole, flag):
    damaged = np.where(hole[..., None], 0, pixels).astype(np.uint8)
    filled = cv2.inpaint(damaged, hole.astype(np.uint8), 3, flag)
    return np.where(hole[..., None], filled, pixels).astype(np.float64)


FILLS = {
    "mean": mean_fill,
    "telea": lambda pixels, hole: opencv_fill(pixels, hole, cv2.INPAINT_TELEA),
    "ns": lambda pixels, hole: opencv_fill(pixels, hole, cv2.INPAINT_NS),
}


def tensor(pixels):
    return torch.from_numpy(pixels / 255).permute(2, 0, 1)[None].double()


@pytest.mark.parametrize("method", FILLS)
def test_figures_by_hand(method, evaluate, photos, holes, tmp_path):
    report, _ = evaluate("--masks", tmp_path / "masks", "--baselines", method)
    assert list(report["methods"]) == [method]
    pictures = report["methods"][method]["pictures"]
    assert [picture["name"] for picture in pictures] == list(holes)
    sources = {"a_mask001": "a.png", "a_mask002": "a.png", "b": "b.jpg", "sub/c_mask": "sub/c.png"}
    expected = []
    for picture in pictures:
        truth, hole = eight_bits(photos / sources[picture["name"]]), holes[picture["name"]]
        filled = FILLS[method](truth, hole)
        error = (filled - truth) / 255
        by_hand = {
            "hole_fraction": hole.mean(),
            "l1": np.abs(error).mean(),
            "l1_hole": np.abs(error[hole]).mean(),
            "psnr": peak_signal_noise_ratio(tensor(filled), tensor(truth), data_range=1.0).item(),
            "psnr_hole": -10 * np.log10(np.square(error[hole]).mean()),
            "ssim": structural_similarity(filled / 255, truth / 255, **PAPER),
        }
        for key, value in by_hand.items():
            assert picture[key] == pytest.approx(value, rel=2e-4), (picture["name"], key)
        expected.append(by_hand)
    for key in ("l1", "l1_hole", "psnr", "psnr_hole", "ssim"):
        mean = np.mean([by_hand[key] for by_hand in expected])
        assert report["methods"][method]["mean"][key] == pytest.approx(mean, rel=2e-4)
    assert report["methods"][method]["pictures_judged"] == 4


def figures(report):
    """Every picture's figures but for the time."""
    return {
        (name, picture["name"]): {key: value for key, value in picture.items() if key != "seconds"}
        for name, row in report["methods"].items()
        for picture in row["pictures"]
    }


def test_presets_are_drawn_by_seed_and_name(evaluate, photos):
    options = ("--mask-preset", "medium", "--baselines", "mean,ns")
    first, _ = evaluate(*options)
    again, _ = evaluate(*options)
    other, _ = evaluate(*options, "--seed", 1)
    assert figures(first) == figures(again)
    assert sorted({name for _, name in figures(first)}) == sorted(NAMES)
    for key, one in figures(first).items():
        assert 0 < one["hole_fraction"] <= 0.5
        assert one != figures(other)[key]
    assert first["settings"]["holes"] == "preset medium, seed 0"
    # The hole belongs to the name: without the first picture the others keep theirs.
    (photos / "a.png").unlink()
    fewer, _ = evaluate(*options)
    kept = {key: value for key, value in figures(first).items() if key[1] != "a.png"}
    assert figures(fewer) == kept


@pytest.mark.parametrize("preset", ["thin", "thick", "training"])
def test_presets_differ(preset, evaluate):
    one, _ = evaluate("--mask-preset", preset, "--baselines", "mean")
    medium, _ = evaluate("--mask-preset", "medium", "--baselines", "mean")
    assert figures(one) != figures(medium)


def test_limit(evaluate):
    report, result = evaluate("--limit", 1, "--baselines", "mean,telea,ns")
    assert {name for _, name in figures(report)} == {"a.png"}
    assert list(report["methods"]) == ["mean", "telea", "ns"]
    assert "1 hole;" in result.out


def test_size_is_that_of_the_fills(evaluate, tmp_path):
    report, _ = evaluate("--size", 32, "--baselines", "mean", "--limit", 1)
    fills = [path for path in tmp_path.rglob("*.png") if "mean" in path.parts]
    assert fills and all(Image.open(path).size == (32, 32) for path in fills)
    assert report["settings"]["size"] == 32


def test_without_lpips_all_else_is_there_with_a_note(evaluate):
    report, result = evaluate("--baselines", "mean")
    assert result.err.startswith("note: LPIPS(squeeze) is left out")
    left_out = [note.split(" is left out")[0] for note in report["notes"] if "is left out" in note]
    assert left_out == ["LPIPS(squeeze)", "FD(squeeze)", "FID"]
    means = report["methods"]["mean"]["mean"]
    local = {f"{name}{region}" for name in ("l1", "psnr", "ssim") for region in ("", "_hole", "_band")}
    assert set(means) == local | {"ms_ssim"}
    assert all(np.isfinite(means[key]) for key in local)
    assert means["ms_ssim"] is None  # the pictures are too small for its five scales


def test_with_lpips(evaluate, shared_data):
    weights = shared_data / "weights" / "squeezenet1_1_imagenet.pth"
    report, result = evaluate("--baselines", "mean,telea", "--lpips-weights", weights)
    assert "LPIPS(squeeze) is left out" not in result.err and [note[:3] for note in report["notes"]] == [
        "FID",
        "3 p",
        "FD(",
    ]
    assert all(row["distance"]["FD(squeeze)"] > 0 for row in report["methods"].values())
    for row in report["methods"].values():
        for key in ("lpips_squeeze", "lpips_squeeze_hole"):
            assert 0 < row["mean"][key] < 1
            assert row["mean"][key] == pytest.approx(np.mean([picture[key] for picture in row["pictures"]]))


def test_samples_of_a_flow_have_their_mean_as_another_row(evaluate, model_files, lively_flow, photos):
    models = f"[{lively_flow},{model_files['ffc']}]"
    report, _ = evaluate("--model", models, "--num-samples", 2, "--baselines=", "--limit", 2)
    assert list(report["methods"]) == ["flow", "flow, mean of 2", "ffc"]
    flow, mean, ffc = report["methods"].values()
    item = next(iter(dataset_from_preset(photos, "thick", seed=0)))
    (method,) = build_methods([str(lively_flow)], FillOptions(), "cpu")
    samples = load_pipeline(lively_flow).sample(item.image, item.mask, 2, method.seed_for_item(item))[0].numpy()
    hole = item.mask[0, 0].numpy() > 0
    for row, fill in ((flow, samples[0]), (mean, samples.mean(axis=0))):
        error = np.rint(fill * 255) / 255 - item.image[0].numpy()
        assert row["pictures"][0]["l1_hole"] == pytest.approx(np.abs(error[:, hole]).mean(), rel=1e-5)
    assert flow["mean"] != mean["mean"]
    assert {row["pictures_judged"] for row in (flow, mean, ffc)} == {2}
    single, _ = evaluate("--model", lively_flow.parent, "--baselines=", "--limit", 2)
    assert list(single["methods"]) == ["flow"]
    assert single["methods"]["flow"]["mean"] == flow["mean"]


def test_the_model_is_evaluated_on_the_pixels_that_inpaint_writes(
    evaluate, lively_flow, photos, holes, done, tmp_path
):
    report, _ = evaluate("--model", lively_flow, "--baselines=", "--masks", tmp_path / "masks", "--seed", 3)
    (method,) = build_methods([str(lively_flow)], FillOptions(seed=3), "cpu")
    seed = method.seed_for_item(next(iter(dataset_from_folders(photos, tmp_path / "masks"))))
    done(
        *("inpaint", "--model", lively_flow, "--image", photos / "a.png", "--seed", seed),
        *("--mask", tmp_path / "masks" / "a_mask001.png", "--output", tmp_path / "filled.png"),
    )
    error = eight_bits(tmp_path / "filled.png").astype(float) - eight_bits(photos / "a.png")
    picture = report["methods"]["flow"]["pictures"][0]
    assert picture["name"] == "a_mask001"
    assert picture["l1_hole"] == pytest.approx(np.abs(error[holes["a_mask001"]]).mean() / 255, rel=1e-4)


def test_a_perfect_fill_counts_with_the_cap(done, helpers, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(tmp_path / "photos" / "even.png")
    Image.fromarray(helpers.smooth(HEIGHT, WIDTH)).save(tmp_path / "photos" / "waves.png")
    done("evaluate", "--images", tmp_path / "photos", "--output", tmp_path, "--baselines", "mean")
    row = json.loads((tmp_path / "metrics.json").read_text())["methods"]["mean"]
    even, waves = row["pictures"]
    assert even["psnr_hole"] == 60 and even["l1"] == 0
    assert row["mean"]["psnr_hole"] == pytest.approx((60 + waves["psnr_hole"]) / 2)
    assert row["capped"]["psnr_hole"] == 1
    assert "(1 capped)" in (tmp_path / "tables.md").read_text()
    assert "1 of 2 capped" in (tmp_path / "report.html").read_text()
    assert row["mean"]["l1"] == pytest.approx(waves["l1"] / 2)
