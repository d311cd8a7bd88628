"""From archived ends of trips to clean, typed rows: one statement of Spark SQL.

Nothing is dropped here: a row outside a bound is marked. Amounts are cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hailstream.archive.layout import EVENT
from hailstream.curate.calendar import SECONDS_AN_HOUR
from hailstream.domain.rules import BOUNDS, Bound
from hailstream.domain.zones import OUTSIDE, UNKNOWN, ZONES
from hailstream.spark.event_sql import KEPT, MINUTE_MS, PASSENGERS, zone_sql

#: A trip whose ends lie further apart has one wrong time, and counts where its end is, as the archive keeps it.
APART_HOURS: Final = 24
#: The hour a trip counts in.
HOUR: Final = (
    f"unix_seconds(CASE WHEN abs(unix_millis(event_time) - unix_millis(started_at)) <= {APART_HOURS * 3600_000}"
    f" THEN started_at ELSE event_time END) div {SECONDS_AN_HOUR}"
)
_LASTED_MS: Final = "(unix_millis(event_time) - unix_millis(started_at))"


def _outside(bound: Bound, *values: str, unit: float = 1) -> str:
    tests = (f"{value} NOT BETWEEN {bound.low * unit} AND {bound.high * unit}" for value in values)
    return f"coalesce({' OR '.join(f'coalesce({test}, false)' for test in tests)}, false)"


def _no_zone(place: str) -> str:
    return f"coalesce({place}_location_id NOT BETWEEN 1 AND {len(ZONES)}, false)"


#: Every mark, and when a row has it: the bounds of :mod:`hailstream.domain.rules`, then what else is noteworthy.
MARKS: Final[Mapping[str, str]] = {
    BOUNDS.distance.reason: _outside(BOUNDS.distance, "trip_distance_miles"),
    BOUNDS.fare.reason: _outside(BOUNDS.fare, "fare_cents"),
    BOUNDS.passengers.reason: _outside(BOUNDS.passengers, "passenger_count"),
    BOUNDS.latitude.reason: _outside(BOUNDS.latitude, "pickup_latitude", "dropoff_latitude"),
    BOUNDS.longitude.reason: _outside(BOUNDS.longitude, "pickup_longitude", "dropoff_longitude"),
    BOUNDS.duration.reason: _outside(BOUNDS.duration, _LASTED_MS, unit=MINUTE_MS),
    "times_apart": f"abs({_LASTED_MS}) > {APART_HOURS * 3600_000}",
    "zone_invalid": f"{_no_zone('pickup')} OR {_no_zone('dropoff')}",
    "zone_unknown": f"zone_id IN ({UNKNOWN}, {OUTSIDE}) OR end_zone_id IN ({UNKNOWN}, {OUTSIDE})",
    "fare_unknown": "fare_cents IS NULL",
    "refund": "coalesce(total_cents < 0, false)",
}
#: Reasons for which a record is not in staging.
DUPLICATE: Final = "duplicate"
TIME_UNKNOWN: Final = "time_unknown"
FUTURE: Final = "future"

#: Columns of staging by Spark's types; the last three are folders.
STAGING_COLUMNS: Final[Mapping[str, str]] = {
    "trip_id": "STRING",
    "hour": "BIGINT",
    "hour_local": "INT",
    "quarter": "INT",
    "started_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "seconds": "BIGINT",
    "zone_id": "INT",
    "end_zone_id": "INT",
    "vendor_id": "STRING",
    "driver_id": "STRING",
    "vehicle_id": "STRING",
    "passengers": "INT",
    "miles": "DOUBLE",
    "payment_type": "INT",
    "rate_code": "INT",
    "fare_cents": "BIGINT",
    "extra_cents": "BIGINT",
    "mta_tax_cents": "BIGINT",
    "tip_cents": "BIGINT",
    "tolls_cents": "BIGINT",
    "improvement_surcharge_cents": "BIGINT",
    "congestion_surcharge_cents": "BIGINT",
    "total_cents": "BIGINT",
    "source": "STRING",
    "within_bounds": "BOOLEAN",
    "marks": "STRING",
    "month": "DATE",
    "date": "DATE",
    "time_of_day": "STRING",
}
FOLDERS: Final = ("month", "date", "time_of_day")
_AS_THEY_ARE: Final = ("trip_id", "vendor_id", "driver_id", "vehicle_id", "payment_type", "rate_code", "source")


def events_sql(records: str) -> str:
    """The events among records, with the hour they count in."""
    return f"SELECT *, {HOUR} AS hour FROM {records} WHERE kind = '{EVENT}'"


def staging_sql(events: str, hours: str, *, look_up: bool) -> str:
    """The query of staging's rows.

    Args:
        events: name of a view of :func:`events_sql`.
        hours: name of a view of calendar hours; events of others are left out.
        look_up: whether coordinates may tell a zone where no id does; costs a call of Python for each row.
    """
    zones = {"zone_id": _zone("pickup", look_up=look_up), "end_zone_id": _zone("dropoff", look_up=look_up)}
    placed = ", ".join(f"{sql} AS {name}" for name, sql in zones.items())
    cents = [name for name in STAGING_COLUMNS if name.endswith("_cents")]
    columns: dict[str, str] = {
        **{name: name for name in (*_AS_THEY_ARE, *cents, *zones, "started_at")},
        "hour": "e.hour",
        "hour_local": "h.hour_local",
        "quarter": (
            f"CAST(CASE WHEN abs{_LASTED_MS} <= {APART_HOURS * 3600_000} THEN unix_seconds(started_at)"
            f" ELSE unix_seconds(event_time) END % {SECONDS_AN_HOUR} div {SECONDS_AN_HOUR // 4} AS INT)"
        ),
        "ended_at": "event_time",
        "seconds": f"{_LASTED_MS} div 1000",
        "passengers": PASSENGERS,
        "miles": "nanvl(trip_distance_miles, NULL)",
        "within_bounds": KEPT,
        "marks": f"concat_ws(',', {', '.join(f'CASE WHEN {sql} THEN {name!r} END' for name, sql in MARKS.items())})",
        **{name: f"h.{name}" for name in FOLDERS},
    }
    selected = ", ".join(f"CAST({columns[name]} AS {sql}) AS {name}" for name, sql in STAGING_COLUMNS.items())
    return (
        f"SELECT /*+ BROADCAST(h) */ {selected} FROM (SELECT *, {placed} FROM {events}) e JOIN {hours} h USING (hour)"
    )


def _zone(place: str, *, look_up: bool) -> str:
    if look_up:
        return zone_sql(place)
    location = f"{place}_location_id"
    return f"CASE WHEN {location} BETWEEN 1 AND {len(ZONES)} THEN CAST({location} AS INT) ELSE {UNKNOWN} END"


#: Whether the zone of an event is to be looked up.
NEEDS_LOOK_UP: Final = " OR ".join(
    f"({place}_latitude IS NOT NULL AND {place}_longitude IS NOT NULL"
    f" AND NOT coalesce({place}_location_id BETWEEN 1 AND {len(ZONES)}, false))"
    for place in ("pickup", "dropoff")
)
