"""Windows of batch jobs are those of the proof's recount, row by row and to the cent, however they are divided."""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from hailstream.domain.millis import from_ms, to_ms
from hailstream.duck.database import open_database
from hailstream.proof.expected import RECOUNTS, Recount, recount
from hailstream.proof.log import zone_of_place
from hailstream.reconcile.windows import WindowTable
from hailstream.settings import Settings
from hailstream.windows import METRICS, WindowedMetric
from tests.unit.duck.ends import HOURS, NOON, events


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


def computed(frame: pl.DataFrame, metric: WindowedMetric) -> pl.DataFrame:
    """All windows that batch jobs make of archived events, in order."""
    again = WindowTable(metric)
    return _rows(again, again.events(frame.select(again.columns).to_arrow(), Settings()))


def _rows(again: WindowTable, windowed: pa.Table) -> pl.DataFrame:
    with open_database({"windowed": windowed}) as database:
        rows = pl.DataFrame(database.sql(again.truth_sql("windowed")).to_arrow_table())
    return rows.sort("window_end", "zone_id")


@pytest.mark.parametrize("how", RECOUNTS, ids=lambda how: how.metric)
def test_windows_are_those_of_the_recount(how: Recount) -> None:
    frame = events(seed=5, count=4000)
    found, expected = computed(frame, METRICS[how.metric]), recounted(frame, how)
    last = frame["event_time"].cast(pl.Int64).max()
    assert isinstance(last, int)
    closed = found.filter(pl.col("window_end") - 1 <= last)
    same = expected.select(pl.all().cast(pl.Int64)).sort("window_end", "zone_id")
    assert same.height > 1000
    assert closed.select(pl.col(same.columns).cast(pl.Int64)).equals(same)


@pytest.mark.parametrize("how", RECOUNTS, ids=lambda how: how.metric)
def test_a_trip_of_the_log_and_of_a_file_counts_once_and_is_no_duplicate(how: Recount) -> None:
    metric, log = METRICS[how.metric], events(seed=6, count=200)
    filed = log.with_columns(
        pl.lit(None, pl.Int32).alias("kafka_partition"), pl.lit(None, pl.Int64).alias("kafka_offset")
    )
    told = computed(log, metric)
    assert told["duplicates"].sum() > 0
    assert computed(filed, metric).equals(told)
    assert computed(pl.concat([log, filed]), metric).equals(told)


@pytest.mark.parametrize("how", RECOUNTS, ids=lambda how: how.metric)
@pytest.mark.parametrize("shares", [1, 2, 7, 50])
def test_windows_are_the_same_in_shares(how: Recount, shares: int) -> None:
    frame, again = events(seed=7, count=1500), WindowTable(METRICS[how.metric])
    begin, end = (from_ms(NOON + hours * 3_600_000) for hours in (1, HOURS))
    windowed = again.events(frame.select(again.columns).to_arrow(), Settings())
    whole = _rows(again, windowed).filter(pl.col("window_end").is_between(to_ms(begin), to_ms(end), closed="right"))
    division, found = again.division([(begin, end)], shares), []
    parts = dict(division.of_events(windowed, again.events_by))
    assert division.count == shares
    for share in range(shares):
        [(first, last)] = division.spans(share, [(begin, end)])
        rows = _rows(again, parts[share])
        found.append(rows.filter(pl.col("window_end").is_between(to_ms(first), to_ms(last), closed="right")))
    assert whole.height > 1000
    assert pl.concat(found).sort("window_end", "zone_id").equals(whole)
    # What is found of them goes to the same shares.
    said = dict(division.of_rows(whole.to_arrow(), again.rows_by))
    assert [said[share].num_rows for share in range(shares)] == [part.height for part in found]
