"""Start the Spark program over a filled log and turn its progress into a rate."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka.admin import AdminClient, NewTopic

from bench.eventlog import EventLog
from bench.figures import Figure
from bench.flinkjobs import cpu_of, reason_of
from bench.sampler import Sampler
from bench.spark.install import SparkHome
from bench.stack import processes_of
from bench.steady import Look, steady
from hailstream.errors import HailstreamError
from hailstream.schemas import load_schema
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

PROGRAM = Path(__file__).with_name("city.py")
SECONDS = 1800
TIMEOUT_SECONDS = 30
# Micro-batches into which the log is cut: enough of them to see a steady rate.
BATCHES = 12


def run_spark(log: EventLog, spark: SparkHome) -> Figure:
    """Both metrics over the whole log.

    Raises:
        HailstreamError: the program failed.
    """
    work = Path(tempfile.mkdtemp(prefix="hs-spark-"))
    settings = log.settings
    config = {
        "jars": [str(jar.resolve()) for jar in spark.jars],
        "servers": settings.kafka_servers,
        "topics": {"started": TRIPS_STARTED.name(settings.namespace), "ended": TRIPS_ENDED.name(settings.namespace)},
        "schemas": {"started": load_schema(TRIPS_STARTED).text, "ended": load_schema(TRIPS_ENDED).text},
        "results": {name: f"{settings.namespace}.spark.{name}" for name in ("started", "ended")},
        "partitions": settings.parallelism,
        "disorder": settings.max_disorder,
        "rows_a_batch": max(max(log.records.values()) // BATCHES, 1),
        "work": str(work),
    }
    _new_topics(settings, config["results"].values())
    try:
        process = subprocess.Popen(
            [spark.python, PROGRAM, json.dumps(config)],
            env=spark.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(work / "log").open("wb"),
            text=True,
        )
        own = psutil.Process(process.pid)
        with Sampler(lambda: {"Spark": [own, *_children(own)], **processes_of(settings.home_dir)}) as sampler:
            try:
                out, _ = process.communicate(timeout=SECONDS)
            except BaseException:
                for child in [*_children(own), own]:
                    child.kill()
                process.wait()
                raise
        if process.returncode != 0:
            raise HailstreamError(f"the Spark program failed: {reason_of((work / 'log').read_text(errors='replace'))}")
        span = steady(looks := looks_of(json.loads(line) for line in out.splitlines()), looks[-1].done)
        cpu = cpu_of(sampler, span)
        return Figure(
            "Spark Structured Streaming",
            span.rate,
            "events/s",
            sum(cpu.values()),
            cpu,
            note=f"at least once; peak {sampler.peak['Spark'] / 2**20:,.0f} MB",
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _new_topics(settings: Settings, names: Iterable[str]) -> None:
    """Make the program's result topics, empty."""
    admin = AdminClient(settings.kafka_config())
    there = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    if old := [name for name in names if name in there]:
        for done in admin.delete_topics(old).values():
            done.result(TIMEOUT_SECONDS)
    new = [NewTopic(name, num_partitions=settings.partitions, replication_factor=1) for name in names]
    for done in admin.create_topics(new).values():
        done.result(TIMEOUT_SECONDS)


def looks_of(progress: Iterable[dict[str, Any]]) -> list[Look]:
    """Rows done at the end of each micro-batch, all queries together.

    Args:
        progress: Spark's own, ``timestamp`` (UTC) being the batch's beginning.
    """
    offset = time.monotonic() - time.time()
    ends = sorted(
        (
            datetime.fromisoformat(batch["timestamp"]).timestamp() + batch["durationMs"]["triggerExecution"] / 1000,
            int(batch["numInputRows"]),
        )
        for batch in progress
    )
    looks, done = [], 0
    for moment, rows in ends:
        done += rows
        looks.append(Look(moment + offset, done))
    return looks


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found
