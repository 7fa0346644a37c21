"""The ablation's table: its arithmetic, and that it knows every shipped variant."""

import numpy as np
import pytest

from latentinpaint.evaluation.table_rows import TableRow
from latentinpaint.experiments.ablation_table import (
    PAIRS,
    PUBLISHED,
    Variant,
    ablation_tables,
    as_json,
    difference,
    markdown,
)
from latentinpaint.experiments.variant_training import AUTOENCODER
from latentinpaint.training.recipe_files import CONFIGS

ABLATION = CONFIGS / "ablation"


def variant(name, *seeds, distance=1.0):
    count = len(seeds[0])
    rows = [
        TableRow(f"{name} {n}", name, name, "sample", [str(g) for g in range(count)], {"psnr_hole": list(values)},
            [1.0] * count, [1.0] * count, [1.0] * count, {})
        for n, values in enumerate(seeds)
    ]  # fmt: skip
    return Variant(name, rows, 0.5, {"FD(x)": [distance] * len(seeds)})


def test_a_variant_is_its_seeds_averaged_case_by_case():
    one = variant("1_pixel_alpha", [10.0, 20.0, 30.0] * 3, [12.0, 18.0, 30.0] * 3)
    other = variant("4_latent_control", [12.0, 20.0, 31.0] * 3, [12.0, 22.0, 31.0] * 3)
    assert one.of_cases("psnr_hole") == [11.0, 19.0, 30.0] * 3
    found = difference(other, one, "psnr_hole", True)
    assert found.mean.value == pytest.approx(np.mean([1.0, 2.0, 1.0])) and found.better == 9
    assert 1.0 <= found.mean.low <= found.mean.high <= 2.0


def test_what_is_capped_is_counted_for_every_seed_by_itself():
    """60 dB is the PSNR's cap: one, none and three of four cases; some seed's value is there in cases 0, 1 and 3."""
    found = variant("one", [60.0, 20.0, 30.0, 40.0], [50.0, 20.0, 30.0, 40.0], [60.0, 60.0, 30.0, 60.0])
    for row in found.rows:
        row.caps = {"psnr_hole": 60.0}
    numbers = as_json([found])["one"]
    assert numbers["capped_of_seeds"] == {"psnr_hole": [1, 0, 3]}
    assert found.mean("psnr_hole").capped == 3


def test_every_variant_that_is_shipped_has_its_place():
    """The pairs and published figures name configurations that are there."""
    there = {path.stem for path in ABLATION.glob("*.yaml")} - {AUTOENCODER}
    assert set(PUBLISHED) <= there and {name for pair in PAIRS for name in pair} == there
    assert round(PUBLISHED["2_pixel_control"].time, 2) == 1.07 and round(PUBLISHED["3_latent_alpha"].time, 2) == 0.67


def test_the_table_is_markdown():
    values = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    made = [variant("1_pixel_alpha", values), variant("4_latent_control", [v + 1 for v in values])]
    for v in made:
        for row in v.rows:
            row.scores |= {"ssim": values, "ssim_hole": values}
    table = markdown(ablation_tables(made, None))
    assert "LPIPS" not in table.replace("published LPIPS", "")
    for block in table.strip().split("\n\n"):
        widths = {line.count("|") for line in block.splitlines()}
        assert len(widths) == 1
    assert "| 4_latent_control less 1_pixel_alpha |" in table and "+1.00 [+1.00, +1.00]" in table
    assert PUBLISHED["1_pixel_alpha"].fid == 16.6
