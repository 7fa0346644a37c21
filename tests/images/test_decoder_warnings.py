"""Settings of the whole process that are changed for a while, by several threads at the same time."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import ImageFile

from latentinpaint.images.decoder_warnings import caught_warnings, truncated_files_refused


def test_warnings_of_a_category_are_listed_and_others_are_the_programs():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with caught_warnings(UserWarning) as caught:
            warnings.warn("own", UserWarning, stacklevel=1)
            with caught_warnings() as nested:
                warnings.warn("hidden", RuntimeWarning, stacklevel=1)
            with pytest.raises(RuntimeWarning, match="other"):
                warnings.warn("other", RuntimeWarning, stacklevel=1)
    assert [str(entry.message) for entry in caught] == ["own"]
    assert [str(entry.message) for entry in nested] == ["hidden"]


@pytest.mark.parametrize("tolerant", [False, True])
def test_files_that_are_cut_short(monkeypatch, tolerant):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)
    with pytest.raises(ZeroDivisionError), truncated_files_refused():
        assert not ImageFile.LOAD_TRUNCATED_IMAGES
        raise ZeroDivisionError
    assert ImageFile.LOAD_TRUNCATED_IMAGES is tolerant


@pytest.mark.parametrize("change", [caught_warnings, truncated_files_refused])
def test_threads_leave_the_programs_settings(monkeypatch, change):
    """The second thread to begin is the last to end: it must not bring back what the first one had set."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    before = list(warnings.filters)
    first_is_inside = threading.Event()
    second_begins = threading.Event()

    def first():
        with change():
            first_is_inside.set()
            assert second_begins.wait(30)

    def second():
        assert first_is_inside.wait(30)
        second_begins.set()
        with change():
            done.wait(0.05)

    done = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(first), pool.submit(second)]:
            task.result()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert list(warnings.filters) == before
