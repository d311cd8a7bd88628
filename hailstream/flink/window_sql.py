"""A windowed metric, compiled to Flink SQL.

All windows hang on the events' own time attribute and cascade by
``window_time``, so every stage of a window fires at one watermark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hailstream.windows import MINUTE, Measure, WindowedMetric


@dataclass(frozen=True)
class View:
    """A temporary view: its name and the query behind it."""

    name: str
    query: str


@dataclass(frozen=True)
class MetricSql:
    """The views of a metric, in the order to create them, and the query of its rows."""

    views: tuple[View, ...]
    rows: str


def interval(duration: timedelta) -> str:
    """A Flink SQL interval literal with millisecond precision, up to 99 days."""
    milliseconds = duration // timedelta(milliseconds=1)
    seconds, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"INTERVAL '{day} {hour:02}:{minute:02}:{second:02}.{fraction:03}' DAY TO SECOND(3)"


def compile_metric(metric: WindowedMetric, on_time: str, generation: int) -> MetricSql:
    """Compile ``metric`` over the view ``on_time`` of its decoded, timely events.

    Args:
        metric: what to compute.
        on_time: view with zone_id, trip_id, event_time (time attribute) and the
            columns the measures read; duplicates are still in it.
        generation: of the definition, goes into each row.
    """
    trips, counted, active, merged = (f"{metric.name}_{part}" for part in ("trips", "counted", "active", "merged"))
    smallest = (f"MIN({column}) AS {column}" for column in metric.columns)
    views = (
        # A trip once, however often its event came in its minute. Of copies that
        # disagree the smallest of each value counts: which came first would
        # depend on how partitions race. State is gone when the minute closes.
        View(
            trips,
            f"SELECT MIN(zone_id) AS zone_id, {_comma(smallest)}, COUNT(*) AS copies, window_time AS row_time"
            f" FROM TABLE(TUMBLE(TABLE {on_time}, DESCRIPTOR(event_time), {interval(MINUTE)}))"
            " GROUP BY window_start, window_end, window_time, trip_id",
        ),
        View(
            counted,
            f"SELECT zone_id, window_time AS row_time, {_comma(_aggregates(metric.measures))}"
            f" FROM TABLE(HOP(TABLE {trips}, DESCRIPTOR(row_time), {interval(metric.slide)}, {interval(metric.size)}))"
            " GROUP BY window_start, window_end, window_time, zone_id",
        ),
        # A zone says zero after its last event: the rows of `counted` are counted
        # again in windows that reach back `active_for`, less the window itself.
        View(
            active,
            "SELECT zone_id, window_time AS row_time, COUNT(*) AS times"
            f" FROM TABLE(HOP(TABLE {counted}, DESCRIPTOR(row_time), {interval(metric.slide)},"
            f" {interval(metric.active_for - metric.size + metric.slide)}))"
            " GROUP BY window_start, window_end, window_time, zone_id",
        ),
        View(merged, " UNION ALL ".join(_branches(metric, counted, active))),
    )
    return MetricSql(views, _rows(metric, merged, generation))


def _aggregates(measures: Sequence[Measure]) -> Iterator[str]:
    for measure in measures:
        function = {
            "count": "COUNT(*)",
            "sum": f"COALESCE(SUM({measure.value}), 0)",
            "count_known": f"COUNT({measure.value})",
            "count_distinct": f"COUNT(DISTINCT {measure.value})",
        }[measure.aggregate]
        yield f"CAST({function} AS BIGINT) AS `{measure.name}`"
    yield "SUM(copies) - COUNT(*) AS duplicates"


def _branches(metric: WindowedMetric, counted: str, active: str) -> Iterator[str]:
    names = [f"`{name}`" for name in (*(m.name for m in metric.measures), "duplicates")]
    yield f"SELECT zone_id, row_time, {_comma(names)} FROM {counted}"
    yield f"SELECT zone_id, row_time, {_comma(f'CAST(0 AS BIGINT) AS {name}' for name in names)} FROM {active}"


def _rows(metric: WindowedMetric, merged: str, generation: int) -> str:
    """One row per zone and window out of the branches, which meet in its last slide."""
    sums = (f"{_scaled(f'SUM(`{m.name}`)', m.scale)} AS `{m.name}`" for m in metric.measures)
    return (
        f"SELECT zone_id, window_end - {interval(metric.size)} AS window_start, window_end, {_comma(sums)},"
        f" SUM(duplicates) AS duplicates, {generation} AS generation"
        f" FROM TABLE(TUMBLE(TABLE {merged}, DESCRIPTOR(row_time), {interval(metric.slide)}))"
        " GROUP BY window_start, window_end, zone_id"
    )


def _scaled(total: str, scale: int) -> str:
    """An integer in units of 10^-scale as an exact decimal; overflow would be null, so digits are ample."""
    if scale == 0:
        return total
    digits = {2: 18, 4: 22}[scale]
    unit = f"CAST({10**-scale:.{scale}f} AS DECIMAL({scale + 1}, {scale}))"
    return f"CAST(CAST({total} AS DECIMAL(19, 0)) * {unit} AS DECIMAL({digits}, {scale}))"


def _comma(parts: Iterable[str]) -> str:
    return ", ".join(parts)
