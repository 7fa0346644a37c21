"""Files of masks and pictures: names, bad files, and what `examine` says of each pair."""

import numpy as np
import pytest
from PIL import Image

from latentinpaint.doctor import examine_pair, examine_pairs
from latentinpaint.errors import InputError


@pytest.fixture
def write_folder(helpers, tmp_path):
    """Write a folder of pictures and masks by name."""

    def write(*names, folder="in"):
        root = tmp_path / folder
        hole = np.zeros((48, 64), bool)
        hole[10:20, 10:20] = True
        for name in names:
            if "mask" in name.lower() or folder == "masks":
                helpers.write_hole(root / name, hole)
            else:
                helpers.write_photos(root, (name,))
        return root

    return write


def by_file(found, code):
    return {
        f.about.rsplit("/", 1)[-1]: f"{f.severity.value} {f.seen} {f.advice}" for f in found if f.code.value == code
    }


def test_a_sound_folder(write_folder):
    found = examine_pairs(write_folder("a.png", "a_mask001.png", "b.png", "b_mask.png"))
    assert [f.code.value for f in found] == ["hole", "hole"]


def test_names_that_were_meant(write_folder):
    found = examine_pairs(
        write_folder("beach.png", "tree.png", "tree_mask001.png", "beech_mask001.png", "zebra_mask001.png", "dog.png")
    )
    orphans = by_file(found, "mask without a picture")
    assert set(orphans) == {"beech_mask001.png", "zebra_mask001.png"}
    assert (
        "did you mean beach?" in orphans["beech_mask001.png"] and "did you mean" not in orphans["zebra_mask001.png"]
    )
    assert all(text.startswith("problem") for text in orphans.values())
    assert set(by_file(found, "picture without a mask")) == {"beach.png", "dog.png"}


def test_case_and_sub_folder(write_folder):
    orphans = by_file(
        examine_pairs(write_folder("sub/Tree.png", "tree_mask001.png", "a.png", "a_mask.png")),
        "mask without a picture",
    )
    assert "did you mean sub/Tree?" in orphans["tree_mask001.png"]


@pytest.mark.parametrize("name", ["a-mask.png", "a_MASK001.png", "mask_a.png", "a mask 2.png"])
def test_names_like_a_masks(write_folder, name):
    found = examine_pairs(write_folder("a.png", name, "b.png", "b_mask.png"))
    assert "rename it a_mask001.png" in by_file(found, "name like a mask's")[name]
    assert not by_file(examine_pairs(write_folder("a_masked_ball.png", folder="in")), "name like a mask's").get(
        "a_masked_ball.png"
    )


def test_a_folder_of_its_own(write_folder):
    images, masks = write_folder("a.png", "b.png"), write_folder("a.png", "c.png", folder="masks")
    found = examine_pairs(images, masks)
    assert set(by_file(found, "mask without a picture")) == {"c.png"} and set(
        by_file(found, "picture without a mask")
    ) == {"b.png"}
    assert len(by_file(found, "hole")) == 1


def test_names_that_cannot_be_matched(write_folder):
    (found,) = examine_pairs(write_folder("a.png", "a.jpg", "a_mask.png"))
    assert (found.severity.value, found.code.value) == ("problem", "names") and "more than one picture" in found.seen
    (found,) = examine_pairs(write_folder("a.png", folder="bare"))
    assert found.severity.value == "problem" and "no mask" in found.seen


def test_unreadable_files(write_folder):
    root = write_folder("a.png", "a_mask.png", "b.png", "b_mask.png", "c.png", "c_mask.png")
    (root / "a.png").write_bytes((root / "a.png").read_bytes()[:400])
    (root / "b_mask.png").write_text("no picture")
    found = examine_pairs(root)
    assert set(by_file(found, "unreadable")) == {"a.png", "b_mask.png"}
    assert set(by_file(found, "hole")) == {"a_mask.png", "c_mask.png"}


def test_inverted(write_folder):
    root = write_folder("a.png", "a_mask.png")
    image, mask = root / "a.png", root / "a_mask.png"
    Image.fromarray(255 - np.asarray(Image.open(mask))).save(mask)
    for found in (examine_pairs(root), examine_pair(image, mask)):
        assert "likely inverted" in {f.code.value for f in found}
    for found in (examine_pairs(root, invert_mask=True), examine_pair(image, mask, invert_mask=True)):
        assert "likely inverted" not in {f.code.value for f in found}


def test_missing_files_and_folders(write_folder, tmp_path):
    root = write_folder("a.png")
    for call in (
        lambda: examine_pair(root / "a.png", root / "absent.png"),
        lambda: examine_pair(root / "absent.png", root / "a.png"),
        lambda: examine_pairs(tmp_path / "absent"),
        lambda: examine_pairs(root, tmp_path / "absent"),
    ):
        with pytest.raises(InputError, match="absent"):
            call()


def test_progress(write_folder):
    from contextlib import contextmanager

    seen = []

    @contextmanager
    def progress(title, total):
        yield seen.append
        assert len(seen) == total == 3

    examine_pairs(
        write_folder(*(f"{name}{rest}" for name in "abc" for rest in (".png", "_mask.png"))), progress=progress
    )
    assert len(seen) == 3
