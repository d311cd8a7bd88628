"""The grid by the challenge's figures."""

from __future__ import annotations

import math

import pytest

from hailstream.domain.opportunities.grid import NORTH, WEST, Cell, cell, large_number, small_numbers

SOUTH_DEGREES, EAST_DEGREES = 0.004491556, 0.005986
CENTRE = (41.474937, -74.913585)


def cells(latitude: float, longitude: float) -> tuple[Cell, Cell]:
    """The cell of 500 m, and that of 250 m; the same whether a trip begins or ends there."""
    leaving = small_numbers(latitude, longitude, *CENTRE)
    coming = small_numbers(*CENTRE, latitude, longitude)
    assert leaving is not None
    assert leaving[::-1] == coming
    return cell(large_number(leaving[0])), cell(leaving[0])


def outside(latitude: float, longitude: float) -> bool:
    """Whether neither a trip from there nor a trip to there has cells."""
    return {small_numbers(latitude, longitude, *CENTRE), small_numbers(*CENTRE, latitude, longitude)} == {None}


@pytest.mark.parametrize(("east", "south"), [(1, 1), (2, 1), (1, 2), (155, 160), (300, 300)])
def test_centres_are_steps_away_from_the_first(east: int, south: int) -> None:
    latitude = CENTRE[0] - (south - 1) * SOUTH_DEGREES
    longitude = CENTRE[1] + (east - 1) * EAST_DEGREES
    # A quarter to the north and west is the centre of the first of the four small cells.
    for a, b in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        large, small = cells(latitude - a * SOUTH_DEGREES / 4, longitude + b * EAST_DEGREES / 4)
        assert large == Cell(east, south)
        assert small == Cell(2 * east - (b < 0), 2 * south - (a < 0))


def test_a_cell_reads_east_then_south() -> None:
    assert str(Cell(3, 7)) == "cell.3.7"


def test_the_grid_has_its_north_west_corner_and_not_its_far_edges() -> None:
    assert cells(NORTH, WEST) == (Cell(1, 1), Cell(1, 1))
    south, east = NORTH - 300 * SOUTH_DEGREES, WEST + 300 * EAST_DEGREES
    assert outside(south - 1e-9, WEST)
    assert outside(NORTH, east + 1e-9)
    assert cells(south + 1e-9, east - 1e-9) == (Cell(300, 300), Cell(600, 600))
    assert outside(math.nextafter(NORTH, 90), WEST)
    assert outside(NORTH, math.nextafter(WEST, -90))


@pytest.mark.parametrize("place", [(0.0, 0.0), (math.nan, -74.0), (40.7, math.nan), (math.inf, -74.0), (40.7, 1e300)])
def test_what_is_no_place_of_the_grid_is_nowhere(place: tuple[float, float]) -> None:
    assert outside(*place)
