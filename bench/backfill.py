"""How fast a monthly file gets into the archive, beside the same work in plain DuckDB."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
import psutil

from bench.context import Context
from bench.figures import Figure, Target
from bench.sampler import EVERY, Processes, Sampler
from bench.skip import Skipped
from hailstream.archive.months import beside, published_month
from hailstream.archive.store import open_store
from hailstream.backfill.files import monthly_file
from hailstream.backfill.plan import months_of
from hailstream.backfill.run import Backfiller, Outcome
from hailstream.errors import HailstreamError
from hailstream.local.jars import CHECKOUT
from hailstream.replay.ids import TRIP_ID_COLUMNS, digest_sql
from hailstream.settings import Settings
from hailstream.spark.context import open_context
from hailstream.spark.tasks import spread
from hailstream.topics import EVENT_TOPICS, TRIPS_STARTED

SAMPLE: Final = CHECKOUT.parent / "shared" / "data" / "yellow_sample_2018-01_2020-12.parquet"
ROWS: Final = 3_000_000
NAME: Final = "yellow_tripdata_2019-01"
TARGET: Final = Target(100_000)
_MONTH_SECONDS: Final = 31 * 86_400

#: What DuckDB makes of the file's columns before it takes ids of them; the wall clock is New York's.
_COLUMNS: Final = {
    "pickup_time": "pickup_datetime",
    "dropoff_time": "dropoff_datetime",
    "vendor_id": "vendor_id::VARCHAR",
    "pickup_location_id": "pickup_location_id::INTEGER",
    "dropoff_location_id": "dropoff_location_id::INTEGER",
    "passenger_count": "passenger_count::INTEGER",
    "trip_distance_miles": "trip_distance",
    "payment_type": "payment_type::INTEGER",
    "rate_code": "rate_code_id::INTEGER",
    **{
        name: f"round({name} * 100)::BIGINT"
        for name in (
            "fare_amount",
            "extra",
            "mta_tax",
            "tip_amount",
            "tolls_amount",
            "improvement_surcharge",
            "congestion_surcharge",
            "total_amount",
        )
    },
}
_OF_STARTS: Final = "trip_id, event_time, vendor_id, pickup_location_id, passenger_count, source"


def backfill(context: Context) -> Iterator[Figure]:
    """A month of 3,000,000 trips, made from a real sample by shifting its times, into the archive: rows of the file."""
    file = month_file(context.kept)
    folder = context.kept / "backfill"
    settings = Settings(home=context.settings.home_dir, namespace="bench", archive=(folder / "archive").as_uri())
    try:
        with open_context("bench", settings) as spark, Sampler(_own_processes) as sampler:
            work = partial(spread, spark)
            context.say("a small file, which only warms Spark and its workers")
            _write(settings, work, _small(file, folder))
            began = time.monotonic()
            _write(settings, work, file)
            ended = time.monotonic()
            # The last look at the processes may be before the end.
            time.sleep(2 * EVERY)
            cpu = {kind: used / ROWS * 1e6 for kind, used in sampler.used(began, ended).items()}
        rate = ROWS / (ended - began)
        yield Figure("Spark and the replayer's reader", rate, "rows/s", sum(cpu.values()), cpu, TARGET)
        expected = _digest(settings)
        for kind, peak in sorted(sampler.peak.items()):
            yield Figure(f"largest memory of {kind}", peak / 2**20, "MB")
        context.say("the same in plain DuckDB")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found, seconds, used, memory = pool.apply(plain, (file, folder))
        if found != expected:
            raise HailstreamError(f"DuckDB has other trips than the archive: {found} and {expected}")
        note = "no rejects, no second look at odd values"
        yield Figure("plain DuckDB", ROWS / seconds, "rows/s", used / ROWS * 1e6, note=note)
        yield Figure("largest memory of plain DuckDB", memory / 2**20, "MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def month_file(folder: Path) -> Path:
    """The month's file, made when it is not there.

    Raises:
        Skipped: the sample that it is made of is not there.
    """
    path = folder / f"{NAME}.parquet"
    if path.is_file():
        return path
    if not SAMPLE.is_file():
        raise Skipped(f"needs the real sample {SAMPLE.name}")
    sample = pl.read_parquet(SAMPLE).drop("source_month")
    pickup, dropoff = pl.col("pickup_datetime"), pl.col("dropoff_datetime")
    into = (pickup - pickup.dt.truncate("1mo")).dt.total_seconds()
    copies = []
    for number in range(-(-ROWS // sample.height)):
        # Each copy has other times, so other ids.
        moved = pl.datetime(2019, 1, 1) + pl.duration(seconds=(into + number * 311_387) % _MONTH_SECONDS)
        copies.append(
            sample.with_columns(moved.alias("pickup_datetime"), (moved + (dropoff - pickup)).alias("dropoff_datetime"))
        )
    folder.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    pl.concat(copies).head(ROWS).write_parquet(scratch, row_group_size=1_000_000)
    scratch.replace(path)
    return path


def plain(file: Path, folder: Path) -> tuple[Any, float, float, int]:
    """The file's trips as sorted starts and ends, by SQL alone: a digest, seconds, those of CPU, bytes of memory."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
    times = ", ".join(
        f"timezone('UTC', timezone('America/New_York', {old})) AS {new}"
        for old, new in (("pickup_time", "started_at"), ("dropoff_time", "ended_at"))
    )
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as connection:
        began, worked = time.monotonic(), time.process_time()
        connection.execute(
            f"CREATE TEMP TABLE trips AS SELECT *, {digest_sql('yellow', TRIP_ID_COLUMNS, list(_COLUMNS))} AS trip_id,"
            f" {times}, 'yellow:2019-01' AS source FROM (SELECT {columns} FROM read_parquet('{file}'))"
        )
        for name, listed, event_time in (("starts", _OF_STARTS, "started_at"), ("ends", "*", "ended_at")):
            connection.execute(
                f"COPY (SELECT {listed} FROM (SELECT *, {event_time} AS event_time FROM trips) ORDER BY event_time)"
                f" TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
        seconds, used = time.monotonic() - began, time.process_time() - worked
        found = connection.execute(_DIGEST.format(f"'{folder / 'ends'}.parquet'")).fetchall()
    return found, seconds, used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


_DIGEST: Final = "SELECT count(*), bit_xor(hash(trip_id)), sum(total_amount) FROM read_parquet({})"


def _digest(settings: Settings) -> Any:
    """The same of what was archived."""
    months = beside(open_store(TRIPS_STARTED, settings))
    month = published_month(months, "yellow-2019-01")
    if month is None:
        raise HailstreamError("nothing was published")
    files = [months.path(month.path(part)) for part in month.of(EVENT_TOPICS[1])]
    with duckdb.connect() as connection:
        return connection.execute(_DIGEST.replace("total_amount", "total_cents").format(str(files))).fetchall()


def _write(settings: Settings, work: Any, file: Path) -> None:
    outcome = Outcome()
    Backfiller(settings).write(work, months_of(monthly_file(file.name, file)), outcome)
    if outcome.failed:
        raise HailstreamError("; ".join(outcome.failed))


def _small(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    small = folder / "yellow_tripdata_2018-12.parquet"
    pl.scan_parquet(file).head(20_000).collect().write_parquet(small)
    return small


def _own_processes() -> Processes:
    me = psutil.Process(os.getpid())
    found: dict[str, list[psutil.Process]] = {"the driver's Python": [me]}
    for process in me.children(recursive=True):
        name = process.name()
        kind = "Spark's JVM" if "java" in name else "Python workers" if "python" in name else "other"
        found.setdefault(kind, []).append(process)
    return found
