"""Many at a time: results in order, few items held, and what fails is raised."""

import threading

import pytest

from latentinpaint.doctor.findings import Finding, FindingCode
from latentinpaint.doctor.reading import map_in_threads, read_or_finding


def test_results_come_in_the_order_of_the_items():
    first = threading.Event()

    def slow_first(number):
        if number == 0:
            assert first.wait(20)
        if number == 1:
            first.set()
        return -number

    steps = []
    assert list(map_in_threads(slow_first, range(50), steps.append)) == [-number for number in range(50)]
    assert steps == [str(number) for number in range(50)]


def test_items_are_taken_as_results_are():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_in_threads(str, items(), lambda name: None)
    assert next(results) == "0"
    assert len(taken) <= 2 * 8 + 1
    results.close()


def test_errors_are_raised():
    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(lambda number: 1 / number, [1, 0], lambda name: None))
    assert list(map_in_threads(str, [], lambda name: None)) == []


def test_what_cannot_be_read_is_a_finding(tmp_path, helpers):
    helpers.write_photos(tmp_path, ("a.png",))
    assert read_or_finding(tmp_path / "a.png", "copy it").name.endswith("a.png")
    (tmp_path / "b.png").write_text("no picture")
    found = read_or_finding(tmp_path / "b.png", "copy it")
    assert isinstance(found, Finding) and found.code is FindingCode.UNREADABLE and found.advice == "copy it"
