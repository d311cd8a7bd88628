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
    """SQL for 24 hex digits of the md5 of a JSON array: ``label``, then ``columns``, null where not ``present``.

    Times enter as milliseconds of the wall clock, so that no rule of zones is part of an id.
    """
    values = [f"'{label}'"]
    for name in columns:
        if name not in present:
            values.append("NULL")
        else:
            values.append(f"epoch_ms({name})" if name.endswith("_time") else name)
    return f"left(md5(json_array({', '.join(values)})::VARCHAR), 24)"
