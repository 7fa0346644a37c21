"""`benchmarks/object_removal.py`: its list of objects, their masks as pixels, and the sheet."""

import argparse
import hashlib
import importlib
import importlib.util
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.path import Path as Polygon
from PIL import Image

from latentinpaint.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def masks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("object_masks")


@pytest.fixture
def sheet(masks):
    return importlib.import_module("object_removal")


def painted(shapes, size):
    """Pixels whose middle is inside a polygon, or half a width from a stroke."""
    y, x = np.mgrid[: size[1], : size[0]].astype(float)
    found = np.zeros(x.shape, bool)
    for shape in shapes:
        if "area" in shape:
            points = np.array([*shape["area"], shape["area"][0]], float)
            inside = Polygon(points).contains_points(np.c_[x.ravel(), y.ravel()])
            found |= inside.reshape(x.shape)
        else:
            points = np.array(shape["line"], float)
        for start, end in zip(points[:-1], points[1:], strict=True):
            along = end - start
            step = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along)
            step = step.clip(0, 1)
            away = np.hypot(x - start[0] - step * along[0], y - start[1] - step * along[1])
            found |= away <= shape["width"] / 2
        for point in points:
            found |= np.hypot(x - point[0], y - point[1]) <= shape["width"] / 2
    return found


def test_the_list_is_twenty_objects_of_all_kinds(masks):
    entries = masks.read_list()
    assert len(entries) == len({entry.photo for entry in entries}) == 20
    counts = {kind: sum(kind in entry.kinds for entry in entries) for kind in masks.KINDS}
    assert counts["border"] >= 6 and counts["pattern"] >= 3 and counts["thin"] >= 3
    for entry in entries:
        assert set(entry.kinds) <= set(masks.KINDS) and entry.object and entry.behind
        assert len(bytes.fromhex(entry.sha256)) == 32


def test_each_half_has_ten_objects_and_the_halves_follow_the_names(masks):
    entries = masks.read_list()
    names = {half: [entry.photo for entry in entries if entry.half == half] for half in masks.HALVES}
    assert [len(found) for found in names.values()] == [10, 10]
    assert max(names["first"]) < min(names["second"])


def test_masks_have_the_noted_pixels_and_a_sensible_share(masks):
    for entry in masks.read_list():
        mask = entry.mask()
        assert mask.shape == entry.size[::-1] and mask.dtype == bool
        # Another release of Pillow may draw a slanting border another way.
        assert mask.sum() == pytest.approx(entry.pixels, rel=0.02), entry.photo
        assert 0.001 <= entry.share() <= 0.25
        assert entry.share() == pytest.approx(mask.mean(), rel=0.02)


def test_masks_are_the_polygons_and_strokes_of_the_list(masks):
    for entry in masks.read_list():
        mask = entry.mask()
        wanted = painted(entry.shapes, entry.size)
        assert mask.sum() == pytest.approx(wanted.sum(), rel=0.05), entry.photo
        assert (mask & wanted).sum() > 0.9 * (mask | wanted).sum(), entry.photo


def test_shapes_of_known_pixels(masks):
    square = {"area": [[10, 20], [19, 20], [19, 29], [10, 29]], "width": 1}
    expected = np.zeros((50, 60), bool)
    expected[20:30, 10:20] = True
    np.testing.assert_array_equal(masks.rasterise((square,), (60, 50)), expected)
    dot = masks.rasterise(({"line": [[30, 25]], "width": 21},), (60, 50))
    assert dot.sum() == pytest.approx(np.pi * 10.5**2, rel=0.05)
    assert not (dot & ~painted(({"line": [[30, 25]], "width": 21},), (60, 50))).any()
    stroke = masks.rasterise(({"line": [[10, 25], [40, 25]], "width": 5},), (60, 50))
    assert stroke[23:28, 10:41].all() and stroke.sum() <= 5 * 35
    outside = masks.rasterise(({"line": [[-9, 25], [4, 25]], "width": 5},), (60, 50))
    assert outside[25, :5].all() and not outside[:, 8:].any()


@pytest.fixture
def photos(tmp_path):
    """An archive of two photographs, one wide and one tall, and the list of a hole in each."""
    entries = []
    random = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name, half, size in (("a.png", "first", (96, 64)), ("b.png", "second", (64, 80))):
            path = tmp_path / name
            Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path)
            archive.write(path, name)
            entries.append(
                {
                    "photo": name,
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    "size": size,
                    "half": half,
                    "object": "square",
                    "behind": "noise",
                    "kinds": ["pattern"],
                    "pixels": 100,
                    "shapes": [{"area": [[30, 30], [39, 30], [39, 39], [30, 39]], "width": 1}],
                }
            )
    (tmp_path / "list.json").write_text(json.dumps(entries))
    return tmp_path


def arguments(folder, **changed):
    values = {
        "photos": folder / "photos.zip",
        "list": folder / "list.json",
        "out": folder / "out",
        "model": [],
        "texture": None,
        "half": None,
        "side": 58,
        "rows": 1,
    }
    return argparse.Namespace(**values | changed)


def page_width(sheet, columns):
    return columns * (58 + sheet.MARGIN) - sheet.MARGIN


def test_the_sheet_of_two_photographs(sheet, photos, capsys):
    pages = sheet.write_sheet(arguments(photos, model=["default"]))
    assert [page.name for page in pages] == ["sheet_1.png", "sheet_2.png"]
    # The model of the package stands in the list once, whoever names it again.
    assert Image.open(pages[0]).size == (page_width(sheet, 4), 58 + 2 * sheet.CAPTION + sheet.MARGIN)
    printed = capsys.readouterr().out
    assert "a.png (first half, 1.6%): square; behind: noise" in printed
    assert len(re.findall(r"default, \d+\.\d s", printed)) == 2
    assert len(sheet.write_sheet(arguments(photos, half="second", rows=4))) == 1


def test_a_cell_shows_the_photograph_outside_and_the_fill_inside(sheet, masks, photos):
    entry, photo = next(masks.open_photos(masks.read_list(photos / "list.json"), photos))
    seen = []

    def grey(image, mask):
        seen.append((image, mask))
        return torch.where(mask.bool(), 0.2, image)

    row = sheet.fill_row(1, entry, photo, {"grey": grey, "missing": None}, 58)
    left, top, right, bottom = sheet.view(entry.mask())
    assert (right - left, bottom - top) == (58, 58)
    expected = np.array(photo)
    expected[30:40, 30:40] = 51
    labels = [label.partition(",")[0] for label, _ in row.cells]
    assert labels == ["photograph", "before", "grey", "missing"]
    np.testing.assert_array_equal(np.array(row.cells[2][1]), expected[top:bottom, left:right])
    assert len(row.cells[3][1].getcolors()) == 1
    outlined = np.array(photo)
    outlined[30:40, 30:40] = sheet.OUTLINE
    outlined[31:39, 31:39] = np.array(photo)[31:39, 31:39]
    np.testing.assert_array_equal(np.array(row.cells[1][1]), outlined[top:bottom, left:right])
    image, mask = seen[0]
    assert image.shape == (1, 3, 64, 96) and mask.shape == (1, 1, 64, 96) and mask.sum() == 100


@pytest.mark.parametrize("corner", [(0, 0), (190, 0), (95, 290)])
def test_the_view_lies_in_the_picture_around_the_object(sheet, corner):
    hole = np.zeros((300, 200), bool)
    hole[corner[1] : corner[1] + 10, corner[0] : corner[0] + 10] = True
    left, top, right, bottom = sheet.view(hole)
    assert 0 <= left and 0 <= top and right <= 200 and bottom <= 300
    assert right - left == bottom - top == 10 + 2 * sheet.LEAST_CONTEXT
    assert hole[top:bottom, left:right].sum() == 100


def test_the_texture_is_switched_off_in_every_model(sheet, masks, photos):
    entry, photo = next(masks.open_photos(masks.read_list(photos / "list.json"), photos))
    image = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    mask = torch.from_numpy(entry.mask())[None, None].float()
    plain, textured = (sheet.methods([], texture)["default"](image, mask) for texture in (False, True))
    assert not torch.equal(plain, textured)


def test_without_pypatchmatch_its_column_says_so(sheet, monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "patchmatch" else found(name))
    ways = sheet.methods([], None)
    assert ways["PatchMatch: pypatchmatch is not installed"] is None
    assert "pip install pypatchmatch" in capsys.readouterr().out


def test_photographs_that_are_not_those_of_the_list(masks, sheet, photos, monkeypatch, capsys):
    entries = masks.read_list(photos / "list.json")
    other = [replace(entries[0], sha256="0" * 64)]
    with pytest.raises(InputError, match="a.png in .* is not the photograph that its mask was drawn on"):
        next(masks.open_photos(other, photos))
    for place in (photos / "photos.zip", photos, photos / "list.json", photos / "nowhere"):
        with pytest.raises(InputError, match="there is no photograph c.png in"):
            next(masks.open_photos([replace(entries[0], photo="c.png")], place))
    monkeypatch.setattr("sys.argv", ["object_removal.py", "--photos", str(photos), "--out", str(photos / "out")])
    with pytest.raises(SystemExit) as ended:
        sheet.main()
    assert ended.value.code == 2
    assert "there is no photograph alpr_00193.webp in" in capsys.readouterr().err
    assert not (photos / "out").exists()


def test_the_real_photographs(masks, shared_data):
    archive = shared_data / "judge" / "judge.zip"
    if not archive.is_file():
        pytest.skip("the photographs that the masks were drawn on are not here")
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".webp"))
    entries = masks.read_list()
    for entry, photo in masks.open_photos(entries, archive):
        assert photo.size == entry.size and photo.mode == "RGB"
        assert entry.half == masks.HALVES[names.index(entry.photo) >= len(names) / 2]
