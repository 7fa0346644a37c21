"""Files are written whole or not at all."""

import hashlib
import os
import stat

import pytest

from latentinpaint.errors import InputError
from latentinpaint.files import sha256_of, write_beside


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "folder" / "a.png"
    with write_beside(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".png"
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["a.png"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(KeyError), write_beside(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with write_beside(tmp_path / "written") as temporary:
        temporary.touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "written")]
    assert modes[0] == modes[1]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="it is a folder, give a file name"), write_beside(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"), write_beside(tmp_path / "file" / "a.txt"):
        pass


def test_an_error_of_the_system_while_writing(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*a\.txt: No space left"), write_beside(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [0, 3, 2**20, 2**20 + 1])
def test_checksums(size, tmp_path):
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_checksum_of_nothing(tmp_path):
    with pytest.raises(InputError, match="cannot read .*absent"):
        sha256_of(tmp_path / "absent")
