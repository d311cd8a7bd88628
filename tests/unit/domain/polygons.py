"""The zones of points by the polygons of a GeoJSON file: slow, plain, and independent of the packaged grid."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

OUTSIDE = 265
Floats = npt.NDArray[np.float64]


def read_rings(path: Path) -> list[tuple[int, list[Floats]]]:
    """Zone and rings of each feature, lowest OBJECTID first."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    features.sort(key=lambda feature: feature["properties"]["OBJECTID"])
    shapes = []
    for feature in features:
        geometry = feature["geometry"]
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        rings = [np.array(ring) for polygon in polygons for ring in polygon]
        shapes.append((int(feature["properties"]["LocationID"]), rings))
    return shapes


def zones_by_polygons(
    shapes: list[tuple[int, list[Floats]]], latitudes: Floats, longitudes: Floats
) -> npt.NDArray[np.int16]:
    """Even-odd rule; the first shape that has a point keeps it."""
    zones = np.full(len(latitudes), OUTSIDE, np.int16)
    for zone, rings in reversed(shapes):
        every = np.concatenate(rings)
        (west, south), (east, north) = every.min(axis=0), every.max(axis=0)
        box = (longitudes >= west) & (longitudes <= east) & (latitudes >= south) & (latitudes <= north)
        near = np.flatnonzero(box)
        x, y = longitudes[near], latitudes[near]
        inside = np.zeros(len(near), np.bool_)
        for ring in rings:
            for (x1, y1), (x2, y2) in pairwise(ring):
                if y1 != y2:
                    inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        zones[near[inside]] = zone
    return zones
