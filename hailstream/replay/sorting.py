"""Rows of any number of files, sorted by event time in bounded memory.

Rows go into a DuckDB file in the work folder; what does not fit in memory is
sorted on disk. The file goes with the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa

from hailstream.errors import HailstreamError
from hailstream.replay.columns import AMOUNTS
from hailstream.replay.events import BATCH_ROWS, EVENT_SCHEMA, Order
from hailstream.replay.rows import CARRIED, EMITS_END, EMITS_START

MEMORY_LIMIT = "512MB"
_CHUNK_ROWS = 16_384

_SQL_TYPES = {pl.String: "VARCHAR", pl.Int32: "INTEGER", pl.Int64: "BIGINT", pl.Float64: "DOUBLE"}
_CARRIED_TYPES = {name: _SQL_TYPES[EVENT_SCHEMA[name]] for name in CARRIED}  # type: ignore[index]
_STARTS_CARRY = (
    "vendor_id",
    "driver_id",
    "vehicle_id",
    "pickup_location_id",
    "pickup_latitude",
    "pickup_longitude",
    "passenger_count",
)
_FARE_PARTS = ("payment_type", *AMOUNTS)


class EventStore:
    """What was read, until it is sent.

    Args:
        work_dir: where the database and the spilled parts of the sort are kept, and removed when done.
    """

    def __init__(self, work_dir: Path) -> None:
        self._folder = TemporaryDirectory(dir=work_dir, prefix="sort-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        with _told():
            self._db = duckdb.connect(
                str(folder / "rows.duckdb"),
                config={
                    "memory_limit": MEMORY_LIMIT,
                    "temp_directory": str(folder / "spill"),
                    "threads": 2,
                    "autoinstall_known_extensions": "false",  # never the network
                },
            )
            # Nothing here outlives the process: no checkpoints, whose syncs cost half of the loading.
            self._db.execute("SET wal_autocheckpoint = '1TB'; PRAGMA disable_checkpoint_on_shutdown")
            columns = ", ".join(f"{name} {type_}" for name, type_ in _CARRIED_TYPES.items())
            self._db.execute(
                "CREATE TABLE events (seq BIGINT, emits UTINYINT, trip_id VARCHAR, fare_key VARCHAR, source VARCHAR, "
                f"started_at TIMESTAMP_MS, ended_at TIMESTAMP_MS, {columns})"
            )
            parts = ", ".join(f"{name} {_CARRIED_TYPES[name]}" for name in _FARE_PARTS)
            self._db.execute(f"CREATE TABLE fares (seq BIGINT, fare_key VARCHAR, {parts}, text VARCHAR)")

    def add_events(self, rows: pl.DataFrame, *, first_seq: int, trip_id: str, fare_key: str = "NULL") -> None:
        """Take rows with ``row``, ``emits``, ``source``, ``started_at``, ``ended_at`` and columns of events.

        Args:
            first_seq: added to ``row``; orders files.
            trip_id, fare_key: SQL over the rows.
        """
        names = [name for name in CARRIED if name in rows.columns]
        rows = rows.with_columns(pl.col("started_at", "ended_at").dt.replace_time_zone(None))
        self._insert(
            f"INSERT INTO events (seq, emits, trip_id, fare_key, source, started_at, ended_at, {', '.join(names)}) "
            f"SELECT {first_seq} + row, emits, {trip_id}, {fare_key}, source, started_at, ended_at, {', '.join(names)} "
            "FROM block WHERE emits > 0",
            rows,
        )

    def add_fares(self, rows: pl.DataFrame, *, first_seq: int, fare_key: str) -> None:
        """Take fares: ``row``, ``text``, and the parts of a fare that the file has."""
        names = ", ".join(name for name in _FARE_PARTS if name in rows.columns)
        self._insert(
            f"INSERT INTO fares (seq, fare_key, text, {names}) SELECT {first_seq} + row, {fare_key}, text, {names} "
            "FROM block",
            rows,
        )

    def join_fares(self) -> pl.DataFrame:
        """Give each trip its fare; returns ``seq``, ``text`` and ``reason`` of the fares that went nowhere."""
        self._run("CREATE TABLE first_fares AS SELECT fare_key, min(seq) AS seq FROM fares GROUP BY fare_key")
        unused = self._db.sql(
            "SELECT seq, text, 'no_trip' AS reason FROM fares ANTI JOIN events USING (fare_key) UNION ALL "
            "SELECT seq, text, 'duplicate_fare' FROM fares SEMI JOIN events USING (fare_key) "
            "ANTI JOIN first_fares USING (seq) ORDER BY seq"
        )
        with _told():
            left_over = _frame(unused.to_arrow_table())
        fared = ", ".join(f"coalesce(e.{name}, f.{name}) AS {name}" for name in _FARE_PARTS)
        self._run(
            f"CREATE TABLE joined AS SELECT e.* REPLACE ({fared}) FROM events e "
            "LEFT JOIN (SELECT * FROM fares SEMI JOIN first_fares USING (seq)) f USING (fare_key)"
        )
        self._run("DROP TABLE events; DROP TABLE fares; DROP TABLE first_fares; ALTER TABLE joined RENAME TO events")
        return left_over

    def bounds(self) -> tuple[datetime, datetime] | None:
        """First and last event time, UTC; None when there is no event."""
        row = self._run(f"SELECT min(event_time), max(event_time) FROM ({_MOMENTS})").fetchone()
        if row is None or row[0] is None:
            return None
        return row[0].replace(tzinfo=UTC), row[1].replace(tzinfo=UTC)

    def total(self) -> int:
        """Number of events."""
        row = self._run("SELECT coalesce(sum(bit_count(emits)), 0)::BIGINT FROM events").fetchone()
        return int(row[0]) if row else 0

    def batches(self, order: Order) -> Iterator[pl.DataFrame]:
        """The events in ``order``, as frames of ``EVENT_SCHEMA``."""
        by = "seq, is_end" if order == "file" else "event_time, is_end, trip_id, seq"
        query = f"SELECT * EXCLUDE (seq) FROM ({_EVENTS}) ORDER BY {by}"
        # A cursor of its own: two readings may be under way. Order is kept by `sql` and by DuckDB's
        # setting preserve_insertion_order (on unless someone turns it off).
        with _told():
            for batch in self._db.cursor().sql(query).to_arrow_reader(BATCH_ROWS):
                if batch.num_rows:
                    yield _as_events(_frame(batch))

    def close(self) -> None:
        """Remove the database; the store cannot be used any more."""
        self._db.close()
        self._folder.cleanup()

    def _insert(self, sql: str, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        # DuckDB takes a chunk per thread: in one chunk, ids would be computed by one thread alone.
        self._db.register("block", pl.concat(rows.iter_slices(_CHUNK_ROWS), rechunk=False))
        self._run(sql)
        self._db.unregister("block")

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        with _told():
            return self._db.execute(sql)


@contextmanager
def _told() -> Iterator[None]:
    """What DuckDB says of a full disk or too little memory, as an error a person can act on."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise HailstreamError(
            f"the input could not be sorted: {str(error).splitlines()[0]}",
            hint="the work folder needs free disk space of about twice the unpacked input",
        ) from error


def _event_columns(is_end: bool) -> str:
    columns = []
    for name, type_ in _CARRIED_TYPES.items():
        carried = is_end or name in _STARTS_CARRY
        columns.append(name if carried else f"NULL::{type_} AS {name}")
    times = "ended_at AS event_time, started_at" if is_end else "started_at AS event_time, NULL::TIMESTAMP_MS"
    bit = EMITS_END if is_end else EMITS_START
    return (
        f"SELECT seq, {str(is_end).lower()} AS is_end, trip_id, {times} AS started_at, source, {', '.join(columns)} "
        f"FROM events WHERE emits & {bit} <> 0"
    )


_EVENTS = f"{_event_columns(False)} UNION ALL {_event_columns(True)}"
_MOMENTS = (
    f"SELECT started_at AS event_time FROM events WHERE emits & {EMITS_START} <> 0 UNION ALL "
    f"SELECT ended_at FROM events WHERE emits & {EMITS_END} <> 0"
)


def _frame(data: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(data))


def _as_events(frame: pl.DataFrame) -> pl.DataFrame:
    """Frames of ``EVENT_SCHEMA``: zone, order and the column that files never fill."""
    zoned = frame.with_columns(
        pl.col("event_time", "started_at").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
        raw=pl.lit(None, pl.Binary),
    )
    return zoned.select(list(EVENT_SCHEMA))
