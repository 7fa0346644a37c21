"""One method on one case, and what is made of many: rows, means over common cases, differences, distances."""

import json
import math

import numpy as np
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator, decode_vector, encode_vector, evaluate_all
from latentinpaint.evaluation.methods import Method, MethodError
from latentinpaint.evaluation.report.serialise import as_json, table_lines
from latentinpaint.evaluation.summary import summarise
from latentinpaint.metrics.distances import frechet_distance
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import L1, METRICS, PSNR

PLAIN = Evaluator([METRICS["l1"], METRICS["psnr"]])


class Constant(Method):
    """Fills with constants: sample k with `value + k * step`; answers what `wrong` says instead for some cases."""

    def __init__(self, value, name="constant", step=0.0, num_samples=1, wrong=None):
        self.value, self.name, self.label, self.step = value, name, f"a {name}", step
        self.num_samples, self.wrong = num_samples, wrong or {}

    def fill(self, case, num_samples=1):
        if isinstance(self.wrong.get(case.name), str):
            raise MethodError(self.wrong[case.name])
        value = self.wrong.get(case.name, self.value)
        fills = [torch.full_like(case.image, value + k * self.step) for k in range(num_samples)]
        return torch.where(case.mask > 0.5, torch.cat(fills), case.image)

    def identity(self, case):
        return f"{self.value} {self.step}"


class Colours(FeatureNetwork):
    """The mean of every channel, and of its square."""

    name, distance, kernel, dimension, smallest_side = "colours", "FD(colours)", "KD(colours)", 6, 8

    def forward(self, images):
        return torch.cat([images.mean(dim=(2, 3)), images.square().mean(dim=(2, 3))], dim=1)


def even(value, fraction=0.25, name=None, side=16, picture=None):
    mask = torch.zeros(1, 1, side, side)
    mask[..., : int(side * fraction)] = 1
    return DatasetItem(name or f"even {value}", torch.full((1, 3, side, side), value), mask, picture or "")


def summary_of(cases, methods, judging=PLAIN, **options):
    return summarise(*evaluate_all(cases, methods, judging), judging.metrics, judging.networks, **options)


# --- one case ---------------------------------------------------------------------------------------------


def test_a_record_says_what_was_measured():
    record = PLAIN.evaluate(Constant(10.3 / 255), even(0.0)).record
    (row,) = record["rows"]
    assert record["failed"] is None and row["evaluations"] is None and row["seconds"] > 0
    assert (row["row"], row["label"], row["kind"]) == ("constant", "a constant", "sample")
    assert row["figures"]["l1_hole"] == pytest.approx(10 / 255, rel=1e-6)  # rounded to 8 bits
    assert row["figures"]["l1"] == pytest.approx(10 / 255 / 4, rel=1e-6)
    assert row["figures"]["psnr_hole"] == pytest.approx(-20 * math.log10(10 / 255), rel=1e-5)
    assert json.loads(json.dumps(record)) == record


def test_a_case_is_described():
    about = PLAIN.item_record(even(0.5, 0.25, "x", 64, "x.png"))
    assert about["size"] == [64, 64] and about["hole_fraction"] == 0.25 and about["decile"] == 2
    # The stripe of 16 columns runs off the picture on the left, so its deepest pixels are 16 from the known ones.
    assert about["hole_width"] == 32 and about["width_class"] == "wide"


def test_several_samples_have_their_mean_their_best_and_their_spread():
    class Nearest(L1):
        """Stands in for LPIPS, by which the best sample is chosen."""

    judging = Evaluator([METRICS["l1"], _as_lpips()])
    judged = judging.evaluate(Constant(0.2, step=0.2, num_samples=4), even(0.6))
    rows = {row["kind"]: row for row in judged.record["rows"]}
    assert list(rows) == ["sample", "mean", "best"]
    values = {kind: row["figures"]["l1_hole"] for kind, row in rows.items()}
    rounded = {v: round(v * 255) / 255 for v in (0.2, 0.5, 0.6)}
    assert values["sample"] == pytest.approx(0.6 - rounded[0.2], abs=1e-6)
    assert values["mean"] == pytest.approx(0.6 - rounded[0.5], abs=1e-6)
    assert values["best"] == pytest.approx(0, abs=1e-6)
    assert rows["best"]["row"] == "constant, best of 4 (oracle)"
    found = judged.record["uncertainty"]
    assert found["samples"] == 4 and found["deviation"] == pytest.approx(
        np.std([0.2, 0.4, 0.6, 0.8], ddof=1), rel=1e-5
    )
    assert found["error_squared"] == pytest.approx(0.01, rel=1e-4)
    assert judged.deviation[0, 0, 0, 0] == pytest.approx(found["deviation"], rel=1e-5)
    assert judged.deviation[0, 0, 0, -1] == 0


def _as_lpips():
    from latentinpaint.metrics.perceptual import LPIPS

    class Stand(LPIPS):
        """The L1 distance under LPIPS's name."""

        name, label, smallest_side = "lpips_stand", "LPIPS(stand)", 1

        def __init__(self):
            pass

        def pixel_map(self, prediction, target):
            return L1().pixel_map(prediction, target)

    return Stand()


def test_whatever_a_method_does_the_others_are_judged():
    class Broken(Constant):
        """Fails as no one foresaw."""

        def fill(self, case, num_samples=1):
            raise ZeroDivisionError("by nothing")

    record = PLAIN.evaluate(Broken(0.1), even(0.2)).record
    assert record["failed"] == "ZeroDivisionError: by nothing" and record["again"] and record["rows"] == []


def test_holes_of_one_picture_are_not_many_pictures():
    """Ten pictures with two holes each: too few for six features by ten, whatever the number of holes."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, 3, 12, 12, generator=generator) for _ in range(10)]
    cases = [
        DatasetItem(f"{n}_{k}", image, even(0.0, 0.25 * (k + 1), side=12).mask, f"{n}.png")
        for n, image in enumerate(images)
        for k in range(2)
    ]
    summary = summary_of(cases, [Constant(0.4)], Evaluator([METRICS["l1"]], [Colours()]))
    assert "FD(colours) of 10 pictures" in summary.notes[-1]
    values = np.array(summary.rows["constant"].figures["l1_hole"])
    by_picture = summary_of(cases[::2], [Constant(0.4)], Evaluator([METRICS["l1"]])).rows["constant"].means["l1_hole"]
    both = summary.rows["constant"].means["l1_hole"]
    assert both.value == pytest.approx(values.mean())
    assert both.high - both.low > 0.7 * (
        by_picture.high - by_picture.low
    )  # twice the holes do not halve the interval


def test_features_come_back_from_their_text():
    values = torch.randn(7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(decode_vector(encode_vector(values)), values)


# --- many -------------------------------------------------------------------------------------------------


def test_means_leave_out_what_is_not_finite():
    """A perfect fill's PSNR is infinite, a picture without a hole has none inside it."""
    summary = summary_of([even(0.4), even(0.0), even(0.2, fraction=0)], [Constant(102 / 255)])
    row = summary.rows["constant"]
    assert row.means["psnr_hole"].value == pytest.approx(-20 * math.log10(102 / 255), rel=1e-5)
    assert (row.means["psnr_hole"].count, row.means["psnr_hole"].left_out) == (1, 2)
    written = json.loads(json.dumps(as_json(summary), allow_nan=False))["methods"]["constant"]
    assert written["left_out"]["psnr_hole"] == 2
    assert [picture["psnr_hole"] is None for picture in written["pictures"]] == [True, False, True]


def test_rows_are_about_the_same_cases():
    """What one method does not fill is left out for all, and named."""
    cases = [even(0.1, name="a"), even(0.2, name="b"), even(0.3, name="c")]
    wrong = {"b": "it was too dark", "c": float("nan")}
    summary = summary_of(cases, [Constant(0.0), Constant(0.0, "other", wrong=wrong)])
    assert [case["case"] for case in summary.cases] == ["a"]
    assert summary.rows["constant"].means["l1_hole"].value == pytest.approx(0.1)
    assert summary.failed["other"]["b"] == "it was too dark" and "not numbers" in summary.failed["other"]["c"]
    assert "other did not fill 2 of 3" in summary.notes[0]


def test_nothing_in_common_is_an_error():
    with pytest.raises(InputError, match="no picture that all methods filled; other did not fill a: broken"):
        summary_of([even(0.1, name="a")], [Constant(0.0), Constant(0.0, "other", wrong={"a": "broken"})])


def test_differences_are_case_by_case():
    cases = [even(value) for value in (0.0, 0.2, 0.4, 0.6)]
    summary = summary_of(cases, [Constant(0.2), Constant(0.4, "other")])
    found = summary.differences["other"]["l1_hole"]
    expected = [abs(c - 0.4) - abs(c - 0.2) for c in (0.0, 0.2, 0.4, 0.6)]
    assert found.mean.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.better == 2 and found.mean.count == found.of == 4  # less is better
    turned = summary_of(cases, [Constant(0.2), Constant(0.4, "other")], reference="other")
    assert turned.differences["constant"]["l1_hole"].mean.value == pytest.approx(-np.mean(expected), abs=1e-6)
    assert turned.differences["constant"]["psnr_hole"].better == 2  # more is better, and infinite is more
    with pytest.raises(InputError, match="no method 'third'"):
        summary_of(cases, [Constant(0.2)], reference="third")


def test_classes_of_holes():
    fractions = (0.05, 0.25, 0.28, 0.45, 0.95)
    cases = [even(n / 10, fraction, side=100) for n, fraction in enumerate(fractions)]
    summary = summary_of(cases, [Constant(0.0)])
    areas = {kind: sum(where) for by, kind, where in summary.classes() if by == "hole area"}
    assert areas == {"0–10 %": 1, "20–30 %": 2, "40–50 %": 1, "90–100 %": 1}
    widths = {kind: sum(where) for by, kind, where in summary.classes() if by == "hole width"}
    assert widths == {"narrow": 1, "wide": 4}  # a stripe of 5 at the picture's edge is 10 wide
    entries = as_json(summary)["methods"]["constant"]["classes"]
    assert entries[1]["mean"]["l1_hole"] == pytest.approx((0.1 + 0.2) / 2, rel=1e-5)


def test_distances_are_of_the_features():
    generator = torch.Generator().manual_seed(0)
    cases = [
        DatasetItem(str(n), torch.rand(1, 3, 12, 12, generator=generator), even(0.0, 0.5, side=12).mask)
        for n in range(9)
    ]
    network, method = Colours(), Constant(0.4)
    summary = summary_of(cases, [method], Evaluator([METRICS["l1"]], [network]))
    fills = torch.cat([(method.fill(case) * 255).round() / 255 for case in cases])
    truths = torch.cat([case.image for case in cases])
    expected = frechet_distance(network(fills), network(truths))
    assert summary.rows["constant"].distances == {"FD(colours)": pytest.approx(expected, rel=1e-5)}
    assert summary.rows["constant"].kernels["KD(colours)"].subset == 4
    assert math.isnan(summary.rows["constant"].f1)  # FID is Inception's alone
    assert (
        "9 pictures are few" in summary.notes[0] and "9 pictures on 6 features is biased upwards" in summary.notes[1]
    )
    # By area, only where there are more pictures than features.
    (area,) = [e for e in as_json(summary)["methods"]["constant"]["classes"] if e["by"] == "hole area"]
    assert area["distance"]["FD(colours)"] == pytest.approx(expected, rel=1e-5)
    few = summary_of(cases[:5], [method], Evaluator([METRICS["l1"]], [network]))
    assert as_json(few)["methods"]["constant"]["classes"][0]["distance"] == {}
    assert "too few for an interval" in few.notes[0] and "more pictures than features" in few.notes[1]
    one = summary_of(cases[:1], [method], Evaluator([METRICS["l1"]], [network]))
    assert one.rows["constant"].distances == {} and "one picture" in one.notes[-1]


def test_a_picture_too_small_for_a_network_leaves_its_distance_out():
    cases = [even(0.1), even(0.2, side=6), even(0.3)]
    summary = summary_of(cases, [Constant(0.4)], Evaluator([METRICS["l1"]], [Colours()]))
    assert summary.rows["constant"].distances == {}
    assert summary.notes[-1] == "FD(colours) is left out: a picture is smaller than its network takes"


def test_one_line_a_row_and_case():
    lines = table_lines(summary_of([even(0.1), even(0.2)], [Constant(0.0), Constant(0.2, "other")]))
    assert len(lines) == 1 + 4 and {len(line) for line in lines} == {len(lines[0])}
    table = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [(row["method"], row["case"]) for row in table[:2]] == [("constant", "even 0.1"), ("constant", "even 0.2")]
    assert float(table[0]["l1_hole"]) == pytest.approx(0.1, rel=1e-5) and table[3]["psnr_hole"] == "inf"


def test_calibration_is_over_all_cases():
    """Four equal steps around the truth: each rank that is possible is told, and the spread is the error."""
    cases = [even(value) for value in (0.1, 0.5, 0.9)]
    method = Constant(0.2, step=0.2, num_samples=4)
    summary = summary_of(cases, [method], Evaluator([METRICS["l1"]]))
    found = summary.calibration["constant"]
    shares = np.array(found["rank_shares"])
    assert shares.tolist() == pytest.approx([1 / 3, 0, 1 / 3, 0, 1 / 3])
    variance, errors = np.var([0.2, 0.4, 0.6, 0.8], ddof=1) * 5 / 4, [0.16, 0, 0.16]
    assert found["spread_to_error"] == pytest.approx(math.sqrt(variance / np.mean(errors)), rel=1e-4)
    assert found["covered"] == pytest.approx(1 / 3) and found["covered_if_calibrated"] == pytest.approx(3 / 5)
    assert (
        PSNR().higher_is_better and summary.higher_is_better["psnr_hole"] if "psnr_hole" in summary.labels else True
    )
