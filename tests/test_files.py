"""Files are written whole or not at all."""

import hashlib
import json
import os
import stat
import time
from pathlib import Path

import pytest

from latentinpaint.errors import InputError
from latentinpaint.files import (
    check_writable,
    expand_home,
    expand_home_in,
    mistaken_weights,
    sha256_of,
    temporary_files,
    user_path,
    write_beside,
    write_bytes,
    write_text,
)


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


NAMES = (
    "a.png",
    "l" * 251 + ".png",
    "é" * 125 + ".png",
    "x." + "y" * 253,
    "-v.png",
    "ends in a space ",
    "ends in dots..",
    "50%d%s.png",
    "[a]*?.png",
    "line\nbreak\x1b[31m.png",
    os.fsdecode(b"caf\xe9.png"),
    "~",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_every_name_that_a_file_may_have(name, tmp_path):
    path = tmp_path / name
    check_writable(path)
    write_bytes(path, b"whole")
    assert os.listdir(tmp_path) == [name] and path.read_bytes() == b"whole"


def test_what_cannot_be_written_is_known_beforehand(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    wrong = {
        tmp_path: "it is a folder",
        tmp_path / "pipe": "no regular file",
        tmp_path / "file" / "a.png": "file is a file",
        tmp_path / ("l" * 256): "longer than the file system takes",
        tmp_path / "new" / ("l" * 256) / "a.png": "longer than the file system takes",
    }
    for path, reason in wrong.items():
        with pytest.raises(InputError, match=reason):
            check_writable(path)
        assert sorted(os.listdir(tmp_path)) == ["file", "pipe"]
        with pytest.raises(InputError, match="cannot write"):
            write_bytes(path, b"a")


def test_bytes_that_got_lost_without_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_bytes(path, b"before")
    write = Path.write_bytes
    for lossy in (lambda content: content[:-1], lambda content: content[:-1] + b"?", lambda content: content + b"?"):
        monkeypatch.setattr(Path, "write_bytes", lambda path, content, lossy=lossy: write(path, lossy(content)))
        with pytest.raises(InputError, match="did not keep what was written"):
            write_bytes(path, b"after" * 2**19)
    assert os.listdir(tmp_path) == ["a.png"] and path.read_bytes() == b"before"


@pytest.mark.parametrize(("error", "is_fatal"), [(5, True), (28, True), (122, True), (22, False), (95, False)])
def test_the_disk_says_later_that_it_is_full(error, is_fatal, tmp_path, monkeypatch):
    """EIO, ENOSPC, EDQUOT; but EINVAL and ENOTSUP say that a file system cannot be told to write at once."""

    def fail(handle):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", fail)
    if is_fatal:
        with pytest.raises(InputError, match=os.strerror(error)):
            write_text(tmp_path / "a.txt", "text")
        assert os.listdir(tmp_path) == []
    else:
        write_text(tmp_path / "a.txt", "text")
        assert (tmp_path / "a.txt").read_text() == "text"


def test_ctrl_c_while_writing(tmp_path):
    with pytest.raises(KeyboardInterrupt), write_beside(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_removed_meanwhile(tmp_path):
    folder = tmp_path / "folder"
    with pytest.raises(InputError, match="cannot write"), write_beside(folder / "a.txt") as temporary:
        temporary.unlink()
        folder.rmdir()
    assert os.listdir(tmp_path) == []


def test_undecodable_names_in_a_text(tmp_path):
    write_text(tmp_path / "a.json", json.dumps([os.fsdecode(b"caf\xe9"), "é"], ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == [os.fsdecode(b"caf\xe9"), "é"]


def test_only_its_own_leftovers_are_found(tmp_path):
    """Of a writer that was killed, no older than the job."""

    def leave(name):
        before = set(tmp_path.iterdir())
        writer = write_beside(tmp_path / name)
        writer.__enter__()
        kept.append(writer)
        return (set(tmp_path.iterdir()) - before).pop()

    kept = []
    now = time.time()
    old = leave("a.png")
    os.utime(old, (1000, 1000))
    for name in ("b.png", "a.jpg", "a"):
        leave(name)
    assert list(temporary_files(tmp_path / "a.png", since=now - 60)) == []
    recent = leave("a.png")
    assert list(temporary_files(tmp_path / "a.png", since=now - 60)) == [recent]
    assert list(temporary_files(tmp_path / "nowhere" / "a.png", since=0)) == []


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("~", "HOME"),
        ("~/a.png", "HOME/a.png"),
        ("--output=~/a.png", "--output=HOME/a.png"),
        ("title=~/model,other=~/b", "title=HOME/model,other=HOME/b"),
        ("a~/b", "a~/b"),
        ("./~/b", "./~/b"),
        ("~no-such-user/b", "~no-such-user/b"),
        ("--noise=0.5", "--noise=0.5"),
    ],
)
def test_home_folders_in_words(word, expanded, monkeypatch):
    monkeypatch.setenv("HOME", "HOME")
    assert expand_home(word) == expanded
    settings = {"a": word, "b": None, "c": 3}
    expand_home_in(settings)
    if not word.startswith("~"):
        expanded = word
    assert settings == {"a": expanded, "b": None, "c": 3}


def test_a_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_text("~/new/a.txt", "text")
    assert (tmp_path / "new" / "a.txt").read_text() == "text"
    assert user_path("~/a") == tmp_path / "a"
    assert user_path("~no-such-user/a") == Path("~no-such-user/a")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 5000\n"


@pytest.mark.parametrize(
    "content, advice",
    [
        (b"", "empty: copy or download it again"),
        (POINTER, "git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "a web page: download"),
        (b"\n  <html>", "a web page: download"),
        ((5000).to_bytes(8, "little") + b'{"weight": {"dtype"', "cut short or damaged: copy or download"),
        (b"PK\x03\x04" + bytes(100), "cut short or damaged: copy or download"),
        (b"these are no weights", None),
        (b"\x80\x02}q\x00.", None),
    ],
)
def test_what_is_taken_for_weights(content, advice, tmp_path):
    (tmp_path / "model").write_bytes(content)
    found = mistaken_weights(tmp_path / "model")
    if advice is None:
        assert found == ""
    else:
        assert found.startswith(", it is ") and advice in found
    assert mistaken_weights(tmp_path / "missing") == ""
