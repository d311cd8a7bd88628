"""Windows by Spark are those of a recount by other means, row by row and to the cent."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest

from hailstream.archive.schema import polars_schema
from hailstream.proof.expected import RECOUNTS, Recount, recount
from hailstream.proof.log import zone_of_place
from hailstream.spark.event_sql import register_functions, window_events_sql
from hailstream.spark.window_sql import compile_metric
from hailstream.topics import TRIPS_ENDED
from hailstream.windows import METRICS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = 1_704_110_400_000  # 2024-01-01 12:00 UTC
HOURS = 4


def events(seed: int, count: int) -> pl.DataFrame:
    """Archived ends in the order of their times: copies, unknown places and amounts, values beyond every bound."""
    dice = random.Random(seed)

    def some(*values: Any) -> Any:
        return dice.choice(values)

    rows = []
    for number in range(count):
        # Not the last millisecond of a minute, which is its own watermark.
        time = NOON + dice.randrange(HOURS * 3600) * 1000 + dice.randrange(900)
        # Half of the zones are silent for long enough to be forgotten.
        zone = some(74, 75, None, 0, 266) if time % 5 else dice.randrange(1, 266)
        row = {
            "trip_id": f"trip {number}",
            "event_time": time,
            "started_at": time - some(0, 59_999, 60_000, 600_000, 28_800_000, 28_800_001, -5),
            "driver_id": some(None, "a", "b", f"driver {number % 40}"),
            "pickup_location_id": zone,
            "pickup_latitude": some(None, 40.7580, 40.6413, 0.0, float("nan")),
            "pickup_longitude": some(None, -73.9855, -73.7781),
            "passenger_count": some(None, 0, 1, 2, 9, 10),
            "trip_distance_miles": some(None, 0.0, 1.5, 100.0, 100.01, -1.0, float("nan")),
            "fare_cents": some(None, 0, 1250, 50_000, 50_001, -300),
            "tip_cents": some(None, 0, 255),
            "tolls_cents": some(None, 0, 612),
            "total_cents": some(None, 1575, -300, 9_999_999_999),
        }
        rows += [row] * some(1, 1, 1, 2)
        if dice.random() < 0.05:  # a copy that disagrees
            rows.append(row | {"fare_cents": 700, "driver_id": "c", "pickup_location_id": 43})
    rows.sort(key=lambda row: int(str(row["event_time"])))
    for offset, row in enumerate(rows):
        row_time = row["event_time"]
        rows[offset] = row | {"kafka_partition": 0, "kafka_offset": offset, "record_time": row_time, "kind": "event"}
    schema = polars_schema(TRIPS_ENDED)
    whole = [{name: row.get(name) for name in schema} for row in rows]
    times = [name for name, held in schema.items() if isinstance(held, pl.Datetime)]
    frame = pl.DataFrame(whole, schema={**schema, **dict.fromkeys(times, pl.Int64)}, orient="row")
    return frame.with_columns(pl.col(times).cast(pl.Datetime("ms")))


def recounted(frame: pl.DataFrame, how: Recount) -> pl.DataFrame:
    """The closed windows by DuckDB, from a log as the proof reads it."""
    log = frame.select(
        pl.col("kafka_partition").alias("partition"),
        pl.col("kafka_offset").alias("offset"),
        *(pl.col(name).cast(pl.Int64) for name in ("record_time", "event_time", "started_at")),
        pl.lit(True).alias("readable"),
        "trip_id",
        "driver_id",
        "passenger_count",
        pl.col("pickup_location_id").alias("location"),
        pl.col("pickup_latitude").alias("latitude"),
        pl.col("pickup_longitude").alias("longitude"),
        pl.col("trip_distance_miles").alias("distance"),
        pl.col("fare_cents").alias("fare"),
        pl.col("tip_cents").alias("tip"),
        pl.col("tolls_cents").alias("tolls"),
        pl.col("total_cents").alias("total"),
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        log = log.with_columns(zone_of_place(log, ""))
        connection.register("frame", log.to_arrow())
        connection.execute(f"CREATE TABLE {how.log} AS SELECT * FROM frame")
        recount(connection, how, disorder_ms=0, horizon_ms=None)
        return pl.DataFrame(connection.sql(f"SELECT * FROM {how.metric}_expected").to_arrow_table())


@pytest.mark.parametrize("how", RECOUNTS, ids=lambda how: how.metric)
def test_spark_counts_as_the_recount_does(spark: SparkSession, how: Recount) -> None:
    metric, frame = METRICS[how.metric], events(seed=5, count=4000)
    register_functions(spark)
    spark.createDataFrame(frame.to_arrow()).createOrReplaceTempView("records")
    spark.sql(window_events_sql(metric.columns, "records")).createOrReplaceTempView("window_events")
    found = pl.from_arrow(spark.sql(compile_metric(metric, "window_events")).toArrow())
    expected = recounted(frame, how)
    assert isinstance(found, pl.DataFrame)
    last = frame["event_time"].cast(pl.Int64).max()
    assert isinstance(last, int)
    closed = found.filter(pl.col("window_end") - 1 <= last)
    key = ["window_end", "zone_id"]
    same = expected.select(pl.all().cast(pl.Int64)).sort(key)
    assert same.height > 1000
    assert closed.select(pl.col(same.columns).cast(pl.Int64)).sort(key).equals(same)


@pytest.mark.parametrize("how", RECOUNTS, ids=lambda how: how.metric)
def test_a_trip_of_the_log_and_of_a_file_counts_once_and_is_no_duplicate(spark: SparkSession, how: Recount) -> None:
    metric, log = METRICS[how.metric], events(seed=6, count=200)
    register_functions(spark)
    places = pl.lit(None, pl.Int32).alias("kafka_partition"), pl.lit(None, pl.Int64).alias("kafka_offset")
    filed = log.with_columns(*places)
    found = []
    for frame in (log, filed, pl.concat([log, filed])):
        spark.createDataFrame(frame.to_arrow()).createOrReplaceTempView("records")
        spark.sql(window_events_sql(metric.columns, "records")).createOrReplaceTempView("window_events")
        rows = pl.from_arrow(spark.sql(compile_metric(metric, "window_events")).toArrow())
        assert isinstance(rows, pl.DataFrame)
        found.append(rows.sort("window_end", "zone_id"))
    assert found[0]["duplicates"].sum() > 0
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
