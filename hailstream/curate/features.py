"""Hours with their weather, and features of demand for models: lags, rolling means, calendar, weather."""

from __future__ import annotations

from typing import Final

from hailstream.curate.calendar import LAGS, MEANS
from hailstream.curate.measures import known, shown, sums
from hailstream.curate.tables import Table
from hailstream.weather.hourly import COLUMNS

DEMAND_FEATURES: Final = "demand_features"
#: So many hours after its last trip a zone has no rows any more, as it has no forecast then.
ACTIVE_HOURS: Final = 24
_WEATHER: Final = ", ".join(f"w.{name}" for name in COLUMNS)

_TRIP_WEATHER: Final = f"""
WITH city AS (
  SELECT hour, {sums()} FROM zone_hours GROUP BY hour
)
SELECT h.month, make_timestamp(h.hour * 3600000000) AS hour_start, h.date, h.hour_local, h.weekend,
       {{shown}}, {", ".join(f"h.{name}" for name in COLUMNS)}
FROM (SELECT h.month, h.hour, h.date, h.hour_local, h.weekend, {known("c")}, {_WEATHER}
      FROM span h LEFT JOIN city c USING (hour) LEFT JOIN weather w USING (hour)) h""".replace("{shown}", shown())


def _before(hours: int) -> str:
    """Trips of all hours of the zone that are more than so many hours back."""
    return (
        "sum(trips) OVER (PARTITION BY zone_id ORDER BY hour"
        f" RANGE BETWEEN UNBOUNDED PRECEDING AND {hours + 1} PRECEDING)"
    )


def _rolling(hours: int, back: int = 0) -> str:
    """Trips of the ``hours`` that end ``back`` hours before, as the difference of two sums from the begin on."""
    return f"CAST(coalesce({_before(back)}, 0) - coalesce({_before(back + hours)}, 0) AS BIGINT)"


_LAGS: Final = ", ".join(f"CASE WHEN h.seen_back >= {lag} THEN back_{lag} END AS lag_{lag}" for lag in LAGS)
_MEANS: Final = ", ".join(
    f"CASE WHEN h.seen_back >= {span} THEN round(sum_{span} / {span}, 4) END AS mean_{span}" for span in MEANS
)
#: Rows of silence are put between those of trips; where a zone is silent for longer, rows stop until its next trip.
_FEATURES: Final = f"""
WITH gaps AS (
  SELECT zone_id, hour, "rows" AS trips, quarter_0, quarter_1, quarter_2, quarter_3,
         lead(hour) OVER (PARTITION BY zone_id ORDER BY hour) AS following
  FROM zone_hours
), filled AS (
  SELECT zone_id, e.hour, CASE WHEN e.hour = g.hour THEN trips ELSE 0 END AS trips,
         CASE WHEN e.hour = g.hour THEN [quarter_0, quarter_1, quarter_2, quarter_3]
              ELSE [0, 0, 0, 0] END AS quarter_trips
  FROM gaps g, unnest(generate_series(
    hour, least(hour + {ACTIVE_HOURS}, coalesce(following - 1, hour + {ACTIVE_HOURS}), {{last}}))) AS e(hour)
), counted AS (
  SELECT zone_id, hour, trips, quarter_trips,
         {", ".join(f"{_rolling(1, lag - 1)} AS back_{lag}" for lag in LAGS)},
         {", ".join(f"{_rolling(span)} AS sum_{span}" for span in MEANS)}
  FROM filled
)
SELECT h.month, make_timestamp(h.hour * 3600000000) AS hour_start, c.zone_id, h.date, h.hour_local, h.weekday,
       h.weekend, h.holiday, c.trips, c.quarter_trips, {_LAGS}, {_MEANS}, {_WEATHER}
FROM counted c JOIN hours h USING (hour) LEFT JOIN weather w USING (hour)"""


def feature_tables(last_hour: int) -> tuple[Table, ...]:
    """Tables by hour; after ``last_hour``, the last one of the archive with a trip, nothing is known."""
    return (
        Table("trip_weather", ("hour_start",), _TRIP_WEATHER),
        Table(DEMAND_FEATURES, ("zone_id", "hour_start"), _FEATURES.replace("{last}", str(last_hour))),
    )
