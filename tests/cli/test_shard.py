"""`shard` as a person meets it."""

from pathlib import Path


def test_a_folder_becomes_shards(command, helpers, tmp_path):
    folder = helpers.write_photos(tmp_path / "in", ("a.png", "b.png", "c.png"))
    output = tmp_path / "shards"
    result = command("shard", "--images", folder, "--output", output, "--per-shard", 2)
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines() == [
        "3 pictures in 2 shards; manifest.json has their checksums",
        f"train on them with --data.root '{output}/{{0000..0001}}.tar'",
    ]
    names = sorted(path.name for path in Path(output).iterdir())
    assert names == ["0000.index.json", "0000.tar", "0001.index.json", "0001.tar", "manifest.json"]
    result = command("doctor", "--data", f"{output}/{{0000..0001}}.tar", "--size", 32)
    assert result.status == 0 and "2 of its 2 shards" in result.out


def test_mistakes_are_one_sentence(command, helpers, tmp_path):
    folder = helpers.write_photos(tmp_path / "in", ("a.png",))
    mistakes = {
        "--per-shard starts at 1": ("--images", folder, "--output", tmp_path / "out", "--per-shard", 0),
        "--output is a folder of this machine": ("--images", folder, "--output", "s3://bucket/shards"),
        "there is no folder": ("--images", tmp_path / "absent", "--output", tmp_path / "out"),
    }
    for sentence, arguments in mistakes.items():
        result = command("shard", *arguments)
        assert result.status == 2 and sentence in result.err and len(result.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
