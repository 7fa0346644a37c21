"""Rows of the table: their parts that `test_summary` does not see through a whole comparison."""

import math

import torch
from synthetic_methods import Colours

from latentinpaint.evaluation.statistics import mean_with_interval
from latentinpaint.evaluation.table_rows import TableRow, column, common_rows, distances
from latentinpaint.metrics.distances import f1_of_ssim_and_fid, frechet_distance


def test_a_row_has_means_over_some_items():
    groups = [str(number) for number in range(8)]
    values = [float(number) for number in range(8)]
    row = TableRow("a", "a", "a", "sample", groups, {"l1": values}, values, values, values, {})
    assert row.mean("l1") == row.means["l1"] == mean_with_interval(values, groups)
    assert row.mean("l1", [number < 7 for number in range(8)]) == mean_with_interval(values[:7], groups[:7])


def test_rows_that_some_record_lacks_are_left_out():
    records = [{"rows": [{"row": "a"}, {"row": "best"}]}, {"rows": [{"row": "a"}]}]
    assert common_rows(records) == (["a"], ["best"])
    assert common_rows(records[:1]) == (["a", "best"], [])
    assert column([{"x": 1}, {"x": None}], "x") == [1, None]


def test_f1_stands_where_fid_is_a_column():
    class Inception(Colours):
        """Under the name that F1 is taken with."""

        distance, kernel = "FID", "KID"

    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 5, 6, generator=generator, dtype=torch.float64)
    found = distances({"FID": one}, {"FID": other}, [Inception()], ssim=0.7)
    assert found.frechet == {"FID": frechet_distance(one, other)} and list(found.kernels) == ["KID"]
    assert found.f1 == f1_of_ssim_and_fid(0.7, found.frechet["FID"])
    few = distances({"FID": one[:3]}, {"FID": other[:3]}, [Inception()], ssim=0.7)
    assert few.kernels == {} and math.isfinite(few.f1)
    assert math.isnan(distances({}, {}, [], ssim=0.7).f1)
