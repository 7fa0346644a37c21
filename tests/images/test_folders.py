"""One search of a folder for all: linked folders, loops, links to nothing, folders that cannot be read."""

import os

import pytest

from latentinpaint.batch.folder_plan import FolderOptions
from latentinpaint.cli import main
from latentinpaint.data.mask_folder import FolderMasks
from latentinpaint.data.photos import PhotoFolder
from latentinpaint.doctor.data_checks import examine_data
from latentinpaint.doctor.pairs import examine_pairs
from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import dataset_from_folders, dataset_from_preset
from latentinpaint.images.folders import LeftOut, check_outside, left_out_sentence, list_pictures, read_folder


@pytest.fixture
def tree(tmp_path):
    """Make files, and links `name -> target` relative to the link's own folder, below a folder."""

    def call(*names):
        for name in names:
            path, _, target = name.partition(" -> ")
            path = tmp_path / path
            path.parent.mkdir(parents=True, exist_ok=True)
            if target:
                path.symlink_to(target)
            else:
                path.write_bytes(b"")
        return tmp_path / "in"

    return call


def names(folder, paths):
    return [path.relative_to(folder).as_posix() for path in paths]


def test_list_pictures(tmp_path):
    for name in (
        "img10.png",
        "img2.JPG",
        "a/img1.webp",
        ".hidden.png",
        ".git/x.png",
        "notes.txt",
        "b/.h/y.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()

    assert names(tmp_path, list_pictures(tmp_path)) == ["a/img1.webp", "img2.JPG", "img10.png"]
    assert list_pictures(tmp_path / "folder.png") == []
    with pytest.raises(InputError, match="no folder"):
        list_pictures(tmp_path / "missing")
    with pytest.raises(InputError, match="not a folder"):
        list_pictures(tmp_path / "img10.png")


@pytest.mark.parametrize(
    ("files", "pictures"),
    [
        (["in/a.png", "real/b.png", "in/sub -> ../real"], ["a.png", "sub/b.png"]),
        (["in/a.png", "real/x/b.png", "in/sub -> ../real"], ["a.png", "sub/x/b.png"]),
        (
            ["in/a.png", "real/b.png", "more/c.png", "real/on -> ../more", "in/s -> ../real"],
            ["a.png", "s/b.png", "s/on/c.png"],
        ),
        (["in/x/a.png", "in/b.png -> x/a.png"], ["b.png", "x/a.png"]),
        (["in/a.png", "real/b.png", "in/one -> ../real", "in/two -> ../real"], ["a.png", "one/b.png", "two/b.png"]),
        (["in/x/a.png", "in/y -> x"], ["x/a.png", "y/a.png"]),
        (["in/a.png", "in/.real/b.png", "in/sub -> .real"], ["a.png", "sub/b.png"]),
        (["in/a.png", "real/b.png", "in/.sub -> ../real"], ["a.png"]),
    ],
)
def test_links_are_entered(files, pictures, tree):
    folder = tree(*files)
    contents = read_folder(folder)
    assert names(folder, contents.pictures) == pictures
    assert not contents.left_out and not contents.loops


@pytest.mark.parametrize(
    ("files", "pictures", "loops"),
    [
        (["in/a.png", "in/self -> ."], ["a.png"], ["self"]),
        (["in/x/a.png", "in/x/up -> .."], ["x/a.png"], ["x/up"]),
        (["in/a.png", "b.png", "in/up -> .."], ["a.png", "up/b.png"], ["up/in"]),
        (["in/a.png", "r/b.png", "r/back -> ../in", "in/s -> ../r"], ["a.png", "s/b.png"], ["s/back"]),
        (["in/a.png", "r/b.png", "r/me -> ../r", "in/s -> ../r"], ["a.png", "s/b.png"], ["s/me"]),
    ],
)
def test_a_link_to_a_folder_it_lies_in_is_not_entered(files, pictures, loops, tree):
    folder = tree(*files)
    contents = read_folder(folder)
    assert (names(folder, contents.pictures), names(folder, contents.loops)) == (pictures, loops)


def test_what_is_left_out_is_named_with_the_reason(tree, monkeypatch):
    folder = tree("in/a.png", "in/b.png -> gone.png", "in/sub -> gone", "in/me.png -> me.png", "in/shut/c.png")
    os.mkfifo(folder / "pipe.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # permissions do not hold for root
    contents = read_folder(folder)
    assert names(folder, contents.pictures) == ["a.png"]
    assert {left_out.path.name: left_out.reason for left_out in contents.left_out} == {
        "b.png": "is a link that leads nowhere",
        "me.png": "is a link that leads nowhere",
        "pipe.png": "is not a regular file",
        "shut": "cannot be read: Permission denied",
        "sub": "is a link that leads nowhere",
    }
    with pytest.raises(InputError, match="cannot read the folder .*shut: Permission denied"):
        read_folder(folder / "shut")


def test_left_out_sentence(tmp_path):
    many = [LeftOut(tmp_path / f"{number}.png", "is gone") for number in range(22)]
    assert left_out_sentence("f", []) is None
    assert left_out_sentence("f", many[:1]) == f"left out of f: {tmp_path / '0.png'} is gone"
    assert left_out_sentence("f", many).endswith("19.png is gone; and 2 more")


@pytest.fixture
def linked(tmp_path, helpers):
    """Pictures a.png, sub/b.png and their masks, where sub is a link, and broken is a link to nothing."""
    for folder, photo in (("in", "a"), ("real", "b")):
        helpers.write_photos(tmp_path / folder, (f"{photo}.png",))
    for folder, photo in (("masks", "a"), ("real_masks", "b")):
        helpers.write_hole(tmp_path / folder / f"{photo}.png", helpers.smooth(48, 64)[..., 0] > 140)
    (tmp_path / "in" / "sub").symlink_to("../real")
    (tmp_path / "masks" / "sub").symlink_to("../real_masks")
    (tmp_path / "in" / "broken").symlink_to("../nothing")
    return tmp_path / "in"


BROKEN = "broken is a link that leads nowhere"


def test_a_folder_to_fill(linked, tmp_path):
    masks = linked.with_name("masks")
    plans = [
        FolderOptions(linked, tmp_path / "out", maskdir=masks).plan(),
        FolderOptions(linked, tmp_path / "out", mask=masks / "a.png").plan(),
    ]
    for plan in plans:
        outputs = [task.outputs[0].relative_to(tmp_path).as_posix() for task in plan.tasks]
        assert outputs == ["out/a.png", "out/sub/b.png"]
        assert [str(failure) for failure in plan.failures] == [f"{linked}/{BROKEN}"]
    with pytest.raises(InputError, match="lies inside .*real, to which a link in indir leads"):
        FolderOptions(linked, tmp_path / "real" / "out", maskdir=masks).plan()


@pytest.mark.parametrize("inside", ["in", "in/new", "in/sub/new", "real", "real/new/deeper", "masks/../real/new"])
def test_outputs_among_pictures_are_refused(inside, linked, tmp_path):
    """Also in a folder that a link leads to, whichever way it is named."""
    with pytest.raises(InputError, match="the masks would be taken for pictures"):
        check_outside(tmp_path / inside, linked, "the masks")
    with pytest.raises(SystemExit):
        main("make_masks", ["--images", str(linked), "--output", str(tmp_path / inside)])
    assert not list(tmp_path.rglob("manifest.json"))
    check_outside(tmp_path / "masks", linked, "the masks")


def test_folders_to_train_on(linked):
    (linked / "again.png").symlink_to("a.png")
    (linked / "twice").symlink_to("../real")
    with pytest.warns(UserWarning, match=BROKEN):
        assert PhotoFolder(linked).names == ["a.png", "sub/b.png"]  # each photograph once
    masks = linked.with_name("masks")
    (masks / "gone.png").symlink_to("nowhere.png")
    with pytest.warns(UserWarning, match=r"gone\.png is a link that leads nowhere"):
        assert names(masks, FolderMasks(masks).files) == ["a.png", "sub/b.png"]


def test_folders_to_evaluate(linked, tmp_path, capsys):
    masks = linked.with_name("masks")
    for dataset in (dataset_from_preset(linked, "thin"), dataset_from_folders(linked, masks)):
        assert [item.picture for item in dataset] == ["a.png", "sub/b.png"]
        assert [BROKEN in note for note in dataset.notes] == [True]
    with pytest.raises(SystemExit):
        main("make_masks", ["--images", str(linked), "--output", str(tmp_path / "drawn")])
    said = capsys.readouterr().err
    assert BROKEN in said and said.count("left out") == 1
    assert names(tmp_path / "drawn", list_pictures(tmp_path / "drawn")) == ["a_mask001.png", "sub/b_mask001.png"]


def test_the_doctor_sees_what_others_see(linked):
    (linked / "self").symlink_to(".")
    findings = examine_data(linked, size=32)
    seen = {finding.about: finding.seen for finding in findings}
    assert seen[str(linked)].startswith("2 pictures")
    assert seen[str(linked / "broken")] == "it is a link that leads nowhere"
    assert "a folder that it lies in" in seen[str(linked / "self")]
    pairs = examine_pairs(linked, linked.with_name("masks"))
    assert str(linked / "broken") in {finding.about for finding in pairs}
    assert not [finding for finding in pairs if "mask without" in finding.code.value]
