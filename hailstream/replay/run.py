"""One replay, from checks to account."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from hailstream.encode.batch import BatchEncoder
from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import create_topics
from hailstream.replay.accounting import ReplayReport
from hailstream.replay.batch import Preparer
from hailstream.replay.broker import LogReader, Offsets
from hailstream.replay.events import EventSource
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import HeartbeatPlan, final_time
from hailstream.replay.options import LONGEST_WINDOW_SECONDS, TAIL_SECONDS, ReplayOptions, ReplayProgress
from hailstream.replay.pacing import Clock, Pacing
from hailstream.replay.plan import require_no_late_replay, require_same_topics
from hailstream.replay.producer import EventProducer
from hailstream.replay.resume import Digest, ReplayState, alone, load_state, require_same_source, save_state, state_path
from hailstream.replay.session import Position, Session
from hailstream.schemas import load_schema
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS

__all__ = ["TAIL_SECONDS", "ReplayOptions", "ReplayProgress", "run_replay"]

log = logging.getLogger(__name__)
Say = Callable[[str], None]

CHECKPOINT_SECONDS = 10.0
STOP_SECONDS = 30.0  # how long a stopped replay waits for acknowledgements
PROGRESS_SECONDS = 0.1


def run_replay(
    settings: Settings,
    source: EventSource,
    options: ReplayOptions = ReplayOptions(),
    progress: Callable[[ReplayProgress], None] | None = None,
    *,
    clock: Clock = Clock(),
    stopped: Callable[[], bool] = lambda: False,
    say: Say = log.warning,
) -> ReplayReport:
    """Send a source's events to the event topics of the settings' namespace.

    Creates topics and registers schemas first; waits for a broker or registry
    that is away. Every event is acknowledged or the replay fails. When
    ``stopped`` becomes true, what was sent is flushed and the report is that
    of an interrupted replay, which :attr:`ReplayOptions.resume` goes on with.

    Raises:
        HailstreamError: refused before sending (late, nothing to resume,
            another source), or messages that Kafka does not take.
    """
    with alone(state_path(settings)):
        return _Replay(settings, source, options, progress, clock, stopped, say).run()


class _Replay:
    def __init__(
        self,
        settings: Settings,
        source: EventSource,
        options: ReplayOptions,
        progress: Callable[[ReplayProgress], None] | None,
        clock: Clock,
        stopped: Callable[[], bool],
        say: Say,
    ) -> None:
        self._settings = settings
        self._source = source
        self._options = options
        self._progress = progress
        self._clock = clock
        self._stopped = stopped
        self._path = state_path(settings)
        self._refused_path = self._path.with_suffix(".refused.jsonl")
        self._total = source.total_events()

        names = {topic: topic.name(settings.namespace) for topic in EVENT_TOPICS}
        self._reader = LogReader(settings, say)
        self._reader.wait()
        create_topics(settings)
        ids = register_schemas(settings, say=say)
        self._partitions = self._reader.partitions(names.values())
        self._base = self._begin()  # the account of earlier parts
        self._saved = self._base
        self._began_at = self._reader.ends(self._partitions)
        in_log = self._reader.keys_between(self._base.offsets, self._began_at) if options.resume else {}

        pacing = Pacing(options.speed, clock)
        self._future = FutureRule(clock, pacing)
        heartbeats = HeartbeatPlan(int(options.heartbeat_every * 1000), self._base.reached)
        encoders = {topic: BatchEncoder(load_schema(topic), ids[topic]) for topic in EVENT_TOPICS}
        self._producer = EventProducer(
            settings, self._partitions, paced=options.speed is not None, stopped=stopped, say=say
        )
        self._digest = Digest()
        self._position = Position(self._base.next_event, self._base.reached, Counter(self._base.refused))
        self._session = Session(
            self._producer,
            Preparer(encoders, names, self._partitions, self._future, heartbeats),
            heartbeats,
            pacing,
            self._future,
            clock,
            position=self._position,
            digest=self._digest,
            in_log=in_log,
            stopped=stopped,
            tick=self._tick,
            keep_refused=self._keep_refused,
        )

    def run(self) -> ReplayReport:
        self._start = self._checked = self._shown = self._clock.monotonic()
        try:
            save_state(self._path, self._base)
            complete = self._session.send(self._remaining())
            if complete and self._options.final_heartbeat and self._position.reached is not None:
                self._producer.beat(final_time(self._position.reached, self._tail(), self._future.limit()))
            deadline = self._clock.monotonic() + STOP_SECONDS
            acknowledged = self._producer.flush(
                while_true=lambda: not self._stopped() or self._clock.monotonic() < deadline
            )
            ends = None
            if acknowledged:
                ends = self._reader.ends(self._partitions)
                self._save("done" if complete else "interrupted", ends)
            else:
                # What came through is found in the log on resuming.
                self._saved = self._saved.advanced(status="interrupted")
                save_state(self._path, self._saved)
            return self._report(complete and acknowledged, ends)
        finally:
            self._producer.close()

    def _begin(self) -> ReplayState:
        identity = dict(self._options.source) | {"heartbeat_every": self._options.heartbeat_every}
        source = json.loads(json.dumps(identity))  # as it comes back from the state file
        if self._options.resume:
            state = load_state(self._path)
            require_same_source(state, source)
            require_same_topics(state.offsets, self._reader.ends(self._partitions))
            if self._refused_path.is_file():
                os.truncate(self._refused_path, state.refused_bytes)  # the rest comes again
            return state
        bounds = self._source.bounds()
        require_no_late_replay(
            self._reader, self._partitions, bounds and bounds[0], allow_late=self._options.allow_late
        )
        self._refused_path.unlink(missing_ok=True)
        return ReplayState("running", source, self._reader.ends(self._partitions))

    def _remaining(self) -> Iterator[pl.DataFrame]:
        """The source's frames from the position on; those before only go into the digest."""
        skip = self._base.next_event
        for frame in self._source.batches():
            if skip:
                head = frame.head(skip)
                self._digest.update(head)
                skip -= head.height
                if skip == 0:
                    self._require_same_events()
                frame = frame.slice(head.height)
            yield frame
        if skip:
            self._require_same_events()

    def _require_same_events(self) -> None:
        if self._digest.text() != self._base.digest:
            raise HailstreamError(
                f"cannot resume: the source's first {self._base.next_event:,} events are not those that were sent",
                hint="the source changed since the stop: start anew in another namespace without --resume",
            )

    def _tail(self) -> int:
        return int(max(self._options.tail, self._settings.max_disorder + LONGEST_WINDOW_SECONDS) * 1000)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if now - self._checked >= CHECKPOINT_SECONDS:
            if self._producer.flush(while_true=lambda: not self._stopped()):
                self._save("running", self._reader.ends(self._partitions))
            self._checked = self._clock.monotonic()
        if self._progress is not None and now - self._shown >= PROGRESS_SECONDS:
            self._shown = now
            self._progress(self._progress_now(now))

    def _progress_now(self, now: float) -> ReplayProgress:
        here = sum(self._producer.sent.values())
        rate = here / (now - self._start) if now > self._start else 0.0
        return ReplayProgress(self._position.next_event, self._total, _moment(self._position.reached), rate)

    def _save(self, status: str, ends: Offsets) -> None:
        """Write down where the replay is; all before is acknowledged."""
        sent = Counter(self._base.sent) + self._producer.sent + self._position.found
        self._saved = self._base.advanced(
            status=status,
            offsets=ends,
            next_event=self._position.next_event,
            digest=self._session.digest(),
            reached=self._position.reached,
            sent={topic: sent[topic] for topic in self._partitions},
            refused=dict(self._position.refused),
            heartbeats=self._base.heartbeats + self._producer.heartbeats,
            seconds=self._base.seconds + self._clock.monotonic() - self._start,
            refused_bytes=self._refused_path.stat().st_size if self._refused_path.is_file() else 0,
        )
        save_state(self._path, self._saved)

    def _keep_refused(self, rows: pl.DataFrame) -> None:
        self._refused_path.parent.mkdir(parents=True, exist_ok=True)
        with self._refused_path.open("ab") as file:
            rows.with_columns(pl.col("raw").bin.encode("base64")).write_ndjson(file)

    def _report(self, complete: bool, ends: Offsets | None) -> ReplayReport:
        state = self._saved
        here = sum(self._producer.sent.values())
        handed_over = here + self._producer.heartbeats
        grown = handed_over if ends is None else _total(ends) - _total(self._began_at)
        return ReplayReport(
            namespace=self._settings.namespace,
            source=self._source.report() if complete else None,
            events=state.next_event,
            sent=state.sent,
            refused=state.refused,
            refused_file=_existing(self._refused_path),
            found=sum(self._position.found.values()),
            heartbeats=state.heartbeats,
            missing=max(0, handed_over - grown),
            repeated=max(0, grown - handed_over),
            reached=_moment(state.reached),
            seconds=state.seconds,
            seconds_here=self._clock.monotonic() - self._start,
            sent_here=here,
            interrupted=not complete,
        )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _total(offsets: Offsets) -> int:
    return sum(offset for by_partition in offsets.values() for offset in by_partition.values())


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None
