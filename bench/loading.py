"""How fast the loader puts result rows into ClickHouse."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import polars as pl
from confluent_kafka import Producer

from bench.context import Context
from bench.figures import Figure, Target
from bench.flinkjobs import cpu_of
from bench.offsets import committed, forget
from bench.steady import steady, watch
from hailstream.clickhouse import reachable
from hailstream.encode.batch import BatchEncoder
from hailstream.errors import HailstreamError
from hailstream.local.ports import free_port
from hailstream.local.processes import MARK
from hailstream.local.topics_admin import create_topics
from hailstream.namespace import empty_namespace
from hailstream.schemas import load_schema
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS

ZONES = 265
FIRST_WINDOW_MS = 1_704_067_200_000
MINUTE_MS = 60_000
SMALLEST = 100_000


def loader(context: Context) -> Iterator[Figure]:
    """Rows of zone.counts.v1 into ClickHouse by a loader that finds them waiting."""
    rows = max(context.events // 3, SMALLEST)
    settings = context.settings.model_copy(update={"namespace": "bench_load"})
    empty_namespace(settings)
    create_topics(settings)
    fill(settings, rows)
    group = settings.consumer_group("clickhouse")
    forget(settings, group)
    environment = dict(os.environ) | settings.as_environment() | {MARK: str(settings.home_dir)}
    command = [sys.executable, "-m", "hailstream.cli", "load", "clickhouse", "--metrics-port", str(free_port())]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def check() -> None:
        if process.poll() is not None:
            raise HailstreamError(f"the loader ended with exit code {process.returncode}")

    try:
        looks = watch(committed(settings, group), rows, clock=time.monotonic, sleep=time.sleep, check=check)
    finally:
        process.terminate()
        process.wait()
    with reachable(settings, database=settings.database) as client:
        stored = client.query("SELECT count() FROM zone_counts").result_rows[0][0]
    if stored != rows:
        raise HailstreamError(f"{stored:,} of {rows:,} rows are in ClickHouse")
    span = steady(looks, rows)
    cpu = cpu_of(context.sampler, span)
    yield Figure("zone counts into ClickHouse", span.rate, "rows/s", sum(cpu.values()), cpu, Target(50_000))
    empty_namespace(settings)


def result_rows(count: int) -> pl.DataFrame:
    """Rows as the job writes them: every zone, minute after minute."""
    number = np.arange(count)
    rng = np.random.default_rng(1)
    end = FIRST_WINDOW_MS + (number // ZONES) * MINUTE_MS
    trips = rng.poisson(20, count)
    moments = {"window_start": end - 5 * MINUTE_MS, "window_end": end}
    return pl.DataFrame(
        {
            "zone_id": (number % ZONES + 1).astype(np.int32),
            **{name: pl.Series(values).cast(pl.Datetime("ms", "UTC")) for name, values in moments.items()},
            "trips": trips,
            "passengers": trips + rng.poisson(5, count),
            "known_passengers": trips,
            "drivers": trips,
            "duplicates": rng.poisson(0.1, count),
            "generation": np.ones(count, np.int32),
        }
    )


def fill(settings: Settings, count: int) -> None:
    """Put so many result rows into their topic."""
    schema_id = register_schemas(settings)[ZONE_COUNTS]
    encoder = BatchEncoder(load_schema(ZONE_COUNTS), schema_id)
    topic = ZONE_COUNTS.name(settings.namespace)
    sender = Producer({**settings.kafka_config(), "compression.type": "lz4", "linger.ms": 20})
    frame = result_rows(count)
    for part in frame.iter_slices(50_000):
        for zone, value in zip(part["zone_id"].to_list(), encoder.encode(part), strict=True):
            sender.produce(topic, value, str(zone), on_delivery=_must)
        sender.flush()


def _must(error: object, _: object) -> None:
    if error is not None:
        raise HailstreamError(f"a result row was not taken by Kafka: {error}")
