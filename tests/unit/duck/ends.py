"""Archived ends of trips with everything that can be wrong with them."""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from hailstream.archive.schema import polars_schema
from hailstream.topics import TRIPS_ENDED

NOON = 1_704_110_400_000  # 2024-01-01 12:00 UTC
HOURS = 4


def events(seed: int, count: int) -> pl.DataFrame:
    """Archived ends in the order of their times: copies, unknown places and amounts, values beyond every bound."""
    dice = random.Random(seed)

    def some(*values: Any) -> Any:
        return dice.choice(values)

    rows = []
    for number in range(count):
        # Not the last millisecond of a minute, which is its own watermark.
        time = NOON + dice.randrange(HOURS * 3600) * 1000 + dice.randrange(900)
        # Half of the zones are silent for long enough to be forgotten.
        zone = some(74, 75, None, 0, 266) if time % 5 else dice.randrange(1, 266)
        row = {
            "trip_id": f"trip {number}",
            "event_time": time,
            "started_at": time - some(0, 59_999, 60_000, 600_000, 28_800_000, 28_800_001, -5),
            "driver_id": some(None, "a", "b", f"driver {number % 40}"),
            "pickup_location_id": zone,
            "pickup_latitude": some(None, 40.7580, 40.6413, 0.0, float("nan")),
            "pickup_longitude": some(None, -73.9855, -73.7781),
            "passenger_count": some(None, 0, 1, 2, 9, 10),
            "trip_distance_miles": some(None, 0.0, 1.5, 100.0, 100.01, -1.0, float("nan")),
            "fare_cents": some(None, 0, 1250, 50_000, 50_001, -300),
            "tip_cents": some(None, 0, 255),
            "tolls_cents": some(None, 0, 612),
            "total_cents": some(None, 1575, -300, 9_999_999_999),
        }
        rows += [row] * some(1, 1, 1, 2)
        if dice.random() < 0.05:  # a copy that disagrees
            rows.append(row | {"fare_cents": 700, "driver_id": "c", "pickup_location_id": 43})
    rows.sort(key=lambda row: int(str(row["event_time"])))
    for offset, row in enumerate(rows):
        row_time = row["event_time"]
        rows[offset] = row | {"kafka_partition": 0, "kafka_offset": offset, "record_time": row_time, "kind": "event"}
    schema = polars_schema(TRIPS_ENDED)
    whole = [{name: row.get(name) for name in schema} for row in rows]
    times = [name for name, held in schema.items() if isinstance(held, pl.Datetime)]
    frame = pl.DataFrame(whole, schema={**schema, **dict.fromkeys(times, pl.Int64)}, orient="row")
    return frame.with_columns(pl.col(times).cast(pl.Datetime("ms")))
