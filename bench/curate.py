"""Curate a month, beside the same work in DuckDB."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import psutil

from bench.context import Context
from bench.figures import Figure, Target
from bench.sampler import Processes, Sampler
from hailstream.archive.layout import RECORD_COLUMNS, archive_columns, topic_folder
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.replay.events import open_source
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED

#: Trips of the month, and of a smaller one that says from which size Spark pays.
TRIPS = (3_000_000, 100_000)
#: Seconds after start-up in which the large one should be done, on two cores.
TARGET = Target(60, at_most=True)
_BASE = "sim:?seed=41&minutes=60&rate=100&faults=none&start=2024-01-02T00:00"
_COMMAND = (sys.executable, "-m", "hailstream.cli", "batch", "curate")
_MONTH_HOURS = 30 * 24
_COORDINATES = [f"{place}_{name}" for place in ("pickup", "dropoff") for name in ("latitude", "longitude")]
_AMOUNTS = ("fare_amount", "tip_amount", "tolls_amount", "total_amount")
_PARTS = ("extra", "mta_tax", "improvement_surcharge", "congestion_surcharge")


def curate(context: Context) -> Iterator[Figure]:
    """An archived month of trips to published tables: seconds, start-up of Spark aside, and memory; then by DuckDB."""
    with tempfile.TemporaryDirectory(prefix="hailstream-curate-") as folder:
        base = _base(Path(folder))
        for number, trips in enumerate(TRIPS):
            place = Path(folder) / str(trips)
            settings = context.settings.model_copy(
                update={
                    "namespace": f"curate{number}",
                    "archive": (place / "archive").as_uri(),
                    "curated": (place / "curated").as_uri(),
                }
            )
            context.say(f"archiving {trips:,} trips of a month")
            _archive(settings, base, trips)
            yield from _spark(settings, trips, TARGET if not number else None)
            yield from _duckdb(settings, trips, place / "duckdb")
            shutil.rmtree(place)


def _spark(settings: Settings, trips: int, target: Target | None) -> Iterator[Figure]:
    wall, peak = _run(_COMMAND, settings.as_environment())
    with reachable(settings, database=settings.database) as client:
        detail = json.loads(client.command("SELECT argMax(detail, run) FROM batch_runs"))
    steps = detail["seconds"]
    told = ", ".join(f"{step} {seconds:.1f}" for step, seconds in steps.items())
    yield Figure(f"{trips:,} trips: Spark, after start-up", sum(steps.values()), "s", target=target, note=told)
    yield Figure(f"{trips:,} trips: Spark, the whole command", wall, "s")
    yield Figure(f"{trips:,} trips: Spark, memory", peak, "MB", note="peak of the command's processes together")


def _duckdb(settings: Settings, trips: int, into: Path) -> Iterator[Figure]:
    into.mkdir()
    archive = f"{settings.archive_address.removeprefix('file://')}/{topic_folder(TRIPS_ENDED, settings.namespace)}"
    wall, peak = _run([sys.executable, "-m", "bench.curate_duckdb", archive, str(into)], {}, into / "said")
    said = json.loads((into / "said").read_text())
    with reachable(settings, database=settings.database) as client:
        query = "SELECT toInt64(sum(rows)), toInt64(sum(total_sum) * 100) FROM payment_analysis"
        rows, total = client.query(query).result_rows[0]
    if (rows, total) != (said["rows"], said["total"]):
        raise HailstreamError(f"Spark has {rows} rows and {total} cents, DuckDB {said['rows']} and {said['total']}")
    note = f"staging {said['staging']:.1f}; no checks, no ClickHouse"
    yield Figure(f"{trips:,} trips: DuckDB, the same tables", said["all"], "s", note=note)
    yield Figure(f"{trips:,} trips: DuckDB, the whole command", wall, "s")
    yield Figure(f"{trips:,} trips: DuckDB, memory", peak, "MB")


def _run(command: Sequence[str], environment: Mapping[str, str], output: Path | None = None) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command with all its processes.

    Raises:
        HailstreamError: it failed.
    """
    import os

    began = time.monotonic()
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def family() -> Processes:
            try:
                root = psutil.Process(process.pid)
                return {"all": [root, *root.children(recursive=True)]}
            except psutil.Error:
                return {}

        with Sampler(family) as sampler:
            said, told = process.communicate()
    if process.returncode:
        raise HailstreamError(f"{' '.join(command)} failed: {told[-1500:]}")
    if output is not None:
        output.write_text(said)
    return time.monotonic() - began, sampler.peak.get("all", 0) / 2**20


def _base(work_dir: Path) -> pl.DataFrame:
    """The ends of some hours of a simulated city, with the columns of the archive."""
    source = open_source(_BASE, work_dir=work_dir)
    ends = pl.concat([frame.filter("is_end") for frame in source.batches()])
    cents = {f"{name.removesuffix('_amount')}_cents": pl.col(name) for name in (*_AMOUNTS, *_PARTS)}
    frame = ends.with_columns(**cents, kind=pl.lit("event"), kafka_partition=pl.lit(0, pl.Int32))
    held = {"INT": pl.Int32, "BIGINT": pl.Int64}
    known = [
        pl.col(name).cast(held[sql]) if sql in held else pl.col(name)
        for name, sql in archive_columns(TRIPS_ENDED).items()
        if name in frame.columns
    ]
    times = ("event_time", "started_at")
    # As in monthly files since 2016: zones by number and no coordinates, so that neither side looks zones up.
    frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _COORDINATES)
    missing = {name: pl.lit(None, pl.String) for name in ("reason", "detail") if name in RECORD_COLUMNS}
    return frame.select(*known, **missing).with_columns(pl.col(name).dt.replace_time_zone(None) for name in times)


def _archive(settings: Settings, base: pl.DataFrame, trips: int) -> None:
    """A month of so many trips, a file for each hour: the base again and again, with other ids and times."""
    root = Path(settings.archive_address.removeprefix("file://")) / topic_folder(TRIPS_ENDED, settings.namespace)
    each = -(-trips // _MONTH_HOURS)
    first = base["event_time"].min()
    offset = 0
    for hour in range(_MONTH_HOURS):
        count = min(each, trips - offset)
        if count <= 0:
            break
        rows = base.sample(count, with_replacement=count > base.height, seed=hour)
        # Into the hour, whenever it was.
        moved = (pl.col("event_time") - first).dt.total_milliseconds() % 3_600_000 + hour * 3_600_000
        shift = pl.duration(milliseconds=moved) + pl.lit(first).dt.truncate("1d") - pl.col("event_time")
        number = pl.int_range(offset, offset + count)
        rows = rows.with_columns(
            started_at=pl.col("started_at") + shift,
            event_time=pl.col("event_time") + shift,
            # As long, and as hard to compress, as ids are.
            trip_id=pl.format("{}{}", pl.col("trip_id").str.slice(0, 12), number + 10**11),
            kafka_offset=number,
        ).with_columns(record_time=pl.col("event_time"))
        time_of = rows["record_time"].dt.truncate("1h")[0]
        folder = root / f"event_date={time_of:%Y-%m-%d}" / f"event_hour={time_of:%H}"
        folder.mkdir(parents=True)
        rows.write_parquet(folder / "part-0", compression="zstd")
        offset += count
