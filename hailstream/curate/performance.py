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

from hailstream.curate.measures import decimal, shown, sums, total
from hailstream.curate.tables import Table

_EARNED: Final = "(fare_cents + tip_cents)"


def _hourly(seconds: str) -> str:
    """What an hour earns, to the cent; null without time."""
    cents = f"CAST(round(CAST({_EARNED} AS DOUBLE) * 3600 / nullif({seconds}, 0)) AS BIGINT)"
    return f"{decimal(cents, 2)} AS hourly"


def _score(seconds: str) -> str:
    own = f"{_EARNED} / nullif({seconds}, 0)"
    everyone = f"sum({_EARNED}) OVER (PARTITION BY month) / nullif(sum({seconds}) OVER (PARTITION BY month), 0)"
    return f"round(100 * ({own}) / nullif({everyone}, 0), 1) AS score"


_VENDORS: Final = f"""
SELECT month, vendor_id, {shown()}, {_hourly("seconds")}, {_score("seconds")}
FROM vendors"""

_DRIVERS: Final = f"""
WITH worked AS (
  SELECT month, driver_id, count(*) AS shifts, {total("lasted")} AS shift_seconds
  FROM (SELECT month, driver_id, ended - began AS lasted FROM shifts) GROUP BY month, driver_id
)
SELECT month, driver_id, {shown()}, coalesce(shifts, 0) AS shifts, coalesce(shift_seconds, 0) AS shift_seconds,
       round(least(1, seconds / nullif(shift_seconds, 0)), 4) AS utilisation,
       {_hourly("shift_seconds")}, {_score("shift_seconds")}
FROM drivers LEFT JOIN worked USING (month, driver_id)"""

_ZONES: Final = f"""
WITH begun AS (
  SELECT h.month, zone_id, {sums()}, count(*) AS active_hours,
         first(hour_local ORDER BY "rows" DESC, hour_local) AS peak_hour
  FROM zone_hours JOIN hours h USING (hour) GROUP BY h.month, zone_id
), arrived AS (
  SELECT month, end_zone_id AS zone_id, {total("dropoffs")} AS dropoffs FROM ended GROUP BY ALL
)
SELECT month, zone_id, z.zone, z.borough, {shown()}, coalesce(dropoffs, 0) AS dropoffs, active_hours, peak_hour,
       round(100 * "rows" / sum("rows") OVER (PARTITION BY month), 3) AS share_percent,
       {_hourly("seconds")}, {_score("seconds")}
FROM begun LEFT JOIN arrived USING (month, zone_id) JOIN zones z USING (zone_id)"""

PERFORMANCE_TABLES: Final = (
    Table("vendor_performance", ("vendor_id",), _VENDORS),
    Table("driver_performance", ("driver_id",), _DRIVERS),
    Table("zone_performance", ("zone_id",), _ZONES),
)
