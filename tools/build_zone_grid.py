"""Derive the packaged zone files from the TLC's lookup table and polygons.

    python tools/build_zone_grid.py --lookup taxi_zone_lookup.csv --polygons taxi_zones.geojson

writes ``hailstream/domain/data/``: ``zones.csv`` (names, centroids, areas),
``zone_grid.npz`` (coordinates to zone) and ``zone_points.npz`` (points inside
each zone). Needs numpy only; the same input gives the same content.

The grid is a square of cells. A cell that no border crosses holds its zone.
Any other holds the root of a binary tree of half-planes, each along an edge
of a polygon, whose leaves are zones: so the answer is that of the polygons
themselves, to about 0.1 mm, not that of a raster. Where polygons overlap, the
lowest OBJECTID has the point.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from plane import EPS, Point, Segment, area, best_line, centroid, clip, cut, inside_square

OUT = Path(__file__).resolve().parents[1] / "hailstream" / "domain" / "data"
WEST, SOUTH, CELL, COLUMNS, ROWS = -74.26, 40.49, 0.001, 561, 427
OUTSIDE = 265
TWINS = {57: 56, 104: 103, 105: 103}  # zones of the table whose polygons carry another zone's number
POINTS_PER_ZONE = 64
_EARTH_MILES = 3958.76


@dataclass(frozen=True)
class Shape:
    """One feature: its zone and its rings (holes and parts alike: even-odd rule)."""

    object_id: int
    zone: int
    rings: list[np.ndarray]

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inside = np.zeros(x.shape, bool)
        for ring in self.rings:
            x1, y1 = ring[:-1, 0], ring[:-1, 1]
            x2, y2 = ring[1:, 0], ring[1:, 1]
            for i in range(len(x1)):
                if y1[i] == y2[i]:
                    continue
                crosses = (y1[i] > y) != (y2[i] > y)
                inside ^= crosses & (x < (x2[i] - x1[i]) * (y - y1[i]) / (y2[i] - y1[i]) + x1[i])
        return inside

    def contains_one(self, x: float, y: float) -> bool:
        crossings = 0
        for ring in self.rings:
            x1, y1, x2, y2 = ring[:-1, 0], ring[:-1, 1], ring[1:, 0], ring[1:, 1]
            crosses = (y1 > y) != (y2 > y)
            at = np.flatnonzero(crosses)
            crossings += int(np.sum(x < (x2[at] - x1[at]) * (y - y1[at]) / (y2[at] - y1[at]) + x1[at]))
        return bool(crossings % 2)

    @property
    def box(self) -> tuple[float, float, float, float]:
        points = np.concatenate(self.rings)
        return points[:, 0].min(), points[:, 1].min(), points[:, 0].max(), points[:, 1].max()


def read_shapes(path: Path) -> list[Shape]:
    """All features, lowest OBJECTID first."""
    shapes = []
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        geometry = feature["geometry"]
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        rings = [np.array(ring, float)[:, :2] for polygon in polygons for ring in polygon]
        properties = feature["properties"]
        shapes.append(Shape(int(properties["OBJECTID"]), int(properties["LocationID"]), rings))
    return sorted(shapes, key=lambda shape: shape.object_id)


class Locator:
    """The zone of a point by the polygons themselves: slow and right."""

    def __init__(self, shapes: list[Shape]) -> None:
        self._shapes = shapes
        self._boxes = np.array([shape.box for shape in shapes])

    def one(self, x: float, y: float) -> int:
        west, south, east, north = self._boxes.T
        for i in np.flatnonzero((west <= x) & (x <= east) & (south <= y) & (y <= north)):
            if self._shapes[i].contains_one(x, y):
                return self._shapes[i].zone
        return OUTSIDE

    def many(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        zones = np.full(x.shape, OUTSIDE, np.int32)
        for shape, (west, south, east, north) in zip(reversed(self._shapes), self._boxes[::-1], strict=True):
            at = np.flatnonzero((west <= x) & (x <= east) & (south <= y) & (y <= north))
            zones[at[shape.contains(x[at], y[at])]] = shape.zone
        return zones


class GridBuilder:
    """Cells, and trees for those that borders cross. A child >= 0 is a zone, below 0 the tree node ~child."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator
        self._origin: Point = (0.0, 0.0)
        self.lines: list[tuple[float, float, float]] = []
        self.children: list[tuple[int, int]] = []

    def build(self, shapes: list[Shape]) -> np.ndarray:
        x, y = np.meshgrid(WEST + (np.arange(COLUMNS) + 0.5) * CELL, SOUTH + (np.arange(ROWS) + 0.5) * CELL)
        cells = self._locator.many(x.ravel(), y.ravel()).reshape(ROWS, COLUMNS)
        crossed = cells_crossed(shapes)
        for (column, row), segments in sorted(crossed.items()):
            self._origin = (WEST + column * CELL, SOUTH + row * CELL)
            square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
            cells[row, column] = self._tree(square, segments)
        return cells

    def _tree(self, region: list[Point], segments: list[Segment]) -> int:
        while segments and area(region) > EPS:
            a, b, c = line = best_line(segments)
            low, high = clip(region, line, -1), clip(region, line, 1)
            parts = [cut(segment, line) for segment in segments]
            below = [part for pair in parts if (part := pair[0]) is not None]
            above = [part for pair in parts if (part := pair[1]) is not None]
            if area(low) < EPS or area(high) < EPS:  # along the region's own edge: it parts nothing
                segments = below + above
                continue
            left, right = self._tree(low, below), self._tree(high, above)
            if left == right and left >= 0:
                return left
            self.lines.append((a, b, c))
            self.children.append((left, right))
            return ~(len(self.lines) - 1)
        x, y = centroid(region)
        return self._locator.one(self._origin[0] + x * CELL, self._origin[1] + y * CELL)


def cells_crossed(shapes: list[Shape]) -> dict[tuple[int, int], list[Segment]]:
    """For each cell that an edge touches, the parts of edges inside it, in cell units."""
    crossed: dict[tuple[int, int], list[Segment]] = {}
    for shape in shapes:
        for ring in shape.rings:
            scaled = (ring - (WEST, SOUTH)) / CELL
            for (x1, y1), (x2, y2) in zip(scaled[:-1].tolist(), scaled[1:].tolist(), strict=True):
                for column in range(int(min(x1, x2)), int(max(x1, x2)) + 1):
                    for row in range(int(min(y1, y2)), int(max(y1, y2)) + 1):
                        part = inside_square((x1 - column, y1 - row), (x2 - column, y2 - row))
                        if part is not None:
                            crossed.setdefault((column, row), []).append(part)
    return crossed


def square_miles(zone_shapes: list[Shape]) -> float:
    """Area on a sphere, small enough to be flat at its own latitude."""
    total = 0.0
    for shape in zone_shapes:
        for ring in shape.rings:
            x, y = np.radians(ring[:, 0] + 74) * np.cos(np.radians(40.73)), np.radians(ring[:, 1] - 40.7)
            total += abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2
    return total * _EARTH_MILES**2


def interior_points(shapes: list[Shape], locator: Locator) -> dict[int, np.ndarray]:
    """Random points of each zone, in degrees with six decimals as the source files have them."""
    rng = np.random.Generator(np.random.PCG64(265))
    points: dict[int, np.ndarray] = {}
    for zone in sorted({shape.zone for shape in shapes}):
        boxes = np.array([shape.box for shape in shapes if shape.zone == zone])
        (west, south), (east, north) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        found = np.empty((0, 2))
        while len(found) < POINTS_PER_ZONE:
            x = rng.uniform(west, east, 4000).round(6)
            y = rng.uniform(south, north, 4000).round(6)
            inside = locator.many(x, y) == zone
            found = np.concatenate((found, np.column_stack((y, x))[inside]))
        points[zone] = found[:POINTS_PER_ZONE]
    return points


def write_zones(lookup: Path, out: Path, shapes: list[Shape], points: dict[int, np.ndarray]) -> None:
    """Names as the TLC has them, with the words for "none" made one, and a place and a size for each."""
    with lookup.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("zone_id", "borough", "name", "service_zone", "latitude", "longitude", "square_miles"))
        for row in rows:
            zone = int(row["LocationID"])
            drawn = TWINS.get(zone, zone)
            place: tuple[str, ...] = ("", "", "")
            if drawn in points:
                latitude, longitude = points[drawn].mean(0)
                size = square_miles([shape for shape in shapes if shape.zone == drawn])
                place = (f"{latitude:.5f}", f"{longitude:.5f}", f"{size:.4f}")
            # 264 has no name there, only a borough.
            row["Zone"] = "Unknown" if zone == 264 else row["Zone"]
            names = [
                "" if row[name] in ("N/A", "NV", "NA") else row[name] for name in ("Borough", "Zone", "service_zone")
            ]
            writer.writerow((zone, *names, *place))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lookup", type=Path, required=True, help="taxi_zone_lookup.csv")
    parser.add_argument("--polygons", type=Path, required=True, help="taxi_zones.geojson")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()

    shapes = read_shapes(options.polygons)
    locator = Locator(shapes)
    builder = GridBuilder(locator)
    cells = builder.build(shapes)
    points = interior_points(shapes, locator)
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        options.out / "zone_grid.npz",
        box=np.array([WEST, SOUTH, CELL]),
        cells=np.pad(cells, 1, constant_values=OUTSIDE).astype(np.int32),
        lines=np.array(builder.lines, np.float32),
        children=np.array(builder.children, np.int32),
    )
    np.savez_compressed(
        options.out / "zone_points.npz",
        zones=np.array(list(points), np.int16),
        microdegrees=np.rint(np.stack(list(points.values())) * 1e6).astype(np.int32),
    )
    write_zones(options.lookup, options.out / "zones.csv", shapes, points)
    print(f"{cells.size} cells, {(cells < 0).sum()} with borders, {len(builder.lines)} tree nodes, in {options.out}")


if __name__ == "__main__":
    main()
