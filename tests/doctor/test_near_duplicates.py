"""The hash and the thumbnail, against pictures whose likeness is known."""

import numpy as np
import pytest

from latentinpaint.doctor import near_duplicates
from latentinpaint.doctor.near_duplicates import MAX_DIFFERING_BITS, Fingerprint, fingerprint_of, similar_pairs


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (72, 72)).astype(np.uint8)


def test_bits_are_those_of_neighbouring_cells():
    """72 x 72 pixels in 9 x 8 and 8 x 9 whole cells: means are exact."""
    grey = picture(0)
    across = grey.reshape(8, 9, 9, 8).mean((1, 3))
    down = grey.reshape(9, 8, 8, 9).mean((1, 3))
    expected = [across[r, c + 1] > across[r, c] for r in range(8) for c in range(8)]
    expected += [down[r + 1, c] > down[r, c] for r in range(8) for c in range(8)]
    np.testing.assert_array_equal(fingerprint_of(grey).bits, expected)


def test_all_pairs_are_found_once_across_pieces(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_BLOCK", 4)
    fingerprints = [fingerprint_of(picture(seed)) for seed in (0, 1, 2, 3, 1, 4, 5, 0, 6, 1)]
    found = list(similar_pairs(fingerprints))
    assert set(found) == {(0, 7), (1, 4), (1, 9), (4, 9)} and len(found) == 4
    assert set(similar_pairs(fingerprints[:3], fingerprints[3:])) == {(0, 4), (1, 1), (1, 6)}
    assert not list(similar_pairs([])) and not list(similar_pairs(fingerprints, []))


@pytest.mark.parametrize(("changed", "found"), [(MAX_DIFFERING_BITS, True), (MAX_DIFFERING_BITS + 1, False)])
def test_the_number_of_bits(changed, found):
    one = fingerprint_of(picture(0))
    bits = one.bits.copy()
    bits[:changed] ^= True
    assert bool(list(similar_pairs([one, Fingerprint(bits, one.thumbnail)]))) == found


@pytest.mark.parametrize(("correlation", "found"), [(0.96, True), (0.94, False)])
def test_the_thumbnails_have_to_agree(correlation, found):
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(32 * 32, 3)) * [0, 1, 1] + [1, 0, 0])[0]
    mixed = correlation * basis[:, 1] + np.sqrt(1 - correlation**2) * basis[:, 2]
    thumbs = [np.rint(128 + 900 * v).reshape(32, 32).astype(np.uint8) for v in (basis[:, 1], mixed)]
    assert np.corrcoef(thumbs[0].ravel(), thumbs[1].ravel())[0, 1] == pytest.approx(correlation, abs=0.005)
    bits = fingerprint_of(picture(0)).bits
    assert bool(list(similar_pairs([Fingerprint(bits, thumb) for thumb in thumbs]))) == found
