"""What is drawn of flows: the place of every picture, the files that are written, and what stands beside what."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_flows import make, samples

from latentinpaint.flows.session import SessionResult
from latentinpaint.visualization.flows import (
    draw_sheet,
    draw_side_by_side,
    training_sheets,
    write_comparison,
    write_samples,
)


@pytest.mark.parametrize("count", [3, 8, 11])
def test_samples_stand_in_blocks(count):
    """Picture n of a column is where its row and block say, every pixel a square."""
    shades = torch.linspace(-1, 1, 2 * count).view(2, count, 1, 1, 1).expand(-1, -1, 1, 32, 32)
    sheet = np.asarray(draw_side_by_side({"one": shades[0], "two": shades[1]}))
    assert sheet.shape[1] == 2 * -(-count // 8) * 68 - 4 and sheet.shape[0] == 22 + min(count, 8) * 68 - 4
    for which in range(2):
        for number in range(count):
            block, row = divmod(number, 8)
            left, top = (2 * block + which) * 68, 22 + row * 68
            tile = sheet[top : top + 64, left : left + 64]
            expected = round(float((shades[which, number, 0, 0, 0] + 1) * 127.5))
            assert np.abs(tile.astype(int) - expected).max() <= 1


def test_sheets_have_no_gaps():
    pictures = torch.randn(5, 1, 4, 6).clamp(-1, 1)
    sheet = np.asarray(draw_sheet(pictures, across=3))
    assert sheet.shape == (8, 18)
    for number in range(5):
        down, right = divmod(number, 3)
        tile = sheet[4 * down : 4 * down + 4, 6 * right : 6 * right + 6]
        assert np.abs(tile - ((pictures[number, 0] + 1) * 127.5).numpy()).max() <= 0.51
    assert (sheet[4:, 12:] == 0).all()
    assert draw_sheet(torch.zeros(4, 3, 8, 8)).size == (16, 16)


def test_samples_are_written_as_they_are(tmp_path):
    pictures = torch.randn(4, 3, 8, 8)
    write_samples(tmp_path / "s.npy", pictures)
    assert np.array_equal(np.load(tmp_path / "s.npy"), pictures.numpy())
    write_samples(tmp_path / "s.webp", pictures)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "s.webp")), np.asarray(draw_sheet(pictures)))
    write_samples(tmp_path / "points.png", torch.randn(50, 2))
    assert np.asarray(Image.open(tmp_path / "points.png")).std() > 5
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(("view", "data", "columns"), [(None, None, 1), (0.5, 0.5, 2), (0.5, 0.2, 3)])
def test_a_comparison_shows_the_data_where_they_differ(view, data, columns, tmp_path):
    like = torch.zeros(20, 3, 64, 64)
    view = view if view is None else like + view
    data = data if data is None else like + data
    write_comparison(tmp_path / "c.png", SessionResult(like, view, data, 1, 0.0, {}))
    expected = draw_side_by_side({str(n): like[:16] for n in range(columns)})
    assert Image.open(tmp_path / "c.png").size == expected.size


def test_what_is_drawn_after_training():
    points = make("points")
    sheets = training_sheets(points, *samples(points, 12))
    assert list(sheets) == ["samples", "variance", "trajectories"]
    assert all(np.asarray(sheet).std() > 5 for sheet in sheets.values())


def test_paths_are_lines(tmp_path):
    """An upright path colours the middle column of its axes and no other one."""
    path = torch.stack([torch.zeros(20), torch.linspace(-1, 1, 20)])[None, ..., None]
    picture = np.asarray(draw_side_by_side({"made": path})).astype(int)
    coloured = (picture.max(axis=2) - picture.min(axis=2) > 60).any(axis=0).nonzero()[0]
    assert len(coloured) > 0 and np.ptp(coloured) < 12
    path[:, :, 1:-1] = float("nan")  # pins alone: no line between them
    pins = np.asarray(draw_side_by_side({"pins": path})).astype(int)
    rows = (pins.max(axis=2) - pins.min(axis=2) > 60).any(axis=1).nonzero()[0]
    assert np.diff(rows).max() > 100
    write_samples(tmp_path / "paths.png", path)
    assert Image.open(tmp_path / "paths.png").size == (320, 340)
