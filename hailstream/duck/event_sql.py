"""What windows read of an event, as DuckDB's SQL over archived events.

The same rules as :mod:`hailstream.decode.columns` has for columns of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hailstream.domain.rules import BOUNDS, Bound

MINUTE_MS: Final = 60_000


def _within(bound: Bound, value: str, unit: float = 1) -> str:
    return f"{value} BETWEEN {bound.low * unit:.0f} AND {bound.high * unit:.0f}"


#: Whether an ended trip lies within the bounds: a distance that is not known does, a fare that is not known does not.
KEPT: Final = (
    f"(coalesce({_within(BOUNDS.fare, 'fare_cents')}, false)"
    f" AND coalesce({_within(BOUNDS.distance, 'trip_distance_miles')}, true)"
    f" AND {_within(BOUNDS.duration, 'unix_millis(event_time) - unix_millis(started_at)', MINUTE_MS)})"
)
PASSENGERS: Final = f"CASE WHEN {_within(BOUNDS.passengers, 'passenger_count')} THEN passenger_count END"
_BOUNDED: Final = ("fare_cents", "trip_distance_miles", "event_time", "started_at")

#: The columns that metrics can ask for; see ``COLUMN_TYPES`` of :mod:`hailstream.decode.columns`.
COLUMNS: Final[Mapping[str, str]] = {
    "driver_id": "driver_id",
    "passengers": PASSENGERS,
    "kept": f"CASE WHEN {KEPT} THEN 1 ELSE 0 END",
    "total_cents": "coalesce(total_cents, 0)",
    "fare_cents": f"CASE WHEN {KEPT} THEN fare_cents ELSE 0 END",
    "tip_cents": f"CASE WHEN {KEPT} THEN coalesce(tip_cents, 0) ELSE 0 END",
    "toll_cents": f"CASE WHEN {KEPT} THEN coalesce(tolls_cents, 0) ELSE 0 END",
}
#: What the archive has that they are made of.
_MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "driver_id": ("driver_id",),
    "passengers": ("passenger_count",),
    "kept": _BOUNDED,
    "total_cents": ("total_cents",),
    "fare_cents": _BOUNDED,
    "tip_cents": (*_BOUNDED, "tip_cents"),
    "toll_cents": (*_BOUNDED, "tolls_cents"),
}


def columns_read(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The archive's columns that :func:`window_events_sql` needs, those of the zone excepted."""
    made_of = (part for name in columns for part in _MADE_OF[name])
    return tuple(dict.fromkeys(("kafka_partition", "event_time", "trip_id", *made_of)))


def window_events_sql(columns: tuple[str, ...], events: str) -> str:
    """The query of events as windows read them: minute (ms), trip_id, zone_id, logged, columns; by minute.

    ``logged`` is whether an event is of the log and not of a backfilled month.

    Args:
        events: name of a view of archived events, with their ``zone_id``.
    """
    read = ", ".join(f'{COLUMNS[name]} AS "{name}"' for name in columns)
    time = "unix_millis(event_time)"
    return (
        f"SELECT {time} - pmod({time}, {MINUTE_MS}) AS minute, trip_id, zone_id,"
        f" kafka_partition IS NOT NULL AS logged, {read} FROM {events} ORDER BY minute"
    )
