"""Zones of the places in frames of events."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from hailstream.domain.zones import UNKNOWN, ZONES, zone_of

Side: TypeAlias = Literal["pickup", "dropoff"]


def zones_of(events: pl.DataFrame, side: Side) -> pl.Series:
    """The given zone where it is one, else that of the coordinates, else 264: int32.

    Args:
        events: with the columns ``pickup_location_id``, ``pickup_latitude`` and ``pickup_longitude``, or ``dropoff_…``.
    """
    given = events[f"{side}_location_id"].fill_null(UNKNOWN).to_numpy()
    known = events[f"{side}_location_id"].is_between(1, len(ZONES)).fill_null(False).to_numpy()
    places = [events[f"{side}_{name}"] for name in ("latitude", "longitude")]
    placed = (places[0].is_not_null() & places[1].is_not_null()).to_numpy() & ~known
    zones = np.where(known, given, UNKNOWN).astype(np.int32)
    if placed.any():
        zones[placed] = zone_of(*(place.to_numpy()[placed] for place in places))
    return pl.Series(zones)
