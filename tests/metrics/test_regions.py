"""Regions and classes of holes, against SciPy's exact distances and shapes counted by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from latentinpaint.metrics.regions import DECILES, WIDTHS, band, border_distance, decile, hole_width, width_class


def box(rows, columns, height=64, width=64):
    mask = torch.zeros(1, 1, height, width)
    mask[..., rows, columns] = 1
    return mask


def edt(mask):
    hole = mask.numpy() > 0.5
    return np.where(hole, distance_transform_edt(hole), distance_transform_edt(~hole))


# ---- the distance to the border


@pytest.mark.parametrize("density", [0.001, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("size", [(1, 40), (37, 53), (128, 96)])
def test_the_distance_is_scipys(density, size):
    mask = torch.from_numpy(np.random.default_rng(1).random((3, 1, *size)) < density).float()
    mask[:, :, 0, 0], mask[:, :, -1, -1] = 1, 0  # some hole, something known
    expected = np.stack([edt(one[0])[None] for one in mask])
    np.testing.assert_allclose(border_distance(mask).numpy(), expected, rtol=1e-5)


def test_a_hole_and_its_complement_have_one_border():
    mask = (torch.rand(2, 1, 30, 41) > 0.8).float()
    assert torch.equal(border_distance(mask), border_distance(1 - mask))


@pytest.mark.parametrize("turn", [lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT])
def test_the_distance_turns_with_the_picture(turn):
    mask = (torch.rand(2, 1, 30, 41) > 0.9).float()
    torch.testing.assert_close(border_distance(turn(mask)), turn(border_distance(mask)))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_a_border_everything_is_infinitely_far(value):
    mask = torch.cat([torch.full((1, 1, 20, 20), value), box(slice(5, 9), slice(5, 9), 20, 20)])
    distance = border_distance(mask)
    assert distance[0].isinf().all() and distance[1].isfinite().all()
    assert not band(mask)[0].any() and band(mask)[1].any()


# ---- the band


def test_a_band_one_pixel_deep_by_hand():
    """A ring within the rectangle, and its neighbours outside; the diagonal ones are sqrt(2) away."""
    expected = box(slice(20, 30), slice(15, 40))
    expected[..., 21:29, 16:39] = 0
    for rows, columns in (
        (19, slice(15, 40)),
        (30, slice(15, 40)),
        (slice(20, 30), 14),
        (slice(20, 30), 40),
    ):
        expected[..., rows, columns] = 1
    assert torch.equal(band(box(slice(20, 30), slice(15, 40)), 1), expected)


def test_a_band_two_pixels_deep_by_hand():
    """Two rings within; outside two rows along each side and the four diagonal neighbours."""
    mask = box(slice(20, 30), slice(15, 40))
    found = band(mask, 2)
    assert (found * mask).sum() == 2 * (10 + 25) - 4 + 2 * (8 + 23) - 4
    assert (found * (1 - mask)).sum() == 2 * 2 * (10 + 25) + 4


@pytest.mark.parametrize("width", [1, 3, 10])
def test_along_a_straight_border_it_is_as_many_columns_on_either_side(width):
    found = band(box(slice(None), slice(0, 30)), width)
    assert torch.equal(found, box(slice(None), slice(30 - width, 30 + width)))


@pytest.mark.parametrize(
    ("height", "width", "depth"), [(256, 256, 8), (64, 64, 2), (64, 256, 2), (256, 96, 3), (48, 48, 2), (12, 30, 1)]
)
def test_it_is_a_thirty_second_of_the_shorter_side_deep(height, width, depth):
    mask = box(slice(None), slice(0, width // 2), height, width)
    assert torch.equal(band(mask), box(slice(None), slice(width // 2 - depth, width // 2 + depth), height, width))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool, torch.uint8])
def test_the_band_is_of_the_masks_kind(dtype):
    mask = box(slice(20, 30), slice(15, 40))
    found = band(mask.to(dtype))
    assert found.dtype == dtype and torch.equal(found.float(), band(mask))


# ---- widths


@pytest.mark.parametrize("thickness", [1, 2, 7, 8, 30])
def test_the_width_of_a_rectangle(thickness):
    """Its middle pixels are half its shorter side from the border, an odd one's half a pixel more."""
    hole = box(slice(10, 10 + thickness), slice(5, 55))
    assert hole_width(torch.cat([hole, hole.mT])) == pytest.approx([2 * -(-thickness // 2)] * 2)


@pytest.mark.parametrize("radius", [3.3, 8.0, 20.5])
def test_the_width_of_a_disc_is_its_diameter(radius):
    y, x = np.mgrid[:64, :64] - 31
    mask = torch.from_numpy(np.hypot(y, x) <= radius).float()[None, None]
    assert hole_width(mask)[0] == pytest.approx(2 * radius, abs=2)
    nearest = np.hypot(y, x)[np.hypot(y, x) > radius].min()
    assert hole_width(mask)[0] == pytest.approx(2 * nearest)


def test_the_widest_place_counts():
    hole = box(slice(30, 32), slice(0, 64)) + box(slice(40, 50), slice(10, 20))
    assert hole_width(hole) == [10]


def test_beyond_the_picture_there_is_no_border():
    assert hole_width(box(slice(None), slice(0, 6))) == [12]


def test_the_width_of_no_hole_and_of_nothing_else():
    assert hole_width(torch.stack([torch.zeros(1, 9, 9), torch.ones(1, 9, 9)])) == [0, float("inf")]


@pytest.mark.parametrize(
    ("width", "name"),
    [
        (0, "scratch"),
        (15.999, "scratch"),
        (16, "narrow"),
        (31.999, "narrow"),
        (32, "medium"),
        (63.999, "medium"),
        (64, "wide"),
        (512, "wide"),
        (float("inf"), "wide"),
    ],
)
def test_classes_of_width_hold_from_and_below(width, name):
    assert width_class(width, 256) == name
    assert width_class(width / 4, 64) == name


def test_the_classes_of_width_leave_no_gap():
    lows, highs = zip(*WIDTHS.values(), strict=True)
    assert lows == (0, *highs[:-1])


# ---- areas


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.0, 0),
        (1e-5, 0),
        (0.1, 0),
        (0.100001, 1),
        (0.2, 1),
        (0.3, 2),
        (0.300001, 3),
        (0.6, 5),
        (0.7, 6),
        (0.899999, 8),
        (0.9, 8),
        (0.900001, 9),
        (1.0, 9),
    ],
)
def test_the_tenth_of_the_area(fraction, expected):
    assert decile(fraction) == expected


@pytest.mark.parametrize("tenths", range(1, DECILES + 1))
def test_a_masks_own_mean_is_put_in_the_same_tenth(tenths):
    """A mean in float32 is not quite a tenth, but it is one."""
    mask = torch.zeros(1, 1, 100, 100)
    mask[..., : 10 * tenths] = 1
    assert decile(mask.mean().item()) == tenths - 1


def test_every_tenth_is_as_likely():
    found = [decile((pixels + 0.5) / 1000) for pixels in range(1000)]
    assert np.bincount(found).tolist() == [100] * DECILES
