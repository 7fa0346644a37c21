"""The figures of a comparison as text."""

from types import SimpleNamespace

from latentinpaint.evaluation.statistics import Mean
from latentinpaint.experiments.card_figures import calibration, figures


def test_figures_of_every_method_with_their_digits():
    means = {"psnr_hole": Mean(12.345, 11.0, 13.0, 9, 0), "l1_hole": Mean(0.12345, 0.1, 0.2, 9, 0)}
    rows = {"a": SimpleNamespace(label="A", means=means), "b": SimpleNamespace(label="B", means={})}
    summary = SimpleNamespace(rows=rows, labels={"psnr": "PSNR", "l1": "L1"})
    assert figures(summary) == {"A": {"PSNR": "12.35 [11.00, 13.00]", "L1": "0.123 [0.100, 0.200]"}, "B": {}}


def test_what_several_fills_say_of_their_error():
    found = {"samples": 8, "spread_to_error": 0.914, "covered": 0.754, "covered_if_calibrated": 7 / 9}
    rows = {"model": SimpleNamespace(label="the model"), "telea": SimpleNamespace(label="Telea")}
    text = calibration(SimpleNamespace(calibration={"model": found}, rows=rows))
    assert "8 fills of a hole by the model" in text and "0.91 of the error" in text
    assert "75 % of the values, where 78 %" in text and "Telea" not in text
    assert calibration(SimpleNamespace(calibration={}, rows=rows)) == ""
