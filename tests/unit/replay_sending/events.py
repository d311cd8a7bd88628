"""Events, sources and a producer for tests, all in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from hailstream.replay.batch import ReadyBatch
from hailstream.replay.events import EVENT_SCHEMA, SourceReport
from hailstream.replay.pacing import Clock

NOW_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
START_MS = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp() * 1000)


def event(number: int, at: int, **values: Any) -> dict[str, Any]:
    """An event ``at`` ms after the start of 2013; odd numbers are ends of trips."""
    time = datetime.fromtimestamp((START_MS + at) / 1000, UTC)
    given: dict[str, Any] = {
        "is_end": bool(number % 2),
        "trip_id": f"trip-{number:06d}",
        "event_time": time,
        "started_at": time,
        "source": "test",
    }
    return given | values


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """A batch of events; columns not given are null."""
    return pl.DataFrame([{name: row.get(name) for name in EVENT_SCHEMA} for row in rows], schema=EVENT_SCHEMA)


@dataclass
class MemorySource:
    """A source that is there already, cut into frames of any size."""

    rows: list[dict[str, Any]]
    batch: int = 1_000
    name: str = "memory"

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from frame(self.rows).iter_slices(self.batch)

    def report(self) -> SourceReport:
        return SourceReport(len(self.rows), len(self.rows))

    def bounds(self) -> tuple[datetime, datetime] | None:
        times = [row["event_time"] for row in self.rows if row["event_time"] is not None]
        return (min(times), max(times)) if times else None

    def total_events(self) -> int | None:
        return len(self.rows)


@dataclass
class FakeTime:
    """Time that passes when someone sleeps."""

    seconds: float = 0.0
    now_ms: int = NOW_MS
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(
            monotonic=lambda: self.seconds, sleep=self.sleep, now_ms=lambda: self.now_ms + int(self.seconds * 1000)
        )


@dataclass
class RecordingProducer:
    """Keeps what it is given, with the time at which it was; heartbeats have key None."""

    time: FakeTime
    stop_after: int | None = None
    log: list[tuple[str | None, int]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    def stopped(self) -> bool:
        return self.stop_after is not None and len(self.log) >= self.stop_after

    def room(self, messages: int) -> bool:
        return messages > 0

    def send(self, batch: ReadyBatch, start: int, end: int) -> None:
        self.log += zip(batch.keys[start:end], batch.times[start:end], strict=True)
        self.at += [self.time.seconds] * (end - start)
        self.sent.update(batch.topics[start:end])

    def beat(self, time: int) -> None:
        self.log.append((None, time))
        self.at.append(self.time.seconds)

    def poll(self, seconds: float = 0.0) -> None:
        pass
