"""Distances on the globe."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

EARTH_MILES = 3958.7613  # mean radius
MILES_A_DEGREE = 69.1  # of a great circle, rounded up


def great_circle_miles(
    from_latitude: npt.ArrayLike, from_longitude: npt.ArrayLike, to_latitude: npt.ArrayLike, to_longitude: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Haversine distance between points in degrees, in miles; NaN where a coordinate is. Columns broadcast."""
    lat1, lon1, lat2, lon2 = (
        np.radians(np.asarray(degrees, np.float64))
        for degrees in (from_latitude, from_longitude, to_latitude, to_longitude)
    )
    a = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    miles: npt.NDArray[np.float64] = 2 * EARTH_MILES * np.arcsin(np.sqrt(np.clip(a, 0, 1)))
    return miles


def miles_between(here: tuple[float, float], there: tuple[float, float]) -> float:
    """:func:`great_circle_miles` of one pair of points (latitude, longitude), without the cost of columns."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*here, *there))
    a = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_MILES * math.asin(math.sqrt(min(a, 1.0)))
