"""The settings of a benchmark."""

import subprocess
import sys

import pytest

from latentinpaint.evaluation.benchmark_config import BenchmarkConfig, counts, recorded_settings, split_names


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        (" a, b,,a ", ("a", "b")),
        (["b", " a ", "b"], ("b", "a")),
    ],
)
def test_names_are_a_list_or_a_text_with_commas(texts, names):
    assert split_names(texts) == names


def test_what_a_report_lists_is_what_decides_the_figures():
    config = BenchmarkConfig(images="photos", output="out", steps=3, lpips_network="alex,vgg", jobs=4, features="")
    assert recorded_settings(config) == {
        "images": "photos",
        "mask_preset": "thick",
        "num_samples": 1,
        "steps": 3,
        "refine": False,
        "seed": 0,
        "lpips": ("alex", "vgg"),
        "features": (),
    }


def test_counts_are_there_by_their_names():
    config = BenchmarkConfig(images="photos", output="out", size=64)
    assert counts(config) == {"num_samples": 1, "steps": None, "limit": None, "size": 64, "jobs": None}


def test_settings_cost_nothing_to_import():
    code = "import sys, latentinpaint.evaluation.benchmark_config; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
