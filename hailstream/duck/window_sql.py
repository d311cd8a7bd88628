"""A windowed metric, compiled to DuckDB's SQL.

What :mod:`hailstream.flink.window_sql` says in streams, said of all events at
once: late ones count where they belong. Times are ms since 1970, amounts are
integers in units of their last decimal place.

A window is made of panes as long as its slide: events are summed up by pane
first, of which there are fewer, and a pane is in size / slide windows.
"""

from __future__ import annotations

from hailstream.domain.millis import millis
from hailstream.windows import Measure, WindowedMetric


def compile_metric(metric: WindowedMetric, events: str) -> str:
    """The query of a metric's rows: zone_id, window_start, window_end, its measures and duplicates.

    Args:
        metric: what to compute.
        events: name of a view of :func:`hailstream.duck.event_sql.window_events_sql`.
    """
    size, slide, active_for = (millis(span) for span in (metric.size, metric.slide, metric.active_for))
    overlap = size // slide
    # Of copies that disagree the smallest of each value counts.
    smallest = ", ".join(f'min("{name}") AS "{name}"' for name in metric.columns)
    # A trip that the stream told and a file has too is no second copy.
    copies = "greatest(count(*) FILTER (logged), count(*) FILTER (NOT logged))"
    seen = "".join(f', {_windows_seen_in(m, slide, overlap)} AS "{m.name}"' for m in metric.measures if _distinct(m))
    parts = ", ".join(f'{_of_pane(measure, overlap)} AS "{measure.name}"' for measure in metric.measures)
    sums = ", ".join(f'sum({_of_window(measure)}) AS "{measure.name}"' for measure in metric.measures)
    # Zeros follow each window that has events, up to the next one that has some.
    counted = ", ".join(
        f'CAST(CASE WHEN after = 0 THEN "{name}" ELSE 0 END AS BIGINT) AS "{name}"' for name in metric.numbers
    )
    zeros = active_for - size
    return f"""
WITH trips AS (
  SELECT minute, minute - pmod(minute, {slide}) AS pane, trip_id, min(zone_id) AS zone_id, {smallest},
         {copies} AS copies
  FROM {events} GROUP BY minute, trip_id
), panes AS (
  SELECT zone_id, pane, {parts}, sum(copies - 1) AS duplicates
  FROM (SELECT *{seen} FROM trips) GROUP BY zone_id, pane
), counted AS (
  SELECT zone_id, pane + {slide} * nth AS window_end, {sums}, sum(duplicates) AS duplicates
  FROM (SELECT *, unnest(range(1, {overlap + 1})) AS nth FROM panes)
  GROUP BY zone_id, window_end
), followed AS (
  SELECT *, lead(window_end) OVER (PARTITION BY zone_id ORDER BY window_end) - window_end AS following FROM counted
)
SELECT zone_id, window_end + after - {size} AS window_start, window_end + after AS window_end, {counted}
FROM (SELECT *, unnest(range(0, least({zeros}, coalesce(following - {slide}, {zeros})) + 1, {slide})) AS after
      FROM followed)"""


def _distinct(measure: Measure) -> bool:
    return measure.aggregate == "count_distinct"


def _windows_seen_in(measure: Measure, slide: int, overlap: int) -> str:
    """In how many of a pane's windows, the first ones, this is the last that is seen of a value: 0 for a null.

    A value counts once in a window: where it is seen last. Those that end before the
    pane in which it is seen next do not reach that one.
    """
    following = f"lead(pane) OVER (PARTITION BY zone_id, {measure.value} ORDER BY pane)"
    return (
        f"CASE WHEN {measure.value} IS NULL THEN 0"
        f" ELSE least(coalesce(({following} - pane) // {slide}, {overlap}), {overlap}) END"
    )


def _of_pane(measure: Measure, overlap: int) -> str:
    """The part of a number that a pane adds to its windows; of distinct values one for each window."""
    match measure.aggregate:
        case "count":
            return "count(*)"
        case "sum":
            return f"coalesce(sum({measure.value}), 0)"
        case "count_known":
            return f"count({measure.value})"
        case "count_distinct":
            seen = (f'count(*) FILTER ("{measure.name}" >= {nth + 1})' for nth in range(overlap))
            return f"[{', '.join(seen)}]"


def _of_window(measure: Measure) -> str:
    return f'"{measure.name}"[nth]' if _distinct(measure) else f'"{measure.name}"'
