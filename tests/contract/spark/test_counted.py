"""Rows are counted by the query that reads them, whatever follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hailstream.spark.counted import Counted

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("least", [0, 100], ids=["rows follow", "none follow"])
@pytest.mark.parametrize("said", [[], [(1, 4)]], ids=["nothing said", "something said"])
def test_rows_are_counted_where_none_follows_too(spark: SparkSession, least: int, said: list[tuple[int]]) -> None:
    from pyspark.sql import functions as f

    rows = [(number % 3, number, "heartbeat" if number % 4 == 0 else "event") for number in range(40)]
    read = spark.createDataFrame(rows, "zone int, number int, kind string")
    counted = Counted(read, events=f.col("kind") == "event", others=f.col("kind") != "event")
    truth = counted.rows.where("kind = 'event'").groupBy("zone").count().where(f"count >= {least}")
    joined = truth.join(spark.createDataFrame(said, "zone int, found int"), "zone", "full_outer").persist()
    assert bool(joined.groupBy("zone").count().collect()) == (least == 0 or bool(said))
    assert counted.counts() == {"events": 30, "others": 10}
    joined.unpersist()


def test_rows_that_a_filter_drops_behind_the_count_are_counted(spark: SparkSession) -> None:
    from pyspark.sql import functions as f

    counted = Counted(spark.range(100), low=f.col("id") < 10, high=f.col("id") >= 90)
    kept = counted.rows.where("id = 5").persist()
    assert [row["id"] for row in kept.collect()] == [5]
    assert counted.counts() == {"low": 10, "high": 10}
    kept.unpersist()
