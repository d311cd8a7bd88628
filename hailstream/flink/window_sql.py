"""A windowed metric, compiled to Flink SQL.

All windows hang on the events' own time attribute and cascade by
``window_time``, so every stage of a window fires at one watermark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from hailstream.domain.millis import millis
from hailstream.rollup.packer import packed_column
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
    seconds, fraction = divmod(millis(duration), 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"INTERVAL '{day} {hour:02}:{minute:02}:{second:02}.{fraction:03}' DAY TO SECOND(3)"


def tally_function(metric: WindowedMetric) -> str:
    """Name of the function from a minute's packed events to a tally per zone."""
    return f"tally_{metric.name}"


def distinct_function(metric: WindowedMetric, measure: Measure) -> str:
    """Name of the function from the tallies of a window to the distinct values of ``measure``."""
    return f"distinct_{metric.name}_{measure.name}"


def compile_metric(metric: WindowedMetric, on_time: str, generation: int) -> MetricSql:
    """Compile ``metric`` over the view ``on_time`` of its packed, timely events.

    Args:
        metric: what to compute.
        on_time: view with event_time (time attribute) and the metric's packed
            column; duplicates are still in it.
        generation: of the definition, goes into each row.
    """
    minutes, tallies, counted, active, merged = (
        f"{metric.name}_{part}" for part in ("minutes", "tallies", "counted", "active", "merged")
    )
    views = (
        # Events wait packed until their minute closes; then a trip counts once,
        # however often its event came. State is gone when the minute closes.
        View(
            minutes,
            f"SELECT {tally_function(metric)}(packets) AS tallies, row_time FROM ("
            f"SELECT ARRAY_AGG({packed_column(metric)}) AS packets, window_time AS row_time"
            f" FROM TABLE(TUMBLE(TABLE {on_time}, DESCRIPTOR(event_time), {interval(MINUTE)}))"
            " GROUP BY window_start, window_end, window_time)",
        ),
        View(
            tallies,
            f"SELECT CAST(tally[1] AS INT) AS zone_id, {_comma(_slots(metric))}, tally, row_time"
            f" FROM {minutes} CROSS JOIN UNNEST(tallies) AS zone (tally)",
        ),
        View(counted, _counted(metric, tallies)),
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


def _slots(metric: WindowedMetric) -> Iterator[str]:
    """The numbers of a tally: they follow the zone, duplicates last."""
    for slot, name in enumerate(metric.numbers, start=2):
        yield f"tally[{slot}] AS `{name}`"


def _counted(metric: WindowedMetric, tallies: str) -> str:
    distinct = [measure for measure in metric.measures if measure.aggregate == "count_distinct"]
    added = [f"SUM(`{m.name}`) AS `{m.name}`" for m in metric.measures if m not in distinct]
    added += ["SUM(duplicates) AS duplicates", *(["ARRAY_AGG(tally) AS met"] if distinct else [])]
    hop = f"HOP(TABLE {tallies}, DESCRIPTOR(row_time), {interval(metric.slide)}, {interval(metric.size)})"
    windows = (
        f"SELECT zone_id, window_time AS row_time, {_comma(added)} FROM TABLE({hop})"
        " GROUP BY window_start, window_end, window_time, zone_id"
    )
    if not distinct:
        return windows
    numbers = (
        f"{distinct_function(metric, m)}(met) AS `{m.name}`" if m in distinct else f"`{m.name}`"
        for m in metric.measures
    )
    return f"SELECT zone_id, row_time, {_comma(numbers)}, duplicates FROM ({windows})"


def _branches(metric: WindowedMetric, counted: str, active: str) -> Iterator[str]:
    names = [f"`{name}`" for name in metric.numbers]
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
