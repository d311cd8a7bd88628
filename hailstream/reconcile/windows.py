"""Windows as a table that can be computed again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl
import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.decode.columns import PICKUP
from hailstream.decode.frame_zones import zones_of
from hailstream.domain.millis import millis, to_ms
from hailstream.duck.database import open_database, rows_of
from hailstream.duck.event_sql import columns_read, window_events_sql
from hailstream.duck.window_sql import compile_metric
from hailstream.reconcile.columns import Column, KeyedTable
from hailstream.reconcile.shares import ByTime, cuts_of
from hailstream.reconcile.spans import Span
from hailstream.settings import Settings
from hailstream.windows import WindowedMetric

_DIGITS: Final = {2: 18, 4: 22}
#: There are no more zones, those that are no place included.
_ZONES: Final = 265


class WindowTable:
    """A windowed metric; its rows are in a range by the ends of their windows."""

    #: What divides events and rows into shares.
    events_by, rows_by = "minute", "window_end"
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
            copied=" AND ".join(f'"{m.name}" = "{m.name}_found"' for m in metric.measures),
            headline="total_sum" if "total_sum" in metric.numbers else "trips",
        )
        #: The archive's columns that its rows are made of.
        self.columns = tuple(dict.fromkeys((*columns_read(metric.columns), *PICKUP)))

    @property
    def overlap(self) -> int:
        """In how many windows an event is."""
        return self.metric.size // self.metric.slide

    def records_of(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Times, the last one excluded, of the records that make rows in (begin, end]: zeros follow an event."""
        return begin - self.metric.size - self.metric.active_for, end

    def most_rows(self, events: int, spans: Sequence[Span]) -> int:
        """How many rows so many events make in ranges, at the most."""
        times = sum((end - begin) // self.metric.slide for begin, end in spans)
        return min(events * ((self.metric.size + self.metric.active_for) // self.metric.slide), times * _ZONES)

    def division(self, spans: Sequence[Span], shares: int) -> ByTime:
        """How rows in ranges are divided."""
        return ByTime(cuts_of(spans, shares), millis(self.metric.size + self.metric.active_for))

    def events(self, records: pa.Table, settings: Settings) -> pa.Table:  # noqa: ARG002
        """What archived events are to it; ``records`` have its ``columns``."""
        frame = pl.DataFrame(pl.from_arrow(records))
        placed = records.append_column("zone_id", zones_of(frame, "pickup").to_arrow())
        with open_database({"placed": placed}, threads=1) as database:
            return rows_of(database, window_events_sql(self.metric.columns, "placed"))

    def truth_sql(self, events: str) -> str:
        """The query of the rows that a share's events give, without regard to a range."""
        return compile_metric(self.metric, events)

    def late(self, settings: Settings, begin: datetime, end: datetime) -> pa.Table:
        """Zone and end (ms) of the windows that an event came too late for, or that have zeros for its sake.

        Raises:
            HailstreamError: ClickHouse cannot be reached.
        """
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
            return client.query_arrow(query, asked)
