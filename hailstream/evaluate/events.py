"""Batches of a source as the events that folds and single-event rules read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Event, Started
from hailstream.domain.zones import UNKNOWN, zone_of

_LAST_ZONE = 265


def placed(frame: pl.DataFrame) -> pl.DataFrame:
    """Readable events of a frame of ``EVENT_SCHEMA``, with the columns zone_id and end_zone_id.

    A zone is the given one where there is such a zone, else that of the coordinates, else 264.
    """
    readable = frame.filter(pl.col("raw").is_null())
    return readable.with_columns(_zone(readable, "pickup", "zone_id"), _zone(readable, "dropoff", "end_zone_id"))


def to_events(frame: pl.DataFrame) -> Iterator[Event]:
    """The events of a frame of :func:`placed`: its starts, then its ends.

    Raises:
        KeyError: an event has a field that is not known here.
    """
    starts, ends = frame.filter(~pl.col("is_end")), frame.filter("is_end")
    yield from map(Started._make, starts.select(_COLUMNS[name] for name in Started._fields).iter_rows())
    columns = _COLUMNS | {"rank": pl.lit(ENDED_RANK)}
    yield from map(Ended._make, ends.select(columns[name] for name in Ended._fields).iter_rows())


def _zone(frame: pl.DataFrame, place: str, name: str) -> pl.Series:
    latitude, longitude = (
        frame[f"{place}_{part}"].fill_null(float("nan")).to_numpy() for part in ("latitude", "longitude")
    )
    given = frame[f"{place}_location_id"].fill_null(0).to_numpy()
    finite = np.isfinite(latitude) & np.isfinite(longitude)
    by_place = np.full(len(given), UNKNOWN, np.int32)
    by_place[finite] = zone_of(latitude[finite], longitude[finite])
    return pl.Series(name, np.where((given >= 1) & (given <= _LAST_ZONE), given, by_place), pl.Int32)


_NOT_KNOWN = float("nan")
_COLUMNS: dict[str, pl.Expr] = {
    "time": pl.col("event_time").dt.epoch("ms"),
    "rank": pl.lit(STARTED_RANK),
    **{name: pl.col(name) for name in ("trip_id", "vendor_id", "driver_id", "vehicle_id", "zone_id", "end_zone_id")},
    "latitude": pl.col("pickup_latitude").fill_null(_NOT_KNOWN),
    "longitude": pl.col("pickup_longitude").fill_null(_NOT_KNOWN),
    "passengers": pl.col("passenger_count"),
    "started_at": pl.col("started_at").dt.epoch("ms"),
    "end_latitude": pl.col("dropoff_latitude").fill_null(_NOT_KNOWN),
    "end_longitude": pl.col("dropoff_longitude").fill_null(_NOT_KNOWN),
    "miles": pl.col("trip_distance_miles"),
    "rate_code": pl.col("rate_code"),
    "fare_cents": pl.col("fare_amount"),
    "total_cents": pl.col("total_amount"),
    "tip_cents": pl.col("tip_amount"),
}
