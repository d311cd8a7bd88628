"""A windowed metric, compiled to Spark SQL.

What :mod:`hailstream.flink.window_sql` says in streams, said of all events at
once: late ones count where they belong. Times are ms since 1970, amounts are
integers in units of their last decimal place.
"""

from __future__ import annotations

from hailstream.domain.millis import millis
from hailstream.windows import Measure, WindowedMetric


def compile_metric(metric: WindowedMetric, events: str) -> str:
    """The query of a metric's rows: zone_id, window_start, window_end, its measures and duplicates.

    Args:
        metric: what to compute.
        events: name of a view of :func:`hailstream.spark.event_sql.window_events_sql`.
    """
    size, slide, active_for = (millis(span) for span in (metric.size, metric.slide, metric.active_for))
    # Of copies that disagree the smallest of each value counts.
    smallest = ", ".join(f"min(`{name}`) AS `{name}`" for name in metric.columns)
    sums = ", ".join(f"{_aggregate(measure)} AS `{measure.name}`" for measure in metric.measures)
    # Zeros follow each window that has events; where others have some too, they add nothing to them.
    counted = ", ".join(f"sum(CASE WHEN after = 0 THEN `{name}` ELSE 0 END) AS `{name}`" for name in metric.numbers)
    # A minute is in size / slide windows, of which the first ends at the next multiple of slide.
    first, last = f"minute - pmod(minute, {slide}) + {slide}", f"minute - pmod(minute, {slide}) + {size}"
    # A trip that the stream told and a file has too is no second copy.
    copies = "greatest(count_if(logged), count_if(NOT logged))"
    return f"""
WITH trips AS (
  SELECT minute, trip_id, min(zone_id) AS zone_id, {smallest}, {copies} AS copies
  FROM {events} GROUP BY minute, trip_id
), counted AS (
  SELECT zone_id, window_end, {sums}, sum(copies - 1) AS duplicates
  FROM (SELECT *, explode(sequence({first}, {last}, {slide})) AS window_end FROM trips)
  GROUP BY zone_id, window_end
)
SELECT zone_id, window_end + after - {size} AS window_start, window_end + after AS window_end, {counted}
FROM (SELECT *, explode(sequence(0L, {active_for - size}L, {slide}L)) AS after FROM counted)
GROUP BY zone_id, window_end + after"""


def _aggregate(measure: Measure) -> str:
    match measure.aggregate:
        case "count":
            return "count(*)"
        case "sum":
            return f"coalesce(sum({measure.value}), 0)"
        case "count_known":
            return f"count({measure.value})"
        case "count_distinct":
            return f"count(DISTINCT {measure.value})"
