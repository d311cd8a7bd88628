"""How fast a replay at full speed puts events into Kafka."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime

import polars as pl
import psutil

from bench.context import Context
from bench.eventlog import Faults, simulation
from bench.figures import Figure, Target
from bench.flinkjobs import cpu_of
from bench.sampler import Sampler
from bench.stack import processes_of
from bench.steady import Look, Span
from hailstream.local.topics_admin import delete_topics
from hailstream.replay.events import EventSource, SourceReport, open_source
from hailstream.replay.run import run_replay

MOST_EVENTS = 1_000_000  # kept in memory


class InMemory:
    """Events that are there already: what is left is encoding and sending."""

    name = "in memory"

    def __init__(self, source: EventSource) -> None:
        self._bounds = source.bounds()
        self._frames = list(source.batches())

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from self._frames

    def report(self) -> SourceReport:
        return SourceReport(self.total_events(), self.total_events())

    def bounds(self) -> tuple[datetime, datetime] | None:
        return self._bounds

    def total_events(self) -> int:
        return sum(frame.height for frame in self._frames)


def producer(context: Context) -> Iterator[Figure]:
    """Encode, partition, send and account for events, every one of them acknowledged by the broker."""
    events = min(context.events, MOST_EVENTS)
    source = open_source(simulation(events, Faults.READABLE.spec), work_dir=context.settings.home_dir / "sim")
    yield _replayed(context, InMemory(source), "events in memory to Kafka", Target(150_000))
    yield _replayed(context, source, "simulated on the way")


def _replayed(context: Context, source: EventSource, case: str, target: Target | None = None) -> Figure:
    settings = context.settings.model_copy(update={"namespace": "bench_producer"})
    own = psutil.Process(os.getpid())
    with Sampler(lambda: {"replay": [own], **processes_of(settings.home_dir)}) as sampler:
        report = run_replay(settings, source)
        end = time.monotonic()
        delete_topics(settings)
    sent = sum(report.sent.values())
    span = Span(Look(end - report.seconds_here, 0), Look(end, sent))
    cpu = cpu_of(sampler, span)
    return Figure(case, report.events_per_second, "events/s", sum(cpu.values()), cpu, target)
