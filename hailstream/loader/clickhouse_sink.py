"""Result rows into ClickHouse."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import polars as pl

from hailstream.clickhouse import away, connect, first_line, is_about_data
from hailstream.errors import HailstreamError
from hailstream.loader.columns import Column, columns_of, fit
from hailstream.loader.contract import APPENDED, OFFSET, PARTITION, OffsetRange, Opened, Refused, Rows, SinkAway
from hailstream.loader.migrations import migrate
from hailstream.loader.version import MAX_EPOCH, stream_versions
from hailstream.settings import Settings
from hailstream.topics import RESULT_TOPICS, Topic

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_INSERT_SETTINGS = {
    # The acknowledgement must mean that the rows are stored.
    "async_insert": 0,
    # A batch of a replay that jumps between months touches many partitions.
    "max_partitions_per_insert_block": 0,
}


def table_of(topic: Topic) -> str:
    """The table of a result topic: ``zone_counts_raw`` for ``zone.counts.v1``."""
    return topic.schema.removeprefix("results/") + "_raw"


class ClickHouseSink:
    """Inserts each batch of a topic as one block; every row carries its version.

    Replays and overlapping batches are told apart by version when they are
    read or merged. The deduplication token only saves the work of inserting
    the very same block again.
    """

    name = "clickhouse"
    topics = RESULT_TOPICS
    reads_uncommitted = False

    def __init__(self, settings: Settings, connector: Callable[..., Client] = connect) -> None:
        self._settings = settings
        self._connect = connector
        self._client: Client | None = None
        self._columns: dict[str, tuple[Column, ...]] = {}

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        """Migrates the database if it needs it and numbers incarnations of topics it has not seen."""
        with self._server():
            client = self._connect(self._settings)
            migrate(client, self._settings.database)
            self._client = client
            self._columns = {table_of(topic): columns_of(client, table_of(topic)) for topic in self.topics}
            return Opened({name: self._epoch(client, name, topic_id) for name, topic_id in topic_ids.items()})

    def write(self, rows: Rows) -> list[Refused]:
        """Stores the rows; one insert, more only when the server refuses some of them."""
        table = table_of(rows.topic)
        frame, refused = fit(rows.frame, self._columns[table])
        # A dead letter belongs to no definition and so has no generation.
        known = "generation" in frame.columns
        generations = frame["generation"] if known else pl.zeros(frame.height, dtype=pl.UInt16, eager=True)
        versions = stream_versions(rows.name, rows.state.epoch, generations, frame[OFFSET])
        frame = frame.with_columns(versions)
        token = f"{rows.name} {rows.state.topic_id}"
        return refused + self._insert(table, token, frame, rows.ranges)

    def _insert(self, table: str, token: str, frame: pl.DataFrame, ranges: tuple[OffsetRange, ...]) -> list[Refused]:
        if frame.is_empty():
            return []
        from clickhouse_connect.driver.exceptions import DatabaseError

        try:
            with self._server():
                self._insert_block(table, token, frame, ranges)
            return []
        except DatabaseError as error:
            if frame.height == 1:
                return [Refused(frame[PARTITION][0], frame[OFFSET][0], first_line(error))]
        # The server names no row: halve until the bad ones stand alone.
        half = frame.height // 2
        parts = (frame.head(half), frame.tail(frame.height - half))
        return [refused for part in parts for refused in self._insert(table, token, part, ranges_of(part))]

    def _insert_block(self, table: str, token: str, frame: pl.DataFrame, ranges: tuple[OffsetRange, ...]) -> None:
        if self._client is None:
            raise SinkAway("not connected")
        spans = " ".join(f"{r.partition}:{r.first}-{r.last}" for r in ranges)
        # The number of rows keeps a block apart from one of the same range
        # in which more, or fewer, messages could be read.
        settings = _INSERT_SETTINGS | {"insert_deduplication_token": f"{token} {spans} {frame.height} rows"}
        stored = frame.drop(PARTITION, OFFSET, APPENDED)
        self._client.insert_arrow(table, stored.to_arrow(compat_level=pl.CompatLevel.oldest()), settings=settings)

    @contextlib.contextmanager
    def _server(self) -> Iterator[None]:
        """Turns what is the server's trouble into SinkAway; lets errors about data pass."""
        from clickhouse_connect.driver.exceptions import ClickHouseError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (ClickHouseError, HTTPError, OSError) as error:
            if is_about_data(error):
                raise
            raise SinkAway(away(self._settings, error).message) from error

    @staticmethod
    def _epoch(client: Client, topic: str, topic_id: str) -> int:
        rows = client.query(
            "SELECT topic_id, epoch FROM topic_epochs WHERE topic = {topic:String}", {"topic": topic}
        ).result_rows
        known: dict[str, int] = dict(rows)
        if topic_id in known:
            return known[topic_id]
        epoch = max(known.values(), default=-1) + 1
        if epoch > MAX_EPOCH:
            raise HailstreamError(
                f"topic {topic} was deleted and made anew more than {MAX_EPOCH} times",
                hint="load into an empty database and replay",
            )
        client.insert("topic_epochs", [[topic, topic_id, epoch]], column_names=["topic", "topic_id", "epoch"])
        return epoch


def ranges_of(frame: pl.DataFrame) -> tuple[OffsetRange, ...]:
    """First and last offset of each partition in the frame."""
    spans = (
        frame.group_by(PARTITION)
        .agg(pl.col(OFFSET).min().alias("first"), pl.col(OFFSET).max().alias("last"))
        .sort(PARTITION)
    )
    return tuple(OffsetRange(*row) for row in spans.iter_rows())
