"""The grid of the DEBS 2015 Grand Challenge.

Cells of 500 m, 300 east and 300 south, for routes; each is four cells of 250 m,
for areas. By the challenge the centre of cell 1.1 of 500 m is 41.474937 north,
74.913585 west, 500 m south are 0.004491556 degrees and 500 m east 0.005986. Both
grids have the same north-west corner, half a large cell from that centre; so the
centre of the small cell 1.1 lies 125 m north and 125 m west of it.

A cell has its north and west edge, not its south and east one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Large cells each way; of small ones there are twice as many.
LARGE_CELLS: Final = 300
SMALL_CELLS: Final = 2 * LARGE_CELLS

_LARGE_LATITUDE: Final = 0.004491556
_LARGE_LONGITUDE: Final = 0.005986
NORTH: Final = 41.474937 + _LARGE_LATITUDE / 2
WEST: Final = -74.913585 - _LARGE_LONGITUDE / 2
_SMALL_LATITUDE: Final = _LARGE_LATITUDE / 2
_SMALL_LONGITUDE: Final = _LARGE_LONGITUDE / 2

# A cell's number is its count to the east and, in the lower bits, to the south.
_SOUTH_BITS: Final = 10
_SOUTH_MASK: Final = (1 << _SOUTH_BITS) - 1
#: Number of a place that is in no cell; those of cells are between this and 2**20.
NOWHERE: Final = 0


class Cell(NamedTuple):
    """A cell of either size, counted from 1: ``east`` to the east, ``south`` to the south."""

    east: int
    south: int

    def __str__(self) -> str:
        return f"cell.{self.east}.{self.south}"


def small_numbers(
    latitude: float, longitude: float, end_latitude: float, end_longitude: float
) -> tuple[int, int] | None:
    """The numbers of the cells of 250 m at two places in degrees; None if one is outside the grid, or NaN."""
    x, y = (longitude - WEST) / _SMALL_LONGITUDE, (NORTH - latitude) / _SMALL_LATITUDE
    u, v = (end_longitude - WEST) / _SMALL_LONGITUDE, (NORTH - end_latitude) / _SMALL_LATITUDE
    # Compared before they are cut, which is towards zero and fails for NaN.
    if 0 <= x < SMALL_CELLS and 0 <= y < SMALL_CELLS and 0 <= u < SMALL_CELLS and 0 <= v < SMALL_CELLS:
        return int(x) + 1 << _SOUTH_BITS | int(y) + 1, int(u) + 1 << _SOUTH_BITS | int(v) + 1
    return None


def large_number(small: int) -> int:
    """The number of the cell of 500 m around a cell of 250 m."""
    return (small >> _SOUTH_BITS) + 1 >> 1 << _SOUTH_BITS | (small & _SOUTH_MASK) + 1 >> 1


def cell(number: int) -> Cell:
    """The cell, of either size, with a number."""
    return Cell(number >> _SOUTH_BITS, number & _SOUTH_MASK)
