"""The rules of alerts on trip files, held against plain queries over the same events."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate.detect import Detector, Found
from hailstream.evaluate.events import placed
from hailstream.proof.alert_queries import prepare, queries
from hailstream.proof.alerts import RuleProof, compare_rule
from hailstream.proof.eventlog import LOGS
from hailstream.replay.events import SourceReport, open_source
from hailstream.topics import TRIPS_ENDED

#: The columns of a log that the queries read.
_LOG: Final = {
    "partition": pl.lit(0, pl.Int32),
    "record_time": pl.col("event_time").dt.epoch("ms"),
    "readable": pl.lit(value=True),
    "event_time": pl.col("event_time").dt.epoch("ms"),
    "started_at": pl.col("started_at").dt.epoch("ms"),
    **{name: pl.col(name) for name in ("trip_id", "vendor_id", "driver_id", "vehicle_id", "zone_id", "end_zone_id")},
    "latitude": pl.col("pickup_latitude"),
    "longitude": pl.col("pickup_longitude"),
    "end_latitude": pl.col("dropoff_latitude"),
    "end_longitude": pl.col("dropoff_longitude"),
    "rate_code": pl.col("rate_code"),
    "distance": pl.col("trip_distance_miles"),
    "fare": pl.col("fare_amount"),
    "total": pl.col("total_amount"),
}


@dataclass(frozen=True)
class FileProof:
    """What the rules and the queries found in files.

    Attributes:
        report: the account of the source.
        events: that were told.
        rules: by rule how the alerts compare with the query's.
    """

    report: SourceReport
    events: int
    rules: list[RuleProof]

    @property
    def differing(self) -> int:
        return sum(rule.differing for rule in self.rules)


def evaluate_files(
    files: Sequence[str], thresholds: Thresholds, progress: Callable[[int], None] = lambda _: None
) -> FileProof:
    """Tell the rules the events of trip files, and ask the queries what there is to find.

    Args:
        files: paths and globs, as for a replay.
        progress: told how many events were read.

    Raises:
        HailstreamError: a file that is not there or has no layout that is known, or no event at all.
    """
    if any(name.startswith("sim:") for name in files):
        raise HailstreamError(
            f"{' '.join(files)} is no file", hint="without --data simulated cities are evaluated", exit_code=2
        )
    detector = Detector(thresholds)
    with tempfile.TemporaryDirectory(prefix="hailstream-evaluate-") as folder:
        connection = duckdb.connect()
        connection.execute("SET temp_directory = ?", [folder])
        source = open_source(files, work_dir=Path(folder))
        events, newest = 0, 0
        for frame in source.batches():
            detector.tell(frame)
            rows = placed(frame).with_columns(offset=pl.int_range(events, events + pl.len()))
            for table, topic in LOGS.items():
                _append(connection, table, rows.filter(pl.col("is_end") == (topic is TRIPS_ENDED)))
            events += rows.height
            newest = max(newest, round(frame["event_time"].max().timestamp() * 1000))  # type: ignore[union-attr]
            progress(events)
        if not events:
            raise HailstreamError(f"{' '.join(files)} holds no events", hint="give other files by --data", exit_code=2)
        # Time goes on past the last event, for the rules and for the queries.
        found = detector.close(newest + 1)
        for table in LOGS:
            connection.execute(
                f"INSERT INTO {table} BY NAME SELECT 0 AS partition, {events} AS offset, "
                f"{newest + 1} AS record_time, false AS readable"
            )
        prepare(connection, disorder_ms=0, horizon_ms=None)
        expected: Found = {rule: set(connection.execute(q).fetchall()) for rule, q in queries(thresholds).items()}
        connection.close()
    rules = [compare_rule(rule, pairs, found.get(rule, set())) for rule, pairs in expected.items()]
    return FileProof(source.report(), events, rules)


def _append(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    connection.register("batch", rows.select("offset", **_LOG).to_arrow())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} AS SELECT * FROM batch LIMIT 0")
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")
    connection.unregister("batch")
