"""Numbers and tables as Markdown."""

import math

import pytest
from synthetic_methods import PLAIN, Constant, even, summary_of

from latentinpaint.evaluation.report.markdown import arrow, compact, decimals, plain, table, tables, with_interval
from latentinpaint.evaluation.statistics import Mean
from latentinpaint.metrics.pixels import PSNR, SSIM
from latentinpaint.restoration.unclamped_metrics import UnclampedPSNR


def test_a_table_has_its_head_first():
    assert table([["a", "b"], ["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |\n"


@pytest.mark.parametrize(
    ("mean", "sign", "text"),
    [
        (Mean(1.234, 1.0, 1.5, 9, 0), "", "1.23 [1.00, 1.50]"),
        (Mean(1.234, -1.0, 1.5, 9, 0), "+", "+1.23 [-1.00, +1.50]"),
        (Mean(1.234, math.nan, math.nan, 2, 0), "", "1.23"),
        (Mean(math.nan, math.nan, math.nan, 0, 9), "", "–"),
    ],
)
def test_means_stand_with_their_intervals(mean, sign, text):
    assert with_interval(mean, 2, sign) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.1235"),
        (-0.5, "-0.5000"),
        (12.345, "12.35"),
        (1234.5, "1234"),
        (math.inf, "∞"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_compact_numbers_have_the_digits_that_are_of_use(value, text):
    assert compact(value) == text


def test_signs_arrows_and_dashes():
    assert compact(0.5, "+") == "+0.5000"
    assert (plain(1.26, 1), plain(math.nan, 1)) == ("1.3", "–")
    assert (plain(0.126, 2, "+"), plain(-0.126, 2, "+")) == ("+0.13", "-0.13")
    assert (arrow(True), arrow(False)) == ("↑", "↓")


def test_decibels_have_two_decimals_and_all_else_four():
    assert (decimals(PSNR()), decimals(UnclampedPSNR()), decimals(SSIM())) == (2, 2, 4)


def test_the_tables_of_a_comparison():
    text = tables(summary_of([even(0.1), even(0.2)], [Constant(0.0), Constant(0.2, "other")]), PLAIN.metrics)
    means, note, *conventions, differences = text.split("\n\n")
    assert "mean over pictures" in conventions[0] and "11 x 11" in conventions[1]
    assert "above 60 dB" in note and means.count("(1 capped)") == differences.count("(1 capped)") == 1
    assert means.splitlines()[0] == "| method | L1 hole ↓ | PSNR hole ↑ | seconds |"
    assert means.splitlines()[2].startswith("| a constant | 0.1500 | ")
    assert differences.splitlines()[0] == "| less a constant | L1 hole ↓ | PSNR hole ↑ |"
    assert differences.splitlines()[2].startswith("| a other | -0.1")


def test_methods_of_several_samples_have_a_table_of_them():
    """Of 0.2, 0.4 and 0.6 for a truth of 0.5: spread sqrt(0.04 * 4 / 3), error 0.1."""
    text = tables(summary_of([even(0.5)], [Constant(0.2, step=0.2, num_samples=3)]), PLAIN.metrics)
    head, _, line = text.split("\n\n")[-1].splitlines()
    assert head == "| samples | diversity (LPIPS) | spread / error | covered | covered if calibrated |"
    assert line == "| a constant, 3 samples | – | 2.31 | 1.00 | 0.50 |"
