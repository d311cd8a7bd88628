"""A windowed metric, compiled to Flink SQL.

All windows hang on the events' own time attribute and cascade by
``window_time``, so every stage of a window fires at one watermark.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    firsts, counted, seen, active, merged = (
        f"{metric.name}_{part}" for part in ("firsts", "counted", "seen", "active", "merged")
    )
    hop = f"{interval(metric.slide)}, {interval(metric.size)}"
    views = (
        # The first of a trip in its minute, in the order of its partition. Equal
        # trip ids share a partition, so every run picks the same one. State is
        # gone when the minute closes.
        View(
            firsts,
            f"SELECT {_comma(['zone_id', *metric.columns])}, window_time AS row_time FROM ("
            "SELECT *, ROW_NUMBER() OVER"
            " (PARTITION BY window_start, window_end, trip_id ORDER BY event_time ASC) AS nth"
            f" FROM TABLE(TUMBLE(TABLE {on_time}, DESCRIPTOR(event_time), {interval(MINUTE)}))) WHERE nth = 1",
        ),
        View(
            counted,
            f"SELECT zone_id, window_time AS row_time, {_comma(_aggregates(metric.measures))}"
            f" FROM TABLE(HOP(TABLE {firsts}, DESCRIPTOR(row_time), {hop}))"
            " GROUP BY window_start, window_end, window_time, zone_id",
        ),
        # All events of the same windows, repeated ones too.
        View(
            seen,
            "SELECT zone_id, window_time AS row_time, COUNT(*) AS events"
            f" FROM TABLE(HOP(TABLE {on_time}, DESCRIPTOR(event_time), {hop}))"
            " GROUP BY window_start, window_end, window_time, zone_id",
        ),
        # A zone says zero after its last event: the rows of `seen` are counted
        # again in windows that reach back `active_for`, less the window itself.
        View(
            active,
            "SELECT zone_id, window_time AS row_time, SUM(events) AS events"
            f" FROM TABLE(HOP(TABLE {seen}, DESCRIPTOR(row_time), {interval(metric.slide)},"
            f" {interval(metric.active_for - metric.size + metric.slide)}))"
            " GROUP BY window_start, window_end, window_time, zone_id",
        ),
        View(merged, " UNION ALL ".join(_branches(metric, counted, seen, active))),
    )
    return MetricSql(views, _rows(metric, merged, generation))


def _aggregates(measures: tuple[Measure, ...]) -> Iterator[str]:
    for measure in measures:
        function = {
            "count": "COUNT(*)",
            "sum": f"COALESCE(SUM({measure.value}), 0)",
            "count_known": f"COUNT({measure.value})",
            "count_distinct": f"COUNT(DISTINCT {measure.value})",
        }[measure.aggregate]
        yield f"CAST({function} AS BIGINT) AS `{measure.name}`"


def _branches(metric: WindowedMetric, counted: str, seen: str, active: str) -> Iterator[str]:
    zero = "CAST(0 AS BIGINT)"
    names = [f"`{measure.name}`" for measure in metric.measures]
    zeros = [f"{zero} AS {name}" for name in names]
    yield f"SELECT zone_id, row_time, {_comma(names)}, {zero} AS events FROM {counted}"
    yield f"SELECT zone_id, row_time, {_comma(zeros)}, events FROM {seen}"
    yield f"SELECT zone_id, row_time, {_comma(zeros)}, {zero} AS events FROM {active}"


def _rows(metric: WindowedMetric, merged: str, generation: int) -> str:
    """One row per zone and window out of the branches, which meet in its last slide."""
    sums = [f"{_scaled(f'SUM(`{m.name}`)', m.scale)} AS `{m.name}`" for m in metric.measures]
    # Every counted trip is one event: what is left over was there before.
    first_count = next(m.name for m in metric.measures if m.aggregate == "count")
    return (
        f"SELECT zone_id, window_end - {interval(metric.size)} AS window_start, window_end, {_comma(sums)},"
        f" SUM(events) - SUM(`{first_count}`) AS duplicates, {generation} AS generation"
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


def _comma(parts: Iterator[str] | list[str]) -> str:
    return ", ".join(parts)
