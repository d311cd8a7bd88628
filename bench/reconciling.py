"""How long a reconcile of a day takes, and the same windows in DuckDB beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.archived import ArchivedLog, fill_archive, tell_rows
from bench.context import Context
from bench.figures import Figure, Target
from bench.sampler import Processes, Sampler
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import create_topics
from hailstream.proof.expected import RECOUNTS
from hailstream.proof.trips import expected_trips
from hailstream.settings import Settings

#: Events of the day, whatever the size of the other benchmarks' logs.
EVENTS = 1_000_000
_MINUTES = 24 * 60


def reconciling(context: Context) -> Iterator[Figure]:
    """A day of a million events, 1 % of them late and 1 % sent twice: compare all, correct, compare again."""
    # The horizon is behind the day, as that of a replay is.
    changes = {"namespace": "bench_day", "horizon": "2030-01-01T00:00:00"}
    settings = context.settings.model_copy(update=changes)
    create_topics(settings)
    spec = f"sim:seed=1&rate={EVENTS / _MINUTES / 60:.3f}&minutes={_MINUTES}&faults=late:0.01,duplicate:0.01"
    context.say("writing the archive and the rows of the stream")
    with tempfile.TemporaryDirectory(dir=settings.home_dir) as folder:
        events = fill_archive(settings, spec, Path(folder))
    tell_rows(ArchivedLog(settings))
    for case, arguments in (
        ("compare what differs by late rows", ["--dry-run"]),
        ("compare and correct it", []),
        ("compare what is equal", ["--dry-run"]),
    ):
        context.say(case)
        yield from _run(case, settings, arguments, events)
    context.say("the same rows in DuckDB")
    began = time.monotonic()
    log = ArchivedLog(settings)
    for how in RECOUNTS:
        log.recounted(how, late_counts=True)
    expected_trips(log)
    took = time.monotonic() - began
    note = "the rows there should be, from the same files, in this process; nothing is compared"
    yield Figure("the rows alone, in DuckDB", took, "s", note=note)
    with reachable(settings, database="default") as client:
        client.command(f"DROP DATABASE {settings.database}")


def _run(case: str, settings: Settings, arguments: Sequence[str], events: int) -> Iterator[Figure]:
    """Its time as a whole and after Spark's start, and its memory."""
    command = [sys.executable, "-m", "hailstream.cli", "batch", "reconcile", *arguments]
    environment = dict(os.environ) | settings.as_environment()
    began, started = time.monotonic(), None
    told: list[str] = []
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    with Sampler(lambda: _children(process.pid)) as sampler:
        for line in process.stderr:
            told.append(line)
            if started is None and "Spark has started" in line:
                started = time.monotonic()
        code = process.wait()
    if code or started is None:
        raise HailstreamError(f"the reconcile ended with exit code {code}: {''.join(told)[-1000:]}")
    ended = time.monotonic()
    peak = sum(sampler.peak.values()) / 1e6
    parts = ", ".join(f"{kind} {size / 1e6:,.0f}" for kind, size in sorted(sampler.peak.items()))
    note = f"{events:,} events; Spark's start before it {started - began:.0f} s; peak memory {peak:,.0f} MB ({parts})"
    yield Figure(case, ended - started, "s", target=Target(60, at_most=True), note=note)


def _children(pid: int) -> Processes:
    found: dict[str, list[psutil.Process]] = {}
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                kind = "JVM" if process.name() == "java" else "Python"
                found.setdefault(kind, []).append(process)
    return found
