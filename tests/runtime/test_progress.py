"""Progress: shares of nested parts, one listener a thread, and fills that stop where the listener says so."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from latentinpaint import Inpainter
from latentinpaint.inference import fill, patch_match, tiling
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.runtime import progress
from latentinpaint.runtime.progress import part, parts, report, report_layers, reporting


class Cancelled(Exception):
    pass


@pytest.fixture(autouse=True)
def every_report(monkeypatch):
    """Listeners are called at every report, not some times a second."""
    monkeypatch.setattr(progress, "INTERVAL", 0.0)


def test_shares_of_nested_parts():
    told = []
    with reporting(told.append):
        report(0.1)
        with part(0.2, 0.6):
            report(0.5)  # 0.2 + 0.5 * 0.4
            for of_step in parts((1, 3)):
                with of_step:
                    report(0.5)  # the middle of 0.2 to 0.3, which lies behind, and that of 0.3 to 0.6
        report(0.5)
    np.testing.assert_allclose(told, [0, 0.1, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.45, 0.6, 0.6, 0.6, 1])


def test_parts_without_any_cost_take_no_time():
    told = []
    with reporting(told.append):
        for of_nothing in parts((0, 0)):
            with of_nothing:
                report(1)
        report(0.25)
    assert told[-2:] == [0.25, 1]
    assert set(told[:-2]) == {0}


def test_a_slow_listener_is_called_seldom_but_at_both_ends(monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 1000.0)
    told = []
    with reporting(told.append):
        for share in np.linspace(0, 1, 100):
            report(share)
    assert told == [0, 1]


def test_nobody_listens():
    report(0.5)
    with part(0, 0.5), reporting(None):
        report(0.5)
    told = []
    with reporting(told.append):
        report(0.25)
    assert told == [0, 0.25, 1]  # nothing of what was told before is left


def test_an_exception_passes_and_ends_the_listening():
    told = []

    def cancel(share):
        told.append(share)
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"), reporting(cancel):
        report(0.5)
    report(0.7)
    assert told == [0]


def test_every_thread_has_its_own_listener():
    barrier = threading.Barrier(2, timeout=30)

    def task(shares):
        told = []
        with reporting(told.append):
            for share in shares:
                barrier.wait()
                report(share)
        return told

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(task, [(0.1, 0.2), (0.3, 0.4)])) == [[0, 0.1, 0.2, 1], [0, 0.3, 0.4, 1]]


def test_layers_report_their_share_and_those_of_a_backward_pass_that_it_goes_on():
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))
    report_layers([network])
    told = []
    with reporting(told.append):
        output = network(torch.ones(1, 2)).sum()
        forward = len(told)
        output.backward()
    np.testing.assert_allclose(told[:forward], [0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1])
    assert len(told) - forward >= 4  # three layers, and the end


# Fills -----------------------------------------------------------------------------------------------------

SIZE = (100, 120)
KINDS = {
    "ffc": ("ffc", FillOptions(crop=None)),
    "several crops": ("ffc", FillOptions(crop=8)),
    "flow": ("flow", FillOptions(num_samples=3, steps=3, crop=None)),
    "noise": ("noise", FillOptions(num_samples=3, crop=None)),
    "texture": ("texture", FillOptions(crop=None)),
    "tiles": ("texture", FillOptions(crop=None)),
    "refined": ("ffc", FillOptions(refine=Refinement(iterations=2, smallest_side=50), crop=None)),
    "refined flow": ("flow", FillOptions(refine=Refinement(iterations=2, smallest_side=50), steps=2, crop=None)),
}


@pytest.fixture(scope="module")
def inpainters(build_pipeline):
    made = {name: Inpainter(build_pipeline(name), "cpu") for name in ("ffc", "flow", "noise")}
    made["texture"] = Inpainter(build_pipeline("ffc"), "cpu", texture=PatchTexture(rounds=(2, 1, 2)))
    return made


@pytest.fixture(params=KINDS)
def task(request, inpainters, monkeypatch):
    """A fill of one kind, called with the progress: its samples as one array."""
    if request.param == "tiles":
        monkeypatch.setattr(tiling, "MAX_PIXELS_AT_ONCE", 9_000)
        monkeypatch.setattr(tiling, "TILE", 64)
        monkeypatch.setattr(tiling, "SURROUNDINGS", 32)
    monkeypatch.setattr(fill, "MAX_PIXELS", 20_000)
    name, options = KINDS[request.param]

    def run(listener=None):
        return filled(inpainters[name], options, listener)

    return run


def photo():
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def holes():
    hole = np.zeros(SIZE, bool)
    hole[20:60, 20:60] = True
    hole[80:90, 95:110] = True
    return hole


def filled(inpainter, options, listener=None):
    from latentinpaint.images.any_picture import to_picture

    pictures = inpainter.fill(to_picture(photo()), holes(), options, progress=listener)
    return np.stack([picture.samples for picture in pictures])


def test_shares_rise_from_0_to_1_and_change_nothing(task):
    told = []
    listened = task(told.append)
    np.testing.assert_array_equal(listened, task())
    assert told[0] == 0 and told[-1] == 1
    assert told == sorted(told)
    assert len(set(told)) >= 8
    assert max(np.diff(told)) < 0.65


def test_a_cancelled_fill_stops_at_once_and_the_next_one_is_as_ever(task):
    """From wherever it is cancelled: nothing is reported after the exception, which passes as it is."""
    expected = task()
    for limit in (0, 0.5, 1):
        shares = []

        def cancel(share, limit=limit, shares=shares):
            shares.append(share)
            if share >= limit:
                raise Cancelled(limit)

        with pytest.raises(Cancelled, match=str(limit)):
            task(cancel)
        assert shares[-1] >= limit
        assert all(share < limit for share in shares[:-1])
    np.testing.assert_array_equal(task(), expected)


def test_threads_that_are_cancelled_end_after_a_few_rows():
    """Of a band of very many rows, each of which takes a while."""
    rows = []

    def work(band, first, last):
        rows.append((first, last))
        time.sleep(0.001)

    def cancel(share):
        if rows:
            raise Cancelled

    with pytest.raises(Cancelled), reporting(cancel), ThreadPoolExecutor(2) as pool:
        patch_match.run_bands(pool, work, [(0, 10**6), (10**6, 2 * 10**6)])
    assert 0 < len(rows) < 10**4
    assert all(last - first == patch_match.ROWS_AT_ONCE for first, last in rows)


@pytest.mark.parametrize("backward", [False, True])
def test_bands_are_worked_on_in_order_and_in_full(backward):
    bands = [(0, 21), (21, 22), (22, 40)]
    seen = {band: [] for band in bands}

    def work(band, first, last):
        seen[band] += list(range(first, last))

    with ThreadPoolExecutor(2) as pool:
        patch_match.run_bands(pool, work, bands, backward)
    for (first, last), found in seen.items():
        assert sorted(found) == list(range(first, last))
        starts = found[:: patch_match.ROWS_AT_ONCE]
        if first < 21 <= last - first:
            assert (starts == sorted(starts)) != backward


def test_threads_fill_with_one_inpainter_at_the_same_time(build_pipeline):
    """With networks that are yet to be fused: the same pictures as one after the other, and each its own progress."""
    for name in ("ffc", "flow"):
        every_options = [FillOptions(seed=seed, texture=seed == 1, crop=None) for seed in range(3)]
        one_by_one = [filled(Inpainter(build_pipeline(name), "cpu"), options) for options in every_options]
        inpainter = Inpainter(build_pipeline(name), "cpu")
        told = [[] for _ in every_options]
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(filled, [inpainter] * 3, every_options, [shares.append for shares in told]))
        np.testing.assert_array_equal(together, one_by_one)
        for shares in told:
            assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)


def test_every_call_of_an_inpainter_reports(inpainters):
    calls = [
        lambda told: inpainters["ffc"](photo(), holes(), progress=told.append),
        lambda told: inpainters["ffc"]([photo(), photo()], holes(), progress=told.append),
        lambda told: inpainters["ffc"].expand(photo(), 10, progress=told.append),
    ]
    for call in calls:
        told = []
        call(told)
        assert told[0] == 0 and told[-1] == 1 and len(told) > 20
