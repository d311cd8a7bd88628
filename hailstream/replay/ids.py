"""Trip ids and fare keys, as SQL over the rows of a block.

A trip id is the md5 of what the row says, not of where or how it stands: the
same trip from CSV or Parquet, from another file or in another order has the
same id, and so have two rows that are equal in every column.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hailstream.replay.columns import COLUMNS

#: Columns a trip's id is made of. A FOIL trip is told by vehicle, driver, times, places and
#: distance alone, so that its id is the same with and without its fare.
TRIP_ID_COLUMNS: tuple[str, ...] = tuple(column.name for column in COLUMNS)
FOIL_ID_COLUMNS: tuple[str, ...] = (
    "pickup_time",
    "dropoff_time",
    "driver_id",
    "vehicle_id",
    "pickup_latitude",
    "pickup_longitude",
    "dropoff_latitude",
    "dropoff_longitude",
    "trip_distance_miles",
)
FOIL_FARE_KEY: tuple[str, ...] = ("pickup_time", "driver_id", "vehicle_id")


def digest_sql(label: str, columns: Sequence[str], present: Collection[str]) -> str:
    """SQL for 24 hex digits of the md5 of ``label`` and ``columns``; a column not ``present`` is null.

    Times enter as milliseconds of the wall clock, so that no rule of zones is part of an id.
    """
    parts = [f"'{label}'"]
    for name in columns:
        if name not in present:
            parts.append("''")
        elif name.endswith("_time"):
            parts.append(f"coalesce(epoch_ms({name})::VARCHAR, '')")
        else:
            parts.append(f"coalesce({name}::VARCHAR, '')")
    return f"left(md5(concat_ws('|', {', '.join(parts)})), 24)"
