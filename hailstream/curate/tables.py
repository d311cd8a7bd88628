"""The curated tables: a name, a key, and a query over these views.

- ``trips``: rows of staging.
- ``zone_hours``: by zone and hour the measures, and how many began in each quarter; a week before the months too.
- ``hours``: the calendar of the months (:class:`hailstream.curate.calendar.Hour`), ``span``: as far as there are trips.
- ``zones``: number, name and borough. ``weather``: by hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hailstream.curate.measures import known, shown, sums
from hailstream.domain.rules import BOUNDS


@dataclass(frozen=True)
class Table:
    """A curated table.

    Attributes:
        key: columns that tell its rows apart, beside ``month``; rows are in their order.
        sql: query of its rows.
    """

    name: str
    key: tuple[str, ...]
    sql: str


ZONE_HOURS_SQL: Final = f"""
SELECT hour, zone_id, {sums()},
       {", ".join(f"count_if(quarter = {number}) AS quarter_{number}" for number in range(4))}
FROM {{trips}} GROUP BY hour, zone_id"""

#: From the first hour of a month with a trip to its last one.
SPAN_SQL: Final = """
SELECT h.* FROM hours h JOIN (
  SELECT month, min(hour) AS first, max(hour) AS last FROM zone_hours JOIN hours USING (hour) GROUP BY month
) s ON h.month = s.month AND h.hour BETWEEN s.first AND s.last"""

_DAILY_SUMMARY: Final = f"""
WITH days AS (
  SELECT h.month, h.date, {sums(again=True)}, count(DISTINCT zone_id) AS zones
  FROM zone_hours JOIN hours h USING (hour) GROUP BY h.month, h.date
), peaks AS (
  SELECT date, max_by(hour_local, struct(count, -hour_local)) AS peak_hour
  FROM (SELECT h.date, h.hour_local, sum(`rows`) AS count FROM zone_hours JOIN hours h USING (hour) GROUP BY ALL)
  GROUP BY date
), drivers AS (
  SELECT date, count(DISTINCT driver_id) AS drivers FROM trips WHERE driver_id IS NOT NULL GROUP BY date
), lengths AS (
  SELECT date, count(*) AS hours FROM hours GROUP BY date
)
SELECT month, date, {shown()}, coalesce(drivers, 0L) AS drivers, zones, peak_hour, hours
FROM days JOIN peaks USING (date) JOIN lengths USING (date) LEFT JOIN drivers USING (date)"""

_HOURLY_PATTERNS: Final = f"""
WITH slots AS (
  SELECT month, weekday, hour_local, count(*) AS hours FROM span GROUP BY ALL
), found AS (
  SELECT month, weekday, hour_local, {sums(again=True)} FROM zone_hours JOIN hours USING (hour) GROUP BY ALL
)
SELECT s.month, s.weekday, s.hour_local, s.hours, {{shown}}
FROM (SELECT s.month, s.weekday, s.hour_local, s.hours, {known("f")}
      FROM slots s LEFT JOIN found f USING (month, weekday, hour_local)) s""".replace("{shown}", shown())

_PAYMENT_ANALYSIS: Final = f"""
SELECT month, date, payment_type, {shown()}, tipped
FROM (SELECT month, date, payment_type, {sums()}, count_if(within_bounds AND tip_cents > 0) AS tipped
      FROM trips GROUP BY month, date, payment_type)"""

#: Upper ends of the bands of distance in miles; a band has its lower end and not its upper one.
BANDS: Final = (1, 2, 3, 5, 10, 20)


def _band() -> str:
    lows = (0, *BANDS)
    last, most = BANDS[-1], int(BOUNDS.distance.high)
    cases = "".join(f" WHEN miles < {high} THEN '{low}-{high}'" for low, high in zip(lows, BANDS, strict=False))
    return (
        f"CASE WHEN miles IS NULL THEN 'unknown' WHEN miles < 0 OR miles > {most} THEN 'outside'"
        f"{cases} ELSE '{last}-{most}' END"
    )


_DISTANCE_ANALYSIS: Final = f"""
SELECT month, date, band, {shown()}
FROM (SELECT month, date, {_band()} AS band, {sums()} FROM trips GROUP BY month, date, {_band()})"""

_LOCATION_ANALYSIS: Final = f"""
SELECT month, zone_id, end_zone_id, {shown()}
FROM (SELECT month, zone_id, end_zone_id, {sums()} FROM trips GROUP BY month, zone_id, end_zone_id)"""

_DAILY_ZONES: Final = f"""
WITH begun AS (
  SELECT h.month, h.date, zone_id, {sums(again=True)} FROM zone_hours JOIN hours h USING (hour) GROUP BY ALL
), ended AS (
  SELECT month, date, end_zone_id AS zone_id, count(*) AS dropoffs FROM trips GROUP BY ALL
)
SELECT month, date, zone_id, z.zone, z.borough, {{shown}}, dropoffs
FROM (SELECT month, date, zone_id, {known("b")}, coalesce(dropoffs, 0L) AS dropoffs
      FROM begun b FULL OUTER JOIN ended USING (month, date, zone_id))
JOIN zones z USING (zone_id)""".replace("{shown}", shown())

BASIC_TABLES: Final = (
    Table("daily_summary", ("date",), _DAILY_SUMMARY),
    Table("hourly_patterns", ("weekday", "hour_local"), _HOURLY_PATTERNS),
    Table("payment_analysis", ("date", "payment_type"), _PAYMENT_ANALYSIS),
    Table("distance_analysis", ("date", "band"), _DISTANCE_ANALYSIS),
    Table("location_analysis", ("zone_id", "end_zone_id"), _LOCATION_ANALYSIS),
    Table("daily_zone_aggregations", ("date", "zone_id"), _DAILY_ZONES),
)
