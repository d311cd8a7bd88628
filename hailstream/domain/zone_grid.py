"""Coordinates to taxi zone, for whole columns at once.

The packaged grid (see ``tools/build_zone_grid.py``) has cells of 0.001 degrees.
A cell holds its zone, or the root of a small tree of half-planes along the
borders that cross it, so the answer is the one of the TLC's polygons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

OUTSIDE = 265
Zones: TypeAlias = npt.NDArray[np.int16]
_CHUNK = 1 << 15  # points whose intermediate columns stay in the processor's cache


def zone_of(latitudes: npt.ArrayLike, longitudes: npt.ArrayLike) -> Zones:
    """The zone of each point, in degrees (WGS 84).

    Where polygons overlap, the one with the lowest OBJECTID has the point.
    265 (outside of New York City) is the answer for a point in no polygon and
    for NaN, zero, infinite or absurd coordinates; it never raises for a value.
    The zones are LocationIDs: 56 and 103 stand for 57, 104 and 105 too, which
    have no polygon of their own.

    Raises:
        ValueError: not as many latitudes as longitudes.
    """
    y = np.atleast_1d(np.asarray(latitudes, np.float64))
    x = np.atleast_1d(np.asarray(longitudes, np.float64))
    if y.shape != x.shape or y.ndim != 1:
        raise ValueError(f"latitudes {y.shape} and longitudes {x.shape} are not two columns of one length")
    grid = _grid()
    zones = np.empty(len(y), np.int16)
    for start in range(0, len(y), _CHUNK):
        part = slice(start, start + _CHUNK)
        zones[part] = grid.look_up(y[part], x[part])
    return zones


@dataclass(frozen=True)
class _Grid:
    west: float
    south: float
    cells_per_degree: float
    width: int
    height: int
    cells: npt.NDArray[np.int32]  # with a rim of cells outside; >= 0 a zone, below 0 the tree node ~cell
    a: npt.NDArray[np.float32]  # a*x + b*y + c >= 0 takes the second child; x, y in cells from the cell's corner
    b: npt.NDArray[np.float32]
    c: npt.NDArray[np.float32]
    children: npt.NDArray[np.int32]  # pairs, laid out flat

    def look_up(self, latitudes: npt.NDArray[np.float64], longitudes: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        x = self._position(longitudes, self.west, self.width)
        y = self._position(latitudes, self.south, self.height)
        column, row = x.astype(np.int32), y.astype(np.int32)
        found = self.cells.take(row * np.int32(self.width) + column)
        at = np.flatnonzero(found < 0)
        dx = (x.take(at) - column.take(at)).astype(np.float32)
        dy = (y.take(at) - row.take(at)).astype(np.float32)
        node = ~found.take(at)
        while at.size:
            side = self.a.take(node) * dx + self.b.take(node) * dy + self.c.take(node) >= 0
            child = self.children.take(2 * node + side)
            found[at] = child
            inner = np.flatnonzero(child < 0)
            at, dx, dy, node = at.take(inner), dx.take(inner), dy.take(inner), ~child.take(inner)
        return found

    def _position(self, degrees: npt.NDArray[np.float64], origin: float, cells: int) -> npt.NDArray[np.float64]:
        """In cells, with everything beyond the box (and NaN, which fmax passes over) on the rim."""
        position = (degrees - origin) * self.cells_per_degree
        position += 1
        np.fmax(position, 0, out=position)
        return np.fmin(position, cells - 1, out=position)


@cache
def _grid() -> _Grid:
    with files("hailstream.domain").joinpath("data/zone_grid.npz").open("rb") as file, np.load(file) as data:
        arrays: dict[str, Any] = {name: data[name] for name in data.files}
    west, south, cell = arrays["box"].tolist()
    height, width = arrays["cells"].shape
    if arrays["cells"].max() > OUTSIDE:
        raise ValueError("zone_grid.npz has a zone that is none")
    a, b, c = np.ascontiguousarray(arrays["lines"].T)
    cells, children = arrays["cells"].ravel(), arrays["children"].ravel()
    return _Grid(west, south, 1 / cell, width, height, cells, a, b, c, children)
