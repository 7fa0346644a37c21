"""Files at addresses, with fsspec's memory and the file system of this machine as stores."""

import os
from pathlib import Path

import fsspec
import pytest

from latentinpaint.errors import InputError
from latentinpaint.images.folders import read_folder
from latentinpaint.images.image_files import read_bytes
from latentinpaint.runtime.addresses import address, is_address, list_addresses, read_address, write_address


@pytest.fixture(params=["memory", "file"])
def root(request, tmp_path):
    """An address without files, as a path."""
    if request.param == "memory":
        yield Path("memory://addresses/in")
        fsspec.filesystem("memory").store.clear()
        return
    yield Path(f"file://{tmp_path}/in")


@pytest.mark.parametrize(
    "text", ["s3://bucket/a.png", "gs://bucket/sub/a b.png", "file:///tmp/a.png", "https://host.org/a.png?x=1"]
)
def test_a_path_keeps_an_address(text):
    assert is_address(text) and is_address(Path(text))
    assert address(Path(text)) == address(text) == text
    assert address(Path(text).parent / "b.png") == text.rpartition("/")[0] + "/b.png"


@pytest.mark.parametrize("text", ["photos/a.png", "/s3:/a.png", "C:/photos/a.png", "a:b", ""])
def test_a_path_of_this_machine_is_no_address(text):
    assert not is_address(text) and not is_address(Path(text))
    assert address(text) == text


def test_what_is_written_is_listed_and_read(root):
    contents = {"b.png": b"one", "sub/a.png": b"\0" * 70_000, "sub/empty.png": b"", "notes.txt": b"x", ".hid": b"y"}
    for name, content in contents.items():
        write_address(root / name, content)
    write_address(root / "b.png", b"another")
    shown = {root / name: len(content) for name, content in contents.items() if name != ".hid"}
    assert list_addresses(root) == {**shown, root / "b.png": 7}
    assert (
        read_address(root / "b.png") == b"another" and read_address(root / "sub" / "a.png") == contents["sub/a.png"]
    )
    found = read_folder(root)
    assert found.pictures == [root / "b.png", root / "sub" / "a.png", root / "sub" / "empty.png"]
    assert found.other_files == [root / "notes.txt"]
    with pytest.raises(InputError, match=r"://.*sub/empty.png is empty"):
        read_bytes(root / "sub" / "empty.png")


def test_nothing_is_there(root):
    assert list_addresses(root) == {}
    with pytest.raises(InputError, match=r"^there is no file (memory|file)://.*/a.png$"):
        read_bytes(root / "a.png")


def test_a_file_that_is_written_appears_whole(tmp_path, monkeypatch):
    """A file system's file has its name only when all its bytes are there."""
    target = Path(f"file://{tmp_path}/a.png")
    seen = []
    replace = os.replace

    def watch(source, *rest, **options):
        seen.append((sorted(path.name for path in tmp_path.iterdir()), Path(source).read_bytes()))
        return replace(source, *rest, **options)

    monkeypatch.setattr(os, "replace", watch)
    monkeypatch.setattr(os, "rename", watch)
    write_address(target, b"whole")
    ((names, content),) = seen
    assert content == b"whole" and "a.png" not in names
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("text", ["s4://bucket/a.png", "nosuchstore://a"])
def test_an_unknown_store_is_one_sentence(text):
    for call in (read_address, list_addresses, lambda path: write_address(path, b"")):
        with pytest.raises(InputError, match=f"^{text} cannot be reached: Protocol not known"):
            call(text)


def test_a_store_that_refuses_is_one_sentence(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="^cannot write file://.*taken/a.png"):
        write_address(f"file://{tmp_path}/taken/a.png", b"x")
