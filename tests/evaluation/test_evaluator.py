"""One method on one item: its record, its samples, and the networks it is evaluated by."""

import json
import math

import numpy as np
import pytest
import torch
from synthetic_methods import PLAIN, Constant, even

from latentinpaint.evaluation.evaluator import Evaluator, decode_vector, encode_vector, row_names
from latentinpaint.metrics.pixels import L1, METRICS


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

    evaluator = Evaluator([METRICS["l1"], _as_lpips()])
    evaluated = evaluator.evaluate(Constant(0.2, step=0.2, num_samples=4), even(0.6))
    rows = {row["kind"]: row for row in evaluated.record["rows"]}
    assert list(rows) == ["sample", "mean", "best"]
    values = {kind: row["figures"]["l1_hole"] for kind, row in rows.items()}
    rounded = {v: round(v * 255) / 255 for v in (0.2, 0.5, 0.6)}
    assert values["sample"] == pytest.approx(0.6 - rounded[0.2], abs=1e-6)
    assert values["mean"] == pytest.approx(0.6 - rounded[0.5], abs=1e-6)
    assert values["best"] == pytest.approx(0, abs=1e-6)
    assert rows["best"]["row"] == "constant, best of 4 (oracle)"
    found = evaluated.record["uncertainty"]
    assert found["samples"] == 4 and found["deviation"] == pytest.approx(
        np.std([0.2, 0.4, 0.6, 0.8], ddof=1), rel=1e-5
    )
    assert found["error_squared"] == pytest.approx(0.01, rel=1e-4)
    assert evaluated.standard_deviation[0, 0, 0, 0] == pytest.approx(found["deviation"], rel=1e-5)
    assert evaluated.standard_deviation[0, 0, 0, -1] == 0


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


def test_whatever_a_method_does_the_others_are_evaluated():
    class Broken(Constant):
        """Fails as no one foresaw."""

        def fill(self, item, num_samples=1):
            raise ZeroDivisionError("by nothing")

    record = PLAIN.evaluate(Broken(0.1), even(0.2)).record
    assert record["failed"] == "ZeroDivisionError: by nothing" and record["again"] and record["rows"] == []


def test_features_come_back_from_their_text():
    values = torch.randn(7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(decode_vector(encode_vector(values)), values)


def test_the_rows_of_a_method():
    assert row_names(Constant(0.1), with_best=True) == ["constant"]
    several = Constant(0.1, num_samples=4)
    assert row_names(several, with_best=False) == ["constant", "constant, mean of 4"]
    assert row_names(several, with_best=True) == ["constant", "constant, mean of 4", "constant, best of 4 (oracle)"]
