"""A namespace as a stream would leave it, without Kafka and Flink: archived events, and the rows told of them.

The archive's files are those that job archive writes. The rows are those of the
proof's recount, which leaves out what came too late, as the stream does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import polars as pl

from hailstream.archive.layout import EVENT, HEARTBEAT, event_fields, topic_folder
from hailstream.archive.schema import polars_schema
from hailstream.clickhouse import reachable
from hailstream.loader.migrations import migrate
from hailstream.loader.version import Authority, pack
from hailstream.proof.eventlog import LOGS, EventLog
from hailstream.proof.expected import RECOUNTS, Accounts, Recount, recount
from hailstream.proof.log import zone_of_place
from hailstream.proof.trips import expected_trips
from hailstream.replay.events import open_source
from hailstream.replay.partitioner import partitions_of
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, Topic
from hailstream.windows import METRICS

#: Columns of the proof's log by those of the archive.
LOGGED: Final = {
    "partition": "kafka_partition",
    "offset": "kafka_offset",
    "trip_id": "trip_id",
    "vendor_id": "vendor_id",
    "driver_id": "driver_id",
    "vehicle_id": "vehicle_id",
    "location": "pickup_location_id",
    "latitude": "pickup_latitude",
    "longitude": "pickup_longitude",
    "passenger_count": "passenger_count",
}
OF_ENDS: Final = {
    "end_location": "dropoff_location_id",
    "end_latitude": "dropoff_latitude",
    "end_longitude": "dropoff_longitude",
    "distance": "trip_distance_miles",
    "payment_type": "payment_type",
    "rate_code": "rate_code",
    "fare": "fare_cents",
    "tip": "tip_cents",
    "tolls": "tolls_cents",
    "total": "total_cents",
}
#: Heartbeats come so long after the last event, and close every window.
_TAIL: Final = timedelta(hours=2)


def fill_archive(settings: Settings, spec: str, work_dir: Path) -> int:
    """Write the events of a simulation (all readable) to the settings' archive; how many there are."""
    source = open_source(spec, work_dir=work_dir)
    bounds = source.bounds()
    assert bounds is not None
    writers = {topic: _Writer(topic, settings) for topic in EVENT_TOPICS}
    for batch in source.batches():
        for topic, writer in writers.items():
            writer.write(batch.filter(pl.col("is_end") == (topic is TRIPS_ENDED)))
    for writer in writers.values():
        writer.beat(bounds[1] + _TAIL)
    return sum(writer.events for writer in writers.values())


class _Writer:
    """Writes one topic's files: of each batch, one for each hour."""

    def __init__(self, topic: Topic, settings: Settings) -> None:
        self._topic = topic
        self._root = Path(
            f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}".removeprefix("file://")
        )
        self._ends = np.zeros(settings.partitions, np.int64)
        self._files = 0
        self.events = 0

    def write(self, events: pl.DataFrame) -> None:
        partitions = partitions_of(events["trip_id"], len(self._ends))
        self.events += events.height
        named = {field.name: column for column, field in event_fields(self._topic).items()}
        rows = events.rename(named).with_columns(
            pl.Series("kafka_partition", partitions.astype(np.int32)),
            pl.col("event_time").alias("record_time"),
            pl.lit(EVENT).alias("kind"),
        )
        self._write(rows.with_columns(pl.Series("kafka_offset", self._offsets(partitions))))

    def beat(self, at: datetime) -> None:
        """Write a heartbeat for each partition."""
        partitions = np.arange(len(self._ends))
        beats = pl.DataFrame(
            {"kafka_partition": partitions.astype(np.int32), "kafka_offset": self._offsets(partitions)}
        ).with_columns(pl.lit(at).dt.cast_time_unit("ms").alias("record_time"), pl.lit(HEARTBEAT).alias("kind"))
        self._write(beats)

    def _offsets(self, partitions: Any) -> Any:
        offsets = np.zeros(len(partitions), np.int64)
        for number in range(len(self._ends)):
            rows = np.flatnonzero(partitions == number)
            offsets[rows] = self._ends[number] + np.arange(len(rows))
            self._ends[number] += len(rows)
        return offsets

    def _write(self, rows: pl.DataFrame) -> None:
        frame = rows.select(
            (
                pl.col(name).dt.replace_time_zone(None)
                if isinstance(held, pl.Datetime) and name in rows.columns
                else pl.col(name)
                if name in rows.columns
                else pl.lit(None)
            )
            .cast(held)
            .alias(name)
            for name, held in polars_schema(self._topic).items()
        )
        for hour, part in _by_hour(frame):
            folder = self._root / f"event_date={hour:%Y-%m-%d}" / f"event_hour={hour:%H}"
            folder.mkdir(parents=True, exist_ok=True)
            part.write_parquet(folder / f"part-{self._files}", compression="zstd")
            self._files += 1


def _by_hour(frame: pl.DataFrame) -> Iterator[tuple[datetime, pl.DataFrame]]:
    hours = frame.with_columns(pl.col("record_time").dt.truncate("1h").alias("hour"))
    for (hour,), part in hours.partition_by("hour", as_dict=True, include_key=False).items():
        yield hour, part


class ArchivedLog(EventLog):
    """The log's tables, from the archive's files instead of Kafka."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        for table, topic in LOGS.items():
            folder = f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}".removeprefix("file://")
            ends = topic is TRIPS_ENDED
            columns = LOGGED | {mine: theirs if ends else "NULL" for mine, theirs in OF_ENDS.items()}
            listed = ", ".join(f'{theirs} AS "{mine}"' for mine, theirs in columns.items())
            started = "epoch_ms(started_at)" if ends else "NULL::BIGINT"
            frame = _frame(
                self.connection,
                f"SELECT {listed}, epoch_ms(record_time) AS record_time, epoch_ms(event_time) AS event_time,"
                f" {started} AS started_at, kind = '{HEARTBEAT}' AS heartbeat, kind = '{EVENT}' AS readable"
                f" FROM read_parquet('{folder}/*/*/part-*', hive_partitioning = false)",
            )
            ended = zone_of_place(frame, "end_") if ends else pl.lit(None, pl.Int32).alias("end_zone_id")
            log = frame.with_columns(zone_of_place(frame, ""), ended)
            self.connection.register("frame", log.to_arrow())
            self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM frame")
            self.connection.unregister("frame")

    def recounted(self, how: Recount, *, late_counts: bool) -> Accounts:
        """Make ``<metric>_expected``, and say what became of the events."""
        return recount(
            self.connection, how, disorder_ms=self.disorder_ms, horizon_ms=self.horizon_ms, late_counts=late_counts
        )


def tell_rows(log: ArchivedLog) -> None:
    """Put into ClickHouse what the stream says of the log: windows without late rows, table late, trips."""
    settings, connection = log.settings, log.connection
    version = pack(settings.generation, Authority.STREAM, 0)
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    with reachable(settings, database=settings.database) as client:
        for how in RECOUNTS:
            log.recounted(how, late_counts=False)
            metric = METRICS[how.metric]
            scales = {m.name: m.scale for m in metric.measures}
            numbers = ", ".join(
                f'("{name}"::DECIMAL(38, 0) / {10 ** scales[name]})::DECIMAL(22, {scales[name]}) AS "{name}"'
                if scales.get(name)
                else f'"{name}"::UINTEGER AS "{name}"'
                for name in metric.numbers
            )
            client.insert_arrow(
                f"{how.metric}_raw",
                connection.sql(
                    f"SELECT zone_id::USMALLINT AS zone_id, epoch_ms(window_start::BIGINT) AS window_start,"
                    f" epoch_ms(window_end::BIGINT) AS window_end, {numbers},"
                    f" {settings.generation}::USMALLINT AS generation, {version}::UBIGINT AS version"
                    f" FROM {how.metric}_expected"
                ).to_arrow_table(),
            )
            client.insert_arrow(
                "late_raw",
                connection.sql(
                    f"SELECT '{METRICS[how.metric].events.name(settings.namespace)}' AS topic,"
                    f' "partition"::UINTEGER AS partition, "offset"::UBIGINT AS "offset",'
                    f" '{how.metric}' AS metric, epoch_ms(event_time) AS event_time,"
                    f" epoch_ms(watermark) AS watermark, trip_id, zone_id::USMALLINT AS zone_id"
                    f" FROM {how.metric}_events WHERE late"
                ).to_arrow_table(),
            )
        client.insert_arrow("trips_raw", _told_trips(log, version))


def _told_trips(log: ArchivedLog, version: int) -> Any:
    expected_trips(log)
    amounts = ", ".join(f"({name} / 100.0)::DECIMAL(10, 2) AS {name}" for name in ("fare", "tip", "tolls", "total"))
    frame = _frame(
        log.connection,
        "SELECT * REPLACE (epoch_ms(started_at) AS started_at, epoch_ms(ended_at) AS ended_at,"
        " zone_id::USMALLINT AS zone_id, end_zone_id::USMALLINT AS end_zone_id, passengers::UTINYINT AS passengers,"
        f" within_bounds::UTINYINT AS within_bounds, {amounts}), {version}::UBIGINT AS version FROM trips_expected",
    )
    # Halves as the stream rounds them.
    rounded = {"mph": 2, "tip_rate": 4, "completeness": 3}
    return frame.with_columns(
        pl.col(name)
        .map_batches(lambda values, digits=digits: pl.Series(np.round(values.to_numpy(), digits)))
        .fill_nan(None)
        for name, digits in rounded.items()
    ).to_arrow()


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    found = pl.from_arrow(connection.sql(query).to_arrow_table())
    assert isinstance(found, pl.DataFrame)
    return found
