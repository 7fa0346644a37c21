"""Edges, sides and specks of holes that are small enough to count by hand."""

import numpy as np

from latentinpaint.doctor.hole_shapes import (
    SpeckCounts,
    border_fraction,
    count_specks,
    dilate,
    edge_pixels,
    fraction_of_sides,
)


def hole_of(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


def test_edges_are_on_both_sides():
    found = edge_pixels(hole_of(".....", ".....", "..#..", ".....", "....."))
    assert np.array_equal(found, hole_of(".....", "..#..", ".###.", "..#..", "....."))
    assert not edge_pixels(np.ones((3, 4), bool)).any()


def test_dilation_goes_by_steps_to_neighbours():
    found = dilate(hole_of(".....", ".....", "..#..", ".....", "....."), 2)
    assert np.array_equal(found, hole_of("..#..", ".###.", "#####", ".###.", "..#.."))


def test_borders_and_sides():
    hole = hole_of("##..", "#...", "....")
    assert border_fraction(hole) == 3 / 10
    assert fraction_of_sides(hole) == {"top": 1 / 2, "left": 2 / 3}
    assert fraction_of_sides(hole_of("...", ".#.", "...")) == {}


def test_specks_touch_by_corners_and_islands_by_sides():
    hole = hole_of("#......", ".#.....", "..#....", "...#...", "....#..")
    # One part of five pixels, and the known pixels on either side of it.
    assert count_specks(hole) == SpeckCounts(small_holes=0, holes=1, small_islands=0, islands=2)
    assert count_specks(hole_of("#.#", "...", "#.#")) == SpeckCounts(4, 4, 0, 1)
    assert count_specks(~hole_of("#.#", "...", "#.#")) == SpeckCounts(0, 1, 4, 4)
