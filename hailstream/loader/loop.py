"""The loader: messages in, rows stored, offsets committed, for ever or until there is nothing left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
import polars as pl
from confluent_kafka import KafkaException

from hailstream.loader.batching import Batcher, TopicMessages
from hailstream.loader.contract import APPENDED, Opened, Refused, Rows, Sink, SinkAway, TopicState
from hailstream.loader.decode import decode
from hailstream.loader.held_up import DEFAULT_SECONDS, HeldUp
from hailstream.loader.metrics import Metrics
from hailstream.loader.patience import Patience, Stopped, void
from hailstream.loader.rejects import Rejects, rejects_of
from hailstream.loader.source import KafkaSource, Key
from hailstream.loader.topic_ids import KafkaAway, TopicIds
from hailstream.loader.writers import RegistryAway, RegistryWriters
from hailstream.settings import Settings
from hailstream.topics import LOAD_REJECTED

log = logging.getLogger(__name__)

# How soon a stop is noticed.
SLICE_SECONDS = 0.25
# For a sink with positions of its own the committed offsets only inform, and
# its writes need not wait for them.
COMMIT_SECONDS = 1.0
# Time of the event in each topic, for the latency metric.
_EVENT_TIMES = ("window_end", "event_time", "record_time")


@dataclass(frozen=True)
class Pace:
    """How batches are cut: at so many rows, or when the oldest has waited so many seconds."""

    rows: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings, sink: Sink) -> Pace:
        """ClickHouse wants few large inserts; Redis wants everything at once, in scripts of some milliseconds."""
        if sink.name == "clickhouse":
            return cls(settings.load_batch_rows, settings.load_batch_seconds)
        return cls(min(settings.load_batch_rows, 5000), 0.0)


def run_loader(
    settings: Settings,
    sink: Sink,
    stop: Event,
    *,
    until_idle: float | None = None,
    metrics: Metrics | None = None,
    pace: Pace | None = None,
    held_up_after: float = DEFAULT_SECONDS,
    after_write: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Loads until ``stop`` is set, then finishes the batch it holds, commits and returns.

    Servers that are away are waited for. Each message is stored, or delivered
    to load.rejected.v1, before its offset is committed.

    Args:
        until_idle: return when everything was loaded and nothing came for so
            many seconds; None runs for ever.
        held_up_after: seconds after which an open transaction is spoken of.
        after_write: called when a batch is stored and before its offsets are committed.
        clock: monotonic seconds.

    Raises:
        HailstreamError: something that waiting does not heal: credentials, a changed migration.
    """
    _Loader(settings, sink, stop, until_idle, metrics or Metrics(), pace, held_up_after, after_write, clock).run()


class _Loader:
    def __init__(
        self,
        settings: Settings,
        sink: Sink,
        stop: Event,
        until_idle: float | None,
        metrics: Metrics,
        pace: Pace | None,
        held_up_after: float,
        after_write: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._stop = stop
        self._until_idle = until_idle
        self._metrics = metrics
        self._pace = pace or Pace.of(settings, sink)
        self._after_write = after_write
        self._clock = clock
        self._topics = {topic.name(settings.namespace): topic for topic in sink.topics}
        self._ids = TopicIds(settings, sink.topics, clock)
        self._writers = RegistryWriters(settings, clock)
        self._rejects = Rejects(settings, sink.name)
        self._held_up = HeldUp(held_up_after, clock)
        self._source: KafkaSource | None = None
        self._patience = Patience(stop, sleep=self._stay_alive, on_retry=self._retried, clock=clock)
        self._idle_since: float | None = None
        self._reported = clock()
        self._keeps_positions = False
        self._uncommitted: dict[Key, int] = {}
        self._committed = clock()

    def run(self) -> None:
        try:
            self._patience.until_done(lambda: self._ids.create(LOAD_REJECTED), KafkaAway)
            while not self._stop.is_set():
                if self._session():
                    return
        except Stopped:
            log.warning("%s: stopped while waiting; what was not stored is read again next time", self._sink.name)

    def _session(self) -> bool:
        """One life of a consumer; True when there is nothing left to do."""
        ids = self._patience.until_done(self._ids.read, KafkaAway)
        opened = self._patience.until_done(lambda: self._sink.open(ids), SinkAway)
        self._metrics.sink_up.labels(self._sink.name).set(1)
        states = {name: TopicState(topic_id, opened.epochs[name]) for name, topic_id in ids.items()}
        if not ids:
            self._stop.wait(SLICE_SECONDS)
            return False
        source = KafkaSource(
            self._settings,
            self._settings.consumer_group(self._sink.name),
            ids,
            uncommitted=self._sink.reads_uncommitted,
            # Other loaders of the group may have moved them on since.
            positions=(lambda: None) if opened.positions is None else (lambda: self._sink.open(ids).positions),
        )
        self._source = source
        self._keeps_positions = opened.positions is not None
        self._uncommitted.clear()
        log.info("%s: reading %s", self._sink.name, ", ".join(sorted(ids)))
        try:
            done = self._load(source, states)
            self._commit(source)
            return done
        except (KafkaException, SinkAway) as error:
            # A rebalance met a sink that is away, or the consumer cannot go on.
            log.warning("%s: starting the consumer anew: %s", self._sink.name, error)
            self._stop.wait(SLICE_SECONDS)
            return False
        finally:
            self._source = None
            source.close()

    def _load(self, source: KafkaSource, states: dict[str, TopicState]) -> bool:
        batcher = Batcher(self._pace.rows, self._pace.seconds, self._clock)
        while not self._stop.is_set():
            if batcher.room == self._pace.rows:
                batcher.add(source.wait(self._pace.rows, SLICE_SECONDS))
            else:
                batcher.add(source.gather(batcher.room, min(batcher.wait, SLICE_SECONDS)))
            if batcher.due and not self._flush(source, batcher.take(), states):
                batcher.take()
            if self._clock() - self._committed >= COMMIT_SECONDS:
                self._commit(source)
            self._report(source)
            if self._is_idle(source, batcher):
                return True
            if self._ids.changed():
                self._flush(source, batcher.take(), states)
                log.info("%s: the topics have changed", self._sink.name)
                return False
        self._flush(source, batcher.take(), states)
        return True

    def _flush(self, source: KafkaSource, taken: dict[str, TopicMessages], states: dict[str, TopicState]) -> bool:
        """Stores and commits; False when the sink had lost rows and the source went back to them."""
        for name, messages in taken.items():
            if not self._store(source, name, messages, states):
                return False
            self._uncommitted |= {(name, r.partition): r.last + 1 for r in messages.ranges()}
        if taken:
            self._after_write()
            if not self._keeps_positions:
                self._commit(source)
        return True

    def _commit(self, source: KafkaSource) -> None:
        """Commits what was stored."""
        if not self._uncommitted:
            return
        offsets, self._uncommitted = self._uncommitted, {}
        self._committed = self._clock()
        self._patience.until_done(lambda: source.commit(offsets), KafkaAway)

    def _store(self, source: KafkaSource, name: str, messages: TopicMessages, states: dict[str, TopicState]) -> bool:
        topic = self._topics[name]
        frame, unreadable = self._patience.until_done(lambda: decode(topic, messages, self._writers), RegistryAway)
        self._reject(name, messages, unreadable)
        rows = Rows(topic, name, states[name], frame, messages.ranges())
        try:
            refused = self._sink.write(rows)
        except SinkAway as away:
            refused_later = self._write_later(source, rows, states, away)
            if refused_later is None:
                return False
            refused = refused_later
        self._reject(name, messages, refused)
        self._measure(name, frame, len(messages) - len(unreadable) - len(refused))
        return True

    def _write_later(
        self, source: KafkaSource, rows: Rows, states: dict[str, TopicState], away: SinkAway
    ) -> list[Refused] | None:
        """Waits for the sink, then writes; None when it came back with older positions of its own."""
        ids = {name: state.topic_id for name, state in states.items()}
        first: list[SinkAway] = [away]

        def again() -> Opened | list[Refused]:
            if first:
                raise first.pop()
            opened = self._sink.open(ids)
            return opened if opened.positions is not None else self._sink.write(rows)

        result = self._patience.until_done(again, SinkAway)
        self._metrics.sink_up.labels(self._sink.name).set(1)
        if isinstance(result, Opened):
            source.rewind(result.positions or {})
            return None
        return result

    def _reject(self, name: str, messages: TopicMessages, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        values = dict(zip(zip(messages.partitions, messages.offsets, strict=True), messages.values, strict=True))
        rejects = rejects_of(name, refused, values)
        self._patience.until_done(lambda: self._rejects.send(rejects), KafkaAway, RegistryAway)
        self._metrics.rejected.labels(self._sink.name, name).inc(len(refused))

    def _measure(self, name: str, frame: pl.DataFrame, stored: int) -> None:
        labels = (self._sink.name, name)
        self._metrics.rows.labels(*labels).inc(stored)
        self._metrics.batches.labels(*labels).inc()
        now = time.time() * 1000
        self._metrics.append_to_stored.observe(labels, (now - frame[APPENDED].to_numpy()) / 1000)
        for column in _EVENT_TIMES:
            if column in frame.columns:
                times = frame[column].dt.epoch("ms").to_numpy().astype(np.float64)
                self._metrics.event_to_stored.observe(labels, (now - times) / 1000)

    def _report(self, source: KafkaSource) -> None:
        if self._clock() - self._reported < SLICE_SECONDS:
            return
        self._reported = self._clock()
        self._metrics.positions(self._sink.name, source.states)
        if not self._sink.reads_uncommitted:
            for line in self._held_up.observe(source.states):
                log.warning("%s: %s", self._sink.name, line)

    def _is_idle(self, source: KafkaSource, batcher: Batcher) -> bool:
        if self._until_idle is None:
            return False
        if batcher.room < self._pace.rows or not source.is_at_end:
            self._idle_since = None
            return False
        if self._idle_since is None:
            self._idle_since = self._clock()
        return self._clock() - self._idle_since >= self._until_idle

    def _stay_alive(self, seconds: float) -> None:
        """Waits as a member of the group that reads nothing."""
        until = self._clock() + seconds
        while not self._stop.is_set() and (left := until - self._clock()) > 0:
            if self._source is not None:
                self._source.hold()
            void(self._stop.wait(min(left, SLICE_SECONDS)))

    def _retried(self) -> None:
        self._metrics.retries.labels(self._sink.name).inc()
        self._metrics.sink_up.labels(self._sink.name).set(0)
