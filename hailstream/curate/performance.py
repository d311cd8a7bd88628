"""How well vendors, drivers and zones do: what trips earn in an hour, and a score of it.

The score is what an hour earns, fare and tip, in hundredths of what an hour of
the whole month earns: 100 is as all others. Of vendors and zones hours with a
passenger count. Of drivers all hours of their shifts do, so that it is their
earnings with a passenger times their utilisation, the share of a shift with
one, by which the TLC judges too (Rules of the City of New York, title 35,
section 59B-24). A shift ends with a gap of more than six hours (H. S. Farber,
"Why You Can't Find a Taxi in the Rain", Quarterly Journal of Economics 130(4), 2015).
"""

from __future__ import annotations

from typing import Final

from hailstream.curate.measures import decimal, shown, sums
from hailstream.curate.tables import Table

#: A longer gap between trips ends a driver's shift.
SHIFT_GAP_HOURS: Final = 6

_EARNED: Final = "(fare_cents + tip_cents)"


def _hourly(seconds: str) -> str:
    """What an hour earns, to the cent; null without time."""
    cents = f"CAST(round({_EARNED} * 3600D / nullif({seconds}, 0)) AS BIGINT)"
    return f"{decimal(cents, 2)} AS hourly"


def _score(seconds: str) -> str:
    own = f"{_EARNED} / nullif({seconds}, 0)"
    everyone = f"sum({_EARNED}) OVER (PARTITION BY month) / nullif(sum({seconds}) OVER (PARTITION BY month), 0)"
    return f"round(100D * ({own}) / nullif({everyone}, 0), 1) AS score"


_VENDORS: Final = f"""
SELECT month, vendor_id, {shown()}, {_hourly("seconds")}, {_score("seconds")}
FROM (SELECT month, vendor_id, {sums()} FROM trips GROUP BY month, vendor_id)"""

_DRIVERS: Final = f"""
WITH told AS (
  SELECT *, unix_seconds(started_at) AS began, unix_seconds(ended_at) AS ended
  FROM trips WHERE driver_id IS NOT NULL
), marked AS (
  SELECT month, driver_id, began, ended, max(ended) OVER (
           PARTITION BY month, driver_id ORDER BY began, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
         ) AS before
  FROM told WHERE within_bounds
), shifts AS (
  SELECT month, driver_id, count_if(begins) AS shifts,
         sum(CASE WHEN begins THEN ended - began ELSE greatest(ended - before, 0L) END) AS shift_seconds
  FROM (SELECT *, NOT coalesce(began - before <= {SHIFT_GAP_HOURS * 3600}, false) AS begins FROM marked)
  GROUP BY month, driver_id
), summed AS (
  SELECT month, driver_id, {sums()} FROM told GROUP BY month, driver_id
)
SELECT month, driver_id, {shown()}, coalesce(shifts, 0L) AS shifts, coalesce(shift_seconds, 0L) AS shift_seconds,
       round(least(1D, seconds / nullif(shift_seconds, 0)), 4) AS utilisation,
       {_hourly("shift_seconds")}, {_score("shift_seconds")}
FROM summed LEFT JOIN shifts USING (month, driver_id)"""

_ZONES: Final = f"""
WITH begun AS (
  SELECT h.month, zone_id, {sums(again=True)}, count(*) AS active_hours,
         max_by(hour_local, struct(`rows`, -hour_local, -hour)) AS peak_hour
  FROM zone_hours JOIN hours h USING (hour) GROUP BY h.month, zone_id
), ended AS (
  SELECT month, end_zone_id AS zone_id, count(*) AS dropoffs FROM trips GROUP BY ALL
)
SELECT month, zone_id, z.zone, z.borough, {shown()}, coalesce(dropoffs, 0L) AS dropoffs, active_hours, peak_hour,
       round(100D * `rows` / sum(`rows`) OVER (PARTITION BY month), 3) AS share_percent,
       {_hourly("seconds")}, {_score("seconds")}
FROM begun LEFT JOIN ended USING (month, zone_id) JOIN zones z USING (zone_id)"""

PERFORMANCE_TABLES: Final = (
    Table("vendor_performance", ("vendor_id",), _VENDORS),
    Table("driver_performance", ("driver_id",), _DRIVERS),
    Table("zone_performance", ("zone_id",), _ZONES),
)
