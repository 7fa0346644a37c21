"""Shards to train on, before they are."""

from contextlib import nullcontext

import numpy as np
import pytest
from image_samples import photo_pixels
from PIL import Image
from range_server import serve_folder

from latentinpaint.data.shard_writing import write_shards
from latentinpaint.doctor import FindingCode, Severity, examine_data

PATTERN = "{0000..0002}.tar"


@pytest.fixture
def shards(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(6):
        Image.fromarray(photo_pixels(40, 50, seed=number)).save(photos / f"{number}.png")
    Image.fromarray(np.full((40, 50, 3), 9, np.uint8)).save(photos / "6.png")
    write_shards(photos, tmp_path / "shards", 3, lambda title, total: nullcontext(lambda name: None))
    return tmp_path / "shards"


def found(root, size=32, val=None):
    ignored = (FindingCode.FEW_PICTURES, FindingCode.PICTURES)
    return [each for each in examine_data(root, val, size) if each.code not in ignored]


def test_shards_are_examined_as_the_folder_is(shards):
    of_folder = found(shards.parent / "photos")
    *of_shards, manifest, flat = found(f"{shards}/{PATTERN}")
    assert of_shards == [] and [each.code for each in of_folder] == [FindingCode.FLAT] == [flat.code]
    assert flat.about == "0002.tar/6.png" and flat.seen == of_folder[0].seen
    assert manifest.severity is Severity.NOTE and "3 of its 3 shards" in manifest.seen
    with serve_folder(shards) as server:
        assert [each.code for each in found(f"{server.url}/{PATTERN}")] == [manifest.code, flat.code]


def test_pictures_that_are_held_back_and_trained_on(shards):
    codes = [each.code for each in found(f"{shards}/0000.tar", val=f"{shards}/{{0000..0001}}.tar")]
    assert codes.count(FindingCode.IN_BOTH_FOLDERS) == 3


def problems(root):
    return [(each.code, each.about) for each in found(root) if each.severity is Severity.PROBLEM]


def test_what_is_not_as_the_manifest_says(shards):
    content = bytearray((shards / "0001.tar").read_bytes())
    content[-1] = 1  # in the padding, where no picture is
    (shards / "0001.tar").write_bytes(content)
    (shards / "0002.tar").unlink()
    damaged = (FindingCode.DAMAGED_SHARD, f"{shards}/0001.tar")
    missing = (FindingCode.DAMAGED_SHARD, f"{shards}/0002.tar")
    assert problems(f"{shards}/{PATTERN}") == [missing, damaged, damaged]  # by its index, and by the manifest
    (shards / "0001.index.json").unlink()
    assert problems(f"{shards}/{PATTERN}") == [missing, damaged]
    (shards / "manifest.json").write_text("{}")
    assert problems(f"{shards}/0000.tar") == [(FindingCode.MANIFEST, f"{shards}/manifest.json")]
    (shards / "manifest.json").unlink()
    assert problems(f"{shards}/0000.tar") == []


def test_a_cut_shard_and_a_spoilt_picture(shards):
    (shards / "0000.index.json").unlink()
    (shards / "manifest.json").unlink()
    content = (shards / "0000.tar").read_bytes()
    (shards / "0000.tar").write_bytes(content[:-10_240] + b"x" * 600)
    codes = [each.code for each in found(f"{shards}/0000.tar") if each.severity is Severity.PROBLEM]
    assert FindingCode.DAMAGED_SHARD in codes
    (shards / "0000.tar").write_bytes(content[:512] + bytes(30) + content[542:])
    assert problems(f"{shards}/0000.tar") == [(FindingCode.UNREADABLE, "0000.tar/0.png")]
