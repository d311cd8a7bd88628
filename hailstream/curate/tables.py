"""The curated tables: a name, a key, and a query over these views.

- Those of :data:`hailstream.curate.sums.SUMS`, and ``shifts``; ``zone_hours`` has a week before the months too.
- ``hours``: the calendar of the months (:class:`hailstream.curate.calendar.Hour`), ``span``: as far as there are trips.
- ``zones``: number, name and borough. ``weather``: by hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hailstream.curate.measures import known, shown, sums


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


#: From the first hour of a month with a trip to its last one.
SPAN_SQL: Final = """
SELECT h.* FROM hours h JOIN (
  SELECT month, min(hour) AS first_hour, max(hour) AS last_hour FROM zone_hours JOIN hours USING (hour) GROUP BY month
) s ON h.month = s.month AND h.hour BETWEEN s.first_hour AND s.last_hour"""

_DAILY_SUMMARY: Final = f"""
WITH days AS (
  SELECT h.month, h.date, {sums()}, count(DISTINCT zone_id) AS zones
  FROM zone_hours JOIN hours h USING (hour) GROUP BY h.month, h.date
), peaks AS (
  SELECT date, first(hour_local ORDER BY count DESC, hour_local) AS peak_hour
  FROM (SELECT h.date, h.hour_local, sum("rows") AS count FROM zone_hours JOIN hours h USING (hour) GROUP BY ALL)
  GROUP BY date
), drivers AS (
  SELECT date, count(*) AS drivers FROM driven GROUP BY date
), lengths AS (
  SELECT date, count(*) AS hours FROM hours GROUP BY date
)
SELECT month, date, {shown()}, coalesce(drivers, 0) AS drivers, zones, peak_hour, hours
FROM days JOIN peaks USING (date) JOIN lengths USING (date) LEFT JOIN drivers USING (date)"""

_HOURLY_PATTERNS: Final = f"""
WITH slots AS (
  SELECT month, weekday, hour_local, count(*) AS hours FROM span GROUP BY ALL
), found AS (
  SELECT month, weekday, hour_local, {sums()} FROM zone_hours JOIN hours USING (hour) GROUP BY ALL
)
SELECT s.month, s.weekday, s.hour_local, s.hours, {{shown}}
FROM (SELECT s.month, s.weekday, s.hour_local, s.hours, {known("f")}
      FROM slots s LEFT JOIN found f USING (month, weekday, hour_local)) s""".replace("{shown}", shown())

_PAYMENT_ANALYSIS: Final = f"SELECT month, date, payment_type, {shown()}, tipped FROM payments"
_DISTANCE_ANALYSIS: Final = f"SELECT month, date, band, {shown()} FROM bands"
_LOCATION_ANALYSIS: Final = f"SELECT month, zone_id, end_zone_id, {shown()} FROM routes"

_DAILY_ZONES: Final = f"""
WITH begun AS (
  SELECT h.month, h.date, zone_id, {sums()} FROM zone_hours JOIN hours h USING (hour) GROUP BY ALL
), arrived AS (
  SELECT month, date, end_zone_id AS zone_id, dropoffs FROM ended
)
SELECT month, date, zone_id, z.zone, z.borough, {{shown}}, dropoffs
FROM (SELECT month, date, zone_id, {known("b")}, coalesce(dropoffs, 0) AS dropoffs
      FROM begun b FULL OUTER JOIN arrived USING (month, date, zone_id))
JOIN zones z USING (zone_id)""".replace("{shown}", shown())

BASIC_TABLES: Final = (
    Table("daily_summary", ("date",), _DAILY_SUMMARY),
    Table("hourly_patterns", ("weekday", "hour_local"), _HOURLY_PATTERNS),
    Table("payment_analysis", ("date", "payment_type"), _PAYMENT_ANALYSIS),
    Table("distance_analysis", ("date", "band"), _DISTANCE_ANALYSIS),
    Table("location_analysis", ("zone_id", "end_zone_id"), _LOCATION_ANALYSIS),
    Table("daily_zone_aggregations", ("date", "zone_id"), _DAILY_ZONES),
)
