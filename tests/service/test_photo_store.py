"""The store: what goes in comes out, for its owner; the oldest go, and the folder at the end."""

import numpy as np
import pytest

from latentinpaint.images.image_format import PNG, TIFF
from latentinpaint.images.picture import Picture
from latentinpaint.service import photo_store
from latentinpaint.service.photo_store import PhotoStore
from latentinpaint.service.refused import Refused


@pytest.fixture
def store():
    store = PhotoStore(limit=1_000_000)
    yield store
    store.close()


def picture(seed=0, side=300):
    samples = np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)
    return Picture(samples, "RGB", comment=b"kept", name="a.png")


def test_a_picture_comes_out_as_it_went_in(store):
    filled = np.random.default_rng(1).random((300, 300)) > 0.5
    photo = store.add("me", picture(), PNG, filled)
    back = store.picture(store.get("me", photo.id))
    assert np.array_equal(back.samples, picture().samples) and back.comment == b"kept" and back.name == "a.png"
    assert np.array_equal(store.filled(photo), filled)
    assert (photo.height, photo.width, photo.bits, photo.name) == (300, 300, 8, "a.png")
    assert photo.details.samples.base is None  # it would keep the whole picture in memory


def test_bits_of_other_depths(store):
    assert store.add("me", Picture(np.ones((2, 3), bool), "1"), PNG).bits == 1
    assert store.add("me", Picture(np.ones((2, 3), np.uint8), "L", bits=4), PNG).bits == 4
    assert store.add("me", Picture(np.ones((2, 3), np.float32), "F", None), TIFF).bits == 32


def test_others_do_not_find_it(store):
    photo = store.add("me", picture(), PNG)
    for owner in ("you", None, ""):
        with pytest.raises(Refused, match="there is no such photo") as caught:
            store.get(owner, photo.id)
        assert caught.value.status == 404


def test_what_was_not_used_for_the_longest_time_goes_first(store):
    """Three photos of 270 kB fit into a megabyte, a fourth does not."""
    first, second, third = (store.add("me", picture(seed), PNG) for seed in range(3))
    store.get("me", first.id)
    store.add("you", picture(3), PNG)
    assert len(store) == 3 and store.size <= 1_000_000
    for photo in (first, third):
        store.get("me", photo.id)
    with pytest.raises(Refused):
        store.get("me", second.id)
    with pytest.raises(Refused):
        store.picture(second)
    assert len(list(store.folder.iterdir())) == 6


def test_one_photo_above_the_limit_stays(store):
    photo = store.add("me", picture(side=700), PNG)
    store.prune()
    assert store.get("me", photo.id) and store.size > 1_000_000


def test_small_photos_count_for_what_belongs_to_them(store):
    for seed in range(40):
        store.add("me", picture(seed, side=1), PNG)
    assert len(store) <= 1_000_000 // 65_536


def test_metadata_count(store):
    heavy = Picture(np.zeros((1, 1), np.uint8), "L", xmp=b"x" * 900_000)
    store.add("me", heavy, PNG)
    assert store.size > 900_000


def test_after_a_day_a_photo_goes(store, monkeypatch):
    old = store.add("me", picture(), PNG)
    now = photo_store.time.monotonic()
    monkeypatch.setattr(photo_store.time, "monotonic", lambda: now + photo_store.LONGEST_IDLE + 1)
    new = store.add("me", picture(), PNG)
    assert store.get("me", new.id)
    with pytest.raises(Refused):
        store.get("me", old.id)


def test_the_end_leaves_nothing(store):
    photo = store.add("me", picture(), PNG)
    store.close()
    assert not store.folder.exists() and len(store) == 0
    with pytest.raises(Refused):
        store.picture(photo)
