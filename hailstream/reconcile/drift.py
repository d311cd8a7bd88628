"""What the stream said of windows, held against what the archive gives, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.settings import Settings
from hailstream.windows import WindowedMetric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Why a row differs. The first that holds is told.
RULE_VERSION: Final = "rule version"
LATE_ROWS: Final = "late rows"
NOT_SAID: Final = "not said"
DUPLICATE: Final = "duplicate"
UNEXPLAINED: Final = "unexplained"
REASONS: Final = (RULE_VERSION, LATE_ROWS, NOT_SAID, DUPLICATE, UNEXPLAINED)

KEY: Final = ("zone_id", "window_start", "window_end")
_DAY: Final = timedelta(days=1)


def found_rows(
    spark: SparkSession, metric: WindowedMetric, settings: Settings, begin: datetime, end: datetime
) -> DataFrame:
    """The rows that ClickHouse has of windows that end in (begin, end]; amounts as integers, and ``generation``.

    Raises:
        HailstreamError: inside the tasks, where ClickHouse cannot be reached.
    """
    columns = [f"toInt64({m.name} * {10**m.scale}) AS {m.name}" for m in metric.measures]
    query = (
        "SELECT toInt32(zone_id) AS zone_id, toUnixTimestamp64Milli(window_start) AS window_start,"
        f" toUnixTimestamp64Milli(window_end) AS window_end, {', '.join(columns)},"
        f" toInt64(duplicates) AS duplicates, toInt32(generation) AS generation FROM {metric.name} AS said"
        # Not the columns that are selected under the same names.
        " WHERE said.window_start >= fromUnixTimestamp64Milli({begin:Int64})"
        " AND said.window_start < fromUnixTimestamp64Milli({end:Int64})"
    )
    longs = [*KEY[1:], *metric.numbers]
    schema = pa.schema([("zone_id", pa.int32()), *((name, pa.int64()) for name in longs), ("generation", pa.int32())])

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with reachable(settings, database=settings.database) as client:
            for batch in batches:
                for span in batch.to_pylist():
                    yield from client.query_arrow(query, span).select(schema.names).cast(schema).to_batches()

    # Windows that end in (begin, end] start in (begin - size, end - size].
    first, last = (moment - metric.size + timedelta(milliseconds=1) for moment in (begin, end))
    spans = []
    while first < last:
        until = min(first + _DAY, last)
        spans.append((_ms(first), _ms(until)))
        first = until
    days = spark.createDataFrame(spans, "begin long, end long").repartition(max(len(spans), 1))
    sql = f"zone_id int, {', '.join(f'{name} long' for name in longs)}, generation int"
    return days.mapInArrow(read, sql)


def late_minutes(
    spark: SparkSession, metric: WindowedMetric, settings: Settings, begin: datetime, end: datetime
) -> DataFrame:
    """Zones and minutes (ms) of the events between two moments that came too late for a metric, and how many."""
    query = (
        "SELECT toInt32(zone_id) AS zone_id,"
        " intDiv(toUnixTimestamp64Milli(event_time), 60000) * 60000 AS minute, toInt64(count()) AS rows"
        " FROM late WHERE metric = {metric:String} AND event_time >= fromUnixTimestamp64Milli({begin:Int64})"
        " AND event_time < fromUnixTimestamp64Milli({end:Int64}) GROUP BY zone_id, minute"
    )
    asked = {"metric": metric.name, "begin": _ms(begin), "end": _ms(end)}
    with reachable(settings, database=settings.database) as client:
        rows = client.query(query, asked).result_rows
    return spark.createDataFrame(rows, "zone_id int, minute long, late_rows long")


def drift(metric: WindowedMetric, truth: DataFrame, found: DataFrame, late: DataFrame, generation: int) -> DataFrame:
    """The rows that differ: key, ``kind``, ``reason``, and each number as ``name`` (true) and ``name_found``.

    Args:
        truth: of :mod:`hailstream.spark.window_sql`.
        found: of :func:`found_rows`.
        late: of :func:`late_minutes`.
        generation: of the definition that ``truth`` was computed by.
    """
    from pyspark.sql import functions as f

    names = metric.numbers
    said = found.select(*KEY, *(f.col(name).alias(f"{name}_found") for name in names), "generation")
    joined = truth.withColumn("there", f.lit(True)).join(said.withColumn("said", f.lit(True)), list(KEY), "full_outer")
    same = f.lit(True)
    for name in names:
        same &= f.col(name) == f.col(f"{name}_found")
    differing = joined.where(~f.coalesce(same, f.lit(False)))
    # A late event counts in the windows over its minute, and makes its zone have rows for an hour.
    span = _millis(metric.active_for)
    slide = _millis(metric.slide)
    first = f.expr(f"minute - pmod(minute, {slide}) + {slide}")
    touched = (
        late.select(
            "zone_id", "late_rows", f.explode(f.sequence(first, first + span - slide, f.lit(slide))).alias("end")
        )
        .groupBy("zone_id", f.col("end").alias("window_end"))
        .agg(f.sum("late_rows").alias("late_rows"))
    )
    only_copies = f.lit(True)
    for name in names[:-1]:
        only_copies &= f.col(name) == f.col(f"{name}_found")
    kind = f.when(f.col("said").isNull(), "missing").when(f.col("there").isNull(), "extra").otherwise("different")
    reason = (
        f.when(f.col("generation") != generation, RULE_VERSION)
        .when(f.col("late_rows") > 0, LATE_ROWS)
        .when(f.col("said").isNull(), NOT_SAID)
        .when(only_copies, DUPLICATE)
        .otherwise(UNEXPLAINED)
    )
    return differing.join(touched, ["zone_id", "window_end"], "left").select(
        *KEY, kind.alias("kind"), reason.alias("reason"), *names, *(f"{name}_found" for name in names)
    )


def _ms(moment: datetime) -> int:
    return _millis(moment - datetime(1970, 1, 1, tzinfo=UTC))


def _millis(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
