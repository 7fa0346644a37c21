"""The folder of the page's files: what it holds, and what it removes."""

import os

from latentinpaint.app.store import Store


def test_pruning_keeps_the_newest_and_permanent_files():
    store = Store(limit=250)
    try:
        permanent = store.new_folder(permanent=True) / "example.png"
        permanent.write_bytes(b"x" * 1000)
        paths = []
        for number in range(4):
            paths.append(store.new_folder() / f"{number}.png")
            paths[-1].write_bytes(b"x" * 100)
            os.utime(paths[-1], (1000 + number, 1000 + number))
        assert set(store.prune()) == set(paths[:2])
        assert [path.exists() for path in [permanent, *paths]] == [True, False, False, True, True]
        assert not paths[0].parent.exists() and paths[2].parent.exists()
        assert store.prune() == []
    finally:
        store.close()
    assert not store.folder.exists()


def test_pruning_minds_no_file_that_vanishes_meanwhile(monkeypatch):
    """As gradio's temporary files do: each is gone when it is looked at."""
    store = Store(limit=0)
    paths = [store.new_folder() / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(b"x")
    lstat = type(paths[0]).lstat

    def vanishing(path):
        if path.name == "1.png":
            path.unlink()
        return lstat(path)

    try:
        monkeypatch.setattr(type(paths[0]), "lstat", vanishing)
        assert set(store.prune()) == {paths[0], paths[2]}
    finally:
        store.close()


def test_the_store_knows_what_lies_inside(tmp_path):
    store = Store()
    try:
        inside = store.new_folder() / "a.png"
        inside.write_bytes(b"x")
        (store.folder / "link").symlink_to(tmp_path)
        assert store.contains(inside) and store.contains(str(inside)) and store.contains(store.folder / "not" / "yet")
        assert not store.contains(tmp_path) and not store.contains(store.folder / "link" / "a.png")
        assert not store.contains(f"{store.folder}/../{tmp_path.name}") and not store.contains(
            f"{store.folder}x/a.png"
        )
        assert (
            not store.contains("a\0b")
            and not store.contains("/" + "a" * 5000)
            and not store.contains("http://a.example/b")
        )
    finally:
        store.close()
