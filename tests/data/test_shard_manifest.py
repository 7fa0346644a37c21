"""The manifest of shards, as a file."""

import json

import pytest

from latentinpaint.data.shard_manifest import ShardEntry, ShardManifest


def test_the_file_holds_the_manifest():
    manifest = ShardManifest([ShardEntry("0000.tar", 10, "ab", 3), ShardEntry("0001.tar", 20, "cd", 4)])
    text = manifest.as_json()
    assert json.loads(text)["pictures"] == 7
    assert json.loads(text)["shards"][1] == {"name": "0001.tar", "bytes": 20, "sha256": "cd", "pictures": 4}
    assert ShardManifest.from_json(text) == manifest


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"shards": [{"name": "0000.tar"}]}', '{"shards": [1]}'])
def test_other_files_are_none(text):
    with pytest.raises(ValueError):
        ShardManifest.from_json(text)
