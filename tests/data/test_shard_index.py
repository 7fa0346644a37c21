"""Where photographs lie in a tar, against Python's tarfile; damaged tars; patterns."""

import io
import json
import tarfile

import pytest
from range_server import serve_folder

from latentinpaint.data.shard_index import (
    Member,
    ShardIndex,
    expand_shards,
    find_index,
    index_path,
    is_photograph,
    is_sharded,
    read_headers,
)
from latentinpaint.data.shard_storage import MissingFileError
from latentinpaint.errors import InputError

LONG = "folder/" * 30 + "long.webp"
NAMES = ("a.png", "sub/b.JPG", "a.txt", "a.json", ".hidden.png", "sub/.cache/c.png", "größe.png", LONG)
PHOTOGRAPHS = ["a.png", "sub/b.JPG", "größe.png", LONG]


def content_of(name):
    return name.encode() * 100


def write_tar(path, kind=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=kind) as archive:
        folder = tarfile.TarInfo("folder.png")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link.png")
        link.type = tarfile.SYMTYPE
        link.linkname = "a.png"
        archive.addfile(link)
        for name in NAMES:
            header = tarfile.TarInfo(name)
            header.size = len(content_of(name))
            archive.addfile(header, io.BytesIO(content_of(name)))
    return path


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_every_photograph_is_found_where_it_lies(kind, tmp_path):
    path = write_tar(tmp_path / "0000.tar", kind)
    content = path.read_bytes()
    index = find_index(str(path))
    assert [member.name for member in index.members] == PHOTOGRAPHS
    for name, start, length in index.members:
        assert content[start : start + length] == content_of(name)
    assert (index.size, index.sha256, index.damage) == (len(content), None, None)


def test_damage_ends_a_tar_and_is_said(tmp_path):
    path = write_tar(tmp_path / "0000.tar")
    whole = path.read_bytes()
    start = read_headers(str(path)).members[1].start
    header = start - 512
    spoilt = whole[:header] + b"x" * 512 + whole[start:]
    cases = {
        "in a photograph": (whole[: start + 10], ["a.png"]),
        "before a header": (whole[:header], ["a.png"]),
        "in a header": (whole[: header + 100], ["a.png"]),
        "a spoilt header": (spoilt, ["a.png"]),
        "no tar": (b"<html>" * 500, []),
        "empty": (b"", []),
    }
    for case, (content, names) in cases.items():
        path.write_bytes(content)
        index = read_headers(str(path))
        assert [member.name for member in index.members] == names, case
        assert index.damage == ("is damaged or cut short" if names else "is no uncompressed tar file"), case
    with pytest.raises(MissingFileError):
        find_index(str(tmp_path / "absent.tar"))


def test_the_index_beside_a_shard_is_believed(tmp_path):
    path = write_tar(tmp_path / "0000.tar")
    index = ShardIndex(7, [Member("a.png", 512, 3)], "abc")
    written = tmp_path / "0000.index.json"
    assert index_path(str(path)) == str(written)
    written.write_text(index.as_json("0000.tar"))
    assert json.loads(written.read_text())["shard"] == "0000.tar"
    assert find_index(str(path)) == index
    for foreign in ("{}", "[]", "no JSON", '{"pictures": [[1]], "bytes": 1}', '{"pictures": 3, "bytes": 1}'):
        written.write_text(foreign)
        assert find_index(str(path)) == read_headers(str(path))


def test_headers_elsewhere_are_read_once(tmp_path):
    (tmp_path / "there").mkdir()
    path = write_tar(tmp_path / "there" / "0000.tar")
    kept = tmp_path / "here" / "0000.index.json"
    with serve_folder(tmp_path / "there") as server:
        expected = read_headers(str(path))
        assert find_index(f"{server.url}/0000.tar", kept) == expected
        assert server.count("0000.tar") == 1
        assert find_index(f"{server.url}/0000.tar", kept) == expected
        assert server.count("0000.tar") == 1
        path.write_bytes(path.read_bytes() + bytes(512))  # another shard by now
        assert find_index(f"{server.url}/0000.tar", kept).size == expected.size + 512


def test_patterns():
    assert expand_shards("s3://b/{08..11}.tar") == [f"s3://b/{number}.tar" for number in ("08", "09", "10", "11")]
    assert expand_shards("{0..1}/x{7..7}.tar") == ["0/x7.tar", "1/x7.tar"]
    assert expand_shards("one.tar") == ["one.tar"]
    with pytest.raises(InputError, match=r"\{3..1\} in a\{3..1\}.tar runs backwards"):
        expand_shards("a{3..1}.tar")
    with pytest.raises(InputError, match="s3://bucket/photos names no shards"):
        expand_shards("s3://bucket/photos")


def test_what_is_taken_for_shards(tmp_path):
    assert is_sharded("a/{0..3}.tar") and is_sharded("https://host/x")
    (tmp_path / "folder.tar").mkdir()
    assert not is_sharded(tmp_path / "folder.tar") and not is_sharded("photos")
    assert is_photograph("./a.png") and not is_photograph("./.a.png")
