"""Windows as a table that can be computed again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hailstream.clickhouse import reachable
from hailstream.domain.millis import millis, to_ms
from hailstream.reconcile.columns import Column, KeyedTable
from hailstream.settings import Settings
from hailstream.spark.event_sql import register_functions, window_events_sql
from hailstream.spark.window_sql import compile_metric
from hailstream.windows import WindowedMetric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_DIGITS = {2: 18, 4: 22}


class WindowTable:
    """A windowed metric; its rows are in a range by the ends of their windows."""

    by_record = False

    def __init__(self, metric: WindowedMetric) -> None:
        self.metric = metric
        #: How long after an event it makes rows.
        self.lasting = metric.active_for
        measures = (Column(m.name, "long", True, m.scale, _DIGITS.get(m.scale, 0)) for m in metric.measures)
        self.table = KeyedTable(
            name=metric.name,
            events=metric.events,
            results=metric.results,
            key=(Column("zone_id", "int"), Column("window_start", "time"), Column("window_end", "time")),
            values=(*measures, Column("duplicates", "long", True)),
            time="window_end",
            # The raw table is ordered by it.
            read_by=("window_start", millis(metric.size)),
            copied=" AND ".join(f"`{m.name}` = `{m.name}_found`" for m in metric.measures),
            headline="total_sum" if "total_sum" in metric.numbers else "trips",
        )

    @property
    def overlap(self) -> int:
        """In how many windows an event is."""
        return self.metric.size // self.metric.slide

    def records_of(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Times, the last one excluded, of the records that make rows in (begin, end]: zeros follow an event."""
        return begin - self.metric.size - self.metric.active_for, end

    def truth(self, spark: SparkSession, records: DataFrame, settings: Settings) -> DataFrame:  # noqa: ARG002
        """The rows that records give, without regard to a range."""
        register_functions(spark)
        records.createOrReplaceTempView("records")
        spark.sql(window_events_sql(self.metric.columns, "records")).createOrReplaceTempView("window_events")
        return spark.sql(compile_metric(self.metric, "window_events"))

    def late(self, spark: SparkSession, settings: Settings, begin: datetime, end: datetime) -> DataFrame:
        """Zone and end (ms) of the windows that an event came too late for, or that have zeros for its sake."""
        slide, span = millis(self.metric.slide), millis(self.metric.active_for)
        first, _ = self.records_of(begin, end)
        # An event counts in the windows over its minute, and makes its zone have rows for an hour.
        query = (
            "SELECT DISTINCT toInt32(zone_id) AS zone_id,"
            f" toInt64(arrayJoin(range(next_end, next_end + {span}, {slide}))) AS window_end FROM ("
            f"SELECT zone_id, (intDiv(toUnixTimestamp64Milli(event_time), {slide}) + 1) * {slide} AS next_end"
            " FROM late WHERE metric = {metric:String} AND event_time >= fromUnixTimestamp64Milli({begin:Int64})"
            " AND event_time < fromUnixTimestamp64Milli({end:Int64}))"
        )
        asked = {"metric": self.metric.name, "begin": to_ms(first), "end": to_ms(end)}
        with reachable(settings, database=settings.database) as client:
            found = client.query_arrow(query, asked)
        return spark.createDataFrame(found)
