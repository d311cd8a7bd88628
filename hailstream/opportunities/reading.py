"""Ended trips out of trip files of any layout."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hailstream.decode.frame_zones import zones_of
from hailstream.domain.events import ENDED_RANK, Ended
from hailstream.errors import HailstreamError
from hailstream.replay.events import EventSource

#: Of a field of ``Ended``, in order, the column of a batch of events; zones and places aside.
_COLUMNS = {
    "vendor_id": "vendor_id",
    "driver_id": "driver_id",
    "vehicle_id": "vehicle_id",
    "passengers": "passenger_count",
    "miles": "trip_distance_miles",
    "rate_code": "rate_code",
    "fare_cents": "fare_amount",
    "total_cents": "total_amount",
    "tip_cents": "tip_amount",
}


def ended_trips(source: EventSource) -> Iterator[Ended]:
    """The ends of a source, in its order.

    A zone is the one that is given, else that of the coordinates, else 264; a coordinate that is not known is NaN.

    Raises:
        HailstreamError: an end is earlier than the one before it (only where the source is in file order).
    """
    reached = 0
    for batch in source.batches():
        for end in _ends(batch):
            if end.time < reached:
                raise HailstreamError(
                    f"{source.name}: the trips do not stand in the order of their ends: "
                    f"trip {end.trip_id} ended {(reached - end.time) / 1000:,.0f} s before the one above it",
                    hint="leave --order file out: the trips are put in order then",
                )
            reached = end.time
            yield end


def _ends(batch: pl.DataFrame) -> Iterator[Ended]:
    ends = batch.filter("is_end")
    frame = ends.select(
        pl.col("event_time").dt.epoch("ms").alias("time"),
        pl.lit(ENDED_RANK).alias("rank"),
        "trip_id",
        pl.col("started_at").dt.epoch("ms"),
        zones_of(ends, "pickup").alias("zone_id"),
        zones_of(ends, "dropoff").alias("end_zone_id"),
        *(pl.col(f"pickup_{name}").fill_null(float("nan")).alias(name) for name in ("latitude", "longitude")),
        *(pl.col(f"dropoff_{name}").fill_null(float("nan")).alias(f"end_{name}") for name in ("latitude", "longitude")),
        **{field: pl.col(column) for field, column in _COLUMNS.items()},
    )
    return map(Ended._make, frame.select(Ended._fields).iter_rows())
