"""What is made of many records: rows, means over common items, differences, distances."""

import json
import math

import numpy as np
import pytest
import torch
from synthetic_methods import Colours, Constant, even, summary_of

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.report.serialise import as_json
from latentinpaint.metrics.distances import frechet_distance
from latentinpaint.metrics.pixels import L1, METRICS, PSNR, PixelMap


def test_holes_of_one_picture_are_not_many_pictures():
    """Ten pictures with two holes each: too few for six features by ten, whatever the number of holes."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, 3, 12, 12, generator=generator) for _ in range(10)]
    items = [
        DatasetItem(f"{n}_{k}", image, even(0.0, 0.25 * (k + 1), side=12).mask, f"{n}.png")
        for n, image in enumerate(images)
        for k in range(2)
    ]
    summary = summary_of(items, [Constant(0.4)], Evaluator([METRICS["l1"]], [Colours()]))
    assert "FD(colours) of 10 pictures" in summary.notes[-1]
    values = np.array(summary.rows["constant"].scores["l1_hole"])
    by_picture = summary_of(items[::2], [Constant(0.4)], Evaluator([METRICS["l1"]])).rows["constant"].means["l1_hole"]
    both = summary.rows["constant"].means["l1_hole"]
    assert both.value == pytest.approx(values.mean())
    assert both.high - both.low > 0.7 * (
        by_picture.high - by_picture.low
    )  # twice the holes do not halve the interval


def test_a_perfect_fill_counts_with_the_cap_and_what_has_no_hole_is_left_out():
    """What a method did perfectly must not be taken from its mean."""
    items = [even(102 / 255), even(0.0), even(0.2, fraction=0)]
    summary = summary_of(items, [Constant(102 / 255), Constant(51 / 255, "other")])
    row = summary.rows["constant"]
    assert row.means["psnr_hole"].value == pytest.approx((60 - 20 * math.log10(102 / 255)) / 2, rel=1e-5)
    assert (row.means["psnr_hole"].count, row.means["psnr_hole"].left_out) == (2, 1)
    assert row.means["psnr_hole"].capped == 1 and summary.rows["other"].means["psnr_hole"].capped == 0
    written = json.loads(json.dumps(as_json(summary), allow_nan=False))
    found = written["methods"]["constant"]
    assert found["left_out"]["psnr_hole"] == 1 and found["capped"]["psnr_hole"] == 1
    assert [picture["psnr_hole"] is None for picture in found["pictures"]] == [False, False, True]
    assert [picture["capped"] for picture in found["pictures"]][:2] == [["psnr", "psnr_hole", "psnr_band"], []]
    difference = written["differences_to_reference"]["other"]["psnr_hole"]
    expected = (-20 * math.log10(51 / 255) - 60 - 20 * math.log10(0.2) + 20 * math.log10(0.4)) / 2
    assert difference["mean"] == pytest.approx(expected, rel=1e-5)
    assert (difference["of"], difference["better"], difference["capped"]) == (2, 1, 1)
    assert any("above 60 dB" in note for note in summary.notes)


def test_every_row_of_a_column_is_about_the_same_items():
    """A metric that has no value of one method's fill has none in the mean of any method."""

    class Picky(L1):
        name = "picky"

        def pixel_map(self, prediction, target):
            found = super().pixel_map(prediction, target)
            return PixelMap(torch.where(found.values > 0.35, torch.nan, found.values), found.picture_mean)

    items = [even(0.1), even(0.2), even(0.4)]
    summary = summary_of(items, [Constant(0.0), Constant(0.2, "other")], Evaluator([Picky()]))
    means = [row.means["picky_hole"] for row in summary.rows.values()]
    assert [(mean.count, mean.left_out) for mean in means] == [(2, 1), (2, 1)]
    assert [mean.value for mean in means] == pytest.approx([0.15, 0.05], abs=1e-6)
    assert any(note.startswith("picky_hole of 1 hole is") for note in summary.notes)


def test_rows_are_about_the_same_cases():
    """What one method does not fill is left out for all, and named."""
    items = [even(0.1, name="a"), even(0.2, name="b"), even(0.3, name="c")]
    wrong = {"b": "it was too dark", "c": float("nan")}
    summary = summary_of(items, [Constant(0.0), Constant(0.0, "other", wrong=wrong)])
    assert [item["case"] for item in summary.items] == ["a"]
    assert summary.rows["constant"].means["l1_hole"].value == pytest.approx(0.1)
    assert summary.failed["other"]["b"] == "it was too dark" and "not numbers" in summary.failed["other"]["c"]
    assert "other did not fill 2 of 3" in summary.notes[0]


def test_nothing_in_common_is_an_error():
    with pytest.raises(InputError, match="no picture that all methods filled; other did not fill a: broken"):
        summary_of([even(0.1, name="a")], [Constant(0.0), Constant(0.0, "other", wrong={"a": "broken"})])


def test_differences_are_case_by_case():
    items = [even(value) for value in (0.0, 0.2, 0.4, 0.6)]
    summary = summary_of(items, [Constant(0.2), Constant(0.4, "other")])
    found = summary.differences["other"]["l1_hole"]
    expected = [abs(c - 0.4) - abs(c - 0.2) for c in (0.0, 0.2, 0.4, 0.6)]
    assert found.mean.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.better == 2 and found.mean.count == found.of == 4  # less is better
    turned = summary_of(items, [Constant(0.2), Constant(0.4, "other")], reference="other")
    assert turned.differences["constant"]["l1_hole"].mean.value == pytest.approx(-np.mean(expected), abs=1e-6)
    assert turned.differences["constant"]["psnr_hole"].better == 2  # more is better, and infinite is more
    with pytest.raises(InputError, match="no method 'third'"):
        summary_of(items, [Constant(0.2)], reference="third")


def test_classes_of_holes():
    fractions = (0.05, 0.25, 0.28, 0.45, 0.95)
    items = [even(n / 10, fraction, side=100) for n, fraction in enumerate(fractions)]
    summary = summary_of(items, [Constant(0.0)])
    areas = {found.name: sum(found.where) for found in summary.classes() if found.by == "hole area"}
    assert areas == {"0–10 %": 1, "20–30 %": 2, "40–50 %": 1, "90–100 %": 1}
    widths = {found.name: sum(found.where) for found in summary.classes() if found.by == "hole width"}
    assert widths == {"narrow": 1, "wide": 4}  # a stripe of 5 at the picture's edge is 10 wide
    entries = as_json(summary)["methods"]["constant"]["classes"]
    assert entries[1]["mean"]["l1_hole"] == pytest.approx((0.1 + 0.2) / 2, rel=1e-5)


def test_distances_are_of_the_features():
    generator = torch.Generator().manual_seed(0)
    items = [
        DatasetItem(str(n), torch.rand(1, 3, 12, 12, generator=generator), even(0.0, 0.5, side=12).mask)
        for n in range(9)
    ]
    network, method = Colours(), Constant(0.4)
    summary = summary_of(items, [method], Evaluator([METRICS["l1"]], [network]))
    fills = torch.cat([(method.fill(item) * 255).round() / 255 for item in items])
    truths = torch.cat([item.image for item in items])
    expected = frechet_distance(network(fills), network(truths))
    assert summary.rows["constant"].distances.frechet == {"FD(colours)": pytest.approx(expected, rel=1e-5)}
    assert summary.rows["constant"].distances.kernels["KD(colours)"].subset == 4
    assert math.isnan(summary.rows["constant"].distances.f1)  # FID is Inception's alone
    assert (
        "9 pictures are few" in summary.notes[0] and "9 pictures on 6 features is biased upwards" in summary.notes[1]
    )
    # By area, only where there are more pictures than features.
    (area,) = [e for e in as_json(summary)["methods"]["constant"]["classes"] if e["by"] == "hole area"]
    assert area["distance"]["FD(colours)"] == pytest.approx(expected, rel=1e-5)
    few = summary_of(items[:5], [method], Evaluator([METRICS["l1"]], [network]))
    assert as_json(few)["methods"]["constant"]["classes"][0]["distance"] == {}
    assert "too few for an interval" in few.notes[0] and "more pictures than features" in few.notes[1]
    one = summary_of(items[:1], [method], Evaluator([METRICS["l1"]], [network]))
    assert one.rows["constant"].distances.frechet == {} and "one picture" in one.notes[-1]


def test_a_picture_too_small_for_a_network_leaves_its_distance_out():
    items = [even(0.1), even(0.2, side=6), even(0.3)]
    summary = summary_of(items, [Constant(0.4)], Evaluator([METRICS["l1"]], [Colours()]))
    assert summary.rows["constant"].distances.frechet == {}
    assert summary.notes[-1] == "FD(colours) is left out: a picture is smaller than its network takes"


def test_calibration_is_over_all_cases():
    """Four equal steps around the truth: each rank that is possible is told, and the spread is the error."""
    items = [even(value) for value in (0.1, 0.5, 0.9)]
    method = Constant(0.2, step=0.2, num_samples=4)
    summary = summary_of(items, [method], Evaluator([METRICS["l1"]]))
    found = summary.calibration["constant"]
    shares = np.array(found["rank_shares"])
    assert shares.tolist() == pytest.approx([1 / 3, 0, 1 / 3, 0, 1 / 3])
    variance, errors = np.var([0.2, 0.4, 0.6, 0.8], ddof=1) * 5 / 4, [0.16, 0, 0.16]
    assert found["spread_to_error"] == pytest.approx(math.sqrt(variance / np.mean(errors)), rel=1e-4)
    assert found["covered"] == pytest.approx(1 / 3) and found["covered_if_calibrated"] == pytest.approx(3 / 5)
    assert (
        PSNR().higher_is_better and summary.higher_is_better["psnr_hole"] if "psnr_hole" in summary.labels else True
    )
