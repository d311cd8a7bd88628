"""Events are counted by the query that reads them, whatever follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hailstream.spark.counted import CountedEvents

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("least", [0, 100], ids=["rows follow", "none follow"])
@pytest.mark.parametrize("said", [[], [(1, 4)]], ids=["nothing said", "something said"])
def test_events_are_counted_where_no_row_follows_too(spark: SparkSession, least: int, said: list[tuple[int]]) -> None:
    rows = [(number % 3, number, "heartbeat" if number % 4 == 0 else "event") for number in range(40)]
    counted = CountedEvents(spark.createDataFrame(rows, "zone int, number int, kind string"))
    truth = counted.records.where("kind = 'event'").groupBy("zone").count().where(f"count >= {least}")
    joined = truth.join(spark.createDataFrame(said, "zone int, found int"), "zone", "full_outer").persist()
    assert bool(joined.groupBy("zone").count().collect()) == (least == 0 or bool(said))
    assert counted.events() == 30
    joined.unpersist()
