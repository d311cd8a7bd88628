"""From archived ends of trips to clean, typed rows: one statement of DuckDB's SQL.

Nothing is dropped here: a row outside a bound is marked. Amounts are cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hailstream.archive.layout import EVENT
from hailstream.curate.calendar import SECONDS_AN_HOUR
from hailstream.domain.rules import BOUNDS, Bound
from hailstream.domain.zones import OUTSIDE, UNKNOWN, ZONES
from hailstream.duck.event_sql import KEPT, MINUTE_MS, PASSENGERS

#: A trip whose ends lie further apart has one wrong time, and counts where its end is, as the archive keeps it.
APART_HOURS: Final = 24
_LASTED_MS: Final = "(unix_millis(event_time) - unix_millis(started_at))"
_COUNTS_AT_MS: Final = (
    f"(CASE WHEN abs({_LASTED_MS}) <= {APART_HOURS * 3600_000} THEN unix_millis(started_at)"
    " ELSE unix_millis(event_time) END)"
)
_HOUR_MS: Final = SECONDS_AN_HOUR * 1000
#: The hour a trip counts in.
HOUR: Final = f"({_COUNTS_AT_MS} // {_HOUR_MS})"


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

#: Columns of staging by their types; the last three are folders.
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


def events_sql(records: str, begin: str, end: str) -> str:
    """The events among records of a span, with the hour they count in.

    Args:
        begin, end: moments as SQL says them, ``end`` excluded.
    """
    return (
        f"SELECT *, {HOUR} AS hour FROM {records}"
        f" WHERE kind = '{EVENT}' AND record_time >= {begin} AND record_time < {end}"
    )


def staging_sql(events: str, hours: str) -> str:
    """The query of staging's rows, with ``asked``: whether the row is of the months and not of the time before.

    Args:
        events: name of a view of :func:`events_sql`, with zones.
        hours: name of a view of calendar hours with ``asked``; events of others are left out.
    """
    cents = [name for name in STAGING_COLUMNS if name.endswith("_cents")]
    columns: dict[str, str] = {
        **{name: f"e.{name}" for name in (*_AS_THEY_ARE, *cents, "zone_id", "end_zone_id", "started_at")},
        "hour": "e.hour",
        "hour_local": "h.hour_local",
        "quarter": f"{_COUNTS_AT_MS} % {_HOUR_MS} // {_HOUR_MS // 4}",
        "ended_at": "event_time",
        "seconds": f"{_LASTED_MS} // 1000",
        "passengers": PASSENGERS,
        "miles": "CASE WHEN isnan(trip_distance_miles) THEN NULL ELSE trip_distance_miles END",
        "within_bounds": KEPT,
        "marks": f"concat_ws(',', {', '.join(f'CASE WHEN {sql} THEN {name!r} END' for name, sql in MARKS.items())})",
        **{name: f"h.{name}" for name in FOLDERS},
    }
    selected = ", ".join(f"CAST({columns[name]} AS {sql}) AS {name}" for name, sql in STAGING_COLUMNS.items())
    return f"SELECT {selected}, h.asked FROM {events} e JOIN {hours} h USING (hour)"
