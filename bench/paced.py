"""Send simulated events at a pace and note when the log had what closes each minute.

``python -m bench.paced '{"spec": "sim:...", "speed": 60}'``, started by the
benchmarks of latency: prepares all messages, prints ``ready``, waits for a line,
sends, and prints as JSON, by topic and minute, when each partition's first
record beyond the minute's end and the allowed disorder was acknowledged.

With ``"moments": "file.parquet"`` it also writes when it handed each message to
its producer: topic, key, time of the event (ms), and moment (seconds since 1970).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from confluent_kafka import Message, Producer

from hailstream.encode.batch import BatchEncoder
from hailstream.replay.batch import Preparer, ReadyBatch
from hailstream.replay.events import open_source
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import HeartbeatPlan
from hailstream.replay.pacing import Clock, Pacing
from hailstream.replay.producer import producer_config
from hailstream.schemas import load_schema
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings, load_settings
from hailstream.topics import EVENT_TOPICS

MINUTE_MS = 60_000
HEARTBEAT_MS = 60_000
SLICE_SECONDS = 0.002


class Boundaries:
    """Finds the record of each partition that closes a minute there.

    Args:
        disorder: ms that a watermark is behind the newest event.
    """

    def __init__(self, disorder: int) -> None:
        self._disorder = disorder
        self._next: dict[tuple[str, int], int] = {}

    def closes(self, topic: str, partition: int, moment: int) -> int | None:
        """The end (ms) of the newest minute that this record is the first of its partition to close."""
        closed = (moment - self._disorder + 1) // MINUTE_MS * MINUTE_MS
        known = self._next.get((topic, partition))
        if known is not None and closed <= known:
            return None
        self._next[topic, partition] = closed
        return closed if known is not None else None


class PacedSender:
    """Sends prepared batches at a pace.

    Attributes:
        closed: wall clock seconds of the acknowledgements, by topic, end of minute (ms) and partition.
        behind: seconds that the sender was behind its pace at the most.
        moments: how many messages were handed over at a time, and when (seconds since 1970).
    """

    def __init__(self, settings: Settings, speed: float) -> None:
        self._speed = speed
        self._boundaries = Boundaries(int(settings.max_disorder * 1000))
        config = producer_config(settings, paced=True) | {"delivery.report.only.error": False, "linger.ms": 20}
        self._producer = Producer(config)
        self.closed: dict[str, dict[int, dict[int, float]]] = {}
        self.behind = 0.0
        self.moments: list[tuple[int, float]] = []

    def send(self, batches: list[ReadyBatch], places: list[tuple[str, int]]) -> None:
        """All messages and heartbeats; returns when all are acknowledged."""
        first, began = int(batches[0].reached[0]), time.monotonic()
        for batch in batches:
            due = (batch.reached - first) / 1000 / self._speed
            beats = {beat.before: beat.time for beat in batch.beats}
            at = 0
            while at < len(batch.keys):
                now = time.monotonic() - began
                until = int(np.searchsorted(due, now, "right"))
                if until <= at:
                    self._producer.poll(0)
                    time.sleep(SLICE_SECONDS)
                    continue
                self.behind = max(self.behind, now - float(due[at]))
                self.moments.append((until - at, time.time()))
                self._send(batch, at, until, beats, places)
                at = until
                self._producer.poll(0)
        self._producer.flush()

    def _send(self, batch: ReadyBatch, start: int, end: int, beats: dict[int, int], places: Any) -> None:
        produce, closes = self._producer.produce, self._boundaries.closes
        for at in range(start, end):
            if at in beats:
                for topic, partition in places:
                    produce(topic, None, None, partition, None, None, beats[at])
            topic, partition, moment = batch.topics[at], batch.partitions[at], batch.times[at]
            minute = closes(topic, partition, moment)
            report = None if minute is None else self._noting(topic, minute)
            produce(topic, batch.values[at], batch.keys[at], partition, report, None, moment)

    def _noting(self, topic: str, minute: int) -> Callable[[object, Message], None]:
        def note(error: object, message: Message) -> None:
            if error is None:
                partition = message.partition()
                assert partition is not None
                self.closed.setdefault(topic, {}).setdefault(minute, {})[partition] = time.time()

        return note


def prepare(settings: Settings, spec: str) -> list[ReadyBatch]:
    """All messages of a simulation, as a replay would send them."""
    clock = Clock()
    names = {topic: topic.name(settings.namespace) for topic in EVENT_TOPICS}
    ids = register_schemas(settings)
    preparer = Preparer(
        {topic: BatchEncoder(load_schema(topic), ids[topic]) for topic in EVENT_TOPICS},
        names,
        dict.fromkeys(names.values(), settings.partitions),
        FutureRule(clock, Pacing(None, clock)),
        HeartbeatPlan(HEARTBEAT_MS),
    )
    source = open_source(spec, work_dir=Path(settings.home_dir) / "sim")
    return [preparer.ready(frame) for frame in source.batches() if frame.height]


def write_moments(path: Path, batches: list[ReadyBatch], moments: list[tuple[int, float]]) -> None:
    """A row for each message, in the order of sending."""
    counts, times = zip(*moments, strict=True)
    pl.DataFrame(
        {
            "topic": [topic for batch in batches for topic in batch.topics],
            "key": [key for batch in batches for key in batch.keys],
            "time": [moment for batch in batches for moment in batch.times],
            "sent": np.repeat(times, counts),
        }
    ).write_parquet(path)


def main() -> None:
    given = json.loads(sys.argv[1])
    settings = load_settings()
    batches = prepare(settings, given["spec"])
    places = [(topic.name(settings.namespace), p) for topic in EVENT_TOPICS for p in range(settings.partitions)]
    sender = PacedSender(settings, given["speed"])
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    sender.send(batches, places)
    seconds = time.monotonic() - began
    sent = sum(len(batch.keys) for batch in batches)
    if given.get("moments"):
        write_moments(Path(given["moments"]), batches, sender.moments)
    print(json.dumps({"closed": sender.closed, "behind": sender.behind, "sent": sent, "seconds": seconds}))


if __name__ == "__main__":
    main()
