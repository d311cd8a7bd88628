"""The sending loop: batches at their pace, heartbeats among them, checkpoints in between."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from hailstream.replay.batch import ROW, Preparer, ReadyBatch
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import HeartbeatPlan
from hailstream.replay.pacing import Clock, Pacing
from hailstream.replay.producer import EventProducer
from hailstream.replay.resume import Digest

SLICE = 5_000  # messages between two looks at the clock
SHORTEST_SLEEP, LONGEST_SLEEP = 0.002, 0.05  # seconds


@dataclass
class Position:
    """How far a replay is, between two messages.

    Attributes:
        next_event: number of the source's next event.
        reached: event time reached, ms.
        refused: events not sent, by reason.
        found: events that were in the log before.
    """

    next_event: int = 0
    reached: int | None = None
    refused: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)


class Session:
    """Sends the rest of a source.

    Args:
        position: where to begin; moved on with every slice.
        digest: of the events before the position; kept up with it.
        in_log: keys of events after the position that the log holds already, by topic and partition.
        tick: called between slices, when the position is exact.
        keep_refused: called with the refused rows (column ``reason``), each once.
    """

    def __init__(
        self,
        producer: EventProducer,
        preparer: Preparer,
        heartbeats: HeartbeatPlan,
        pacing: Pacing,
        future: FutureRule,
        clock: Clock,
        *,
        position: Position,
        digest: Digest,
        in_log: dict[tuple[str, int], deque[str]],
        stopped: Callable[[], bool],
        tick: Callable[[], None],
        keep_refused: Callable[[pl.DataFrame], None],
    ) -> None:
        self.position = position
        self._producer = producer
        self._preparer = preparer
        self._heartbeats = heartbeats
        self._pacing = pacing
        self._future = future
        self._clock = clock
        self._digest = digest
        self._in_log = in_log
        self._stopped = stopped
        self._tick = tick
        self._keep_refused = keep_refused
        self._seen: dict[tuple[str, int], set[str]] = {}
        self._last_beat = position.reached
        self._frame = pl.DataFrame()
        self._row = self._digested = 0  # rows of the frame dealt with, and in the digest

    def send(self, frames: Iterable[pl.DataFrame]) -> bool:
        """Send frames of events, in order; false when stopped before their end."""
        for frame in frames:
            if frame.height:
                self._begin_pacing(frame)
                if not self._send_frame(frame, self._preparer.ready(frame)):
                    return False
        return not self._stopped()

    def digest(self) -> str:
        """Of all events before the position."""
        if self._digested < self._row:
            self._digest.update(self._frame.slice(self._digested, self._row - self._digested))
            self._digested = self._row
        return self._digest.text()

    def _begin_pacing(self, frame: pl.DataFrame) -> None:
        """The clock starts at the event time reached, or at the first event that is not of the future."""
        start = self.position.reached
        if start is None:
            times = frame["event_time"].drop_nulls().dt.epoch("ms")
            past = times.filter(times <= self._future.limit())
            if not len(past):
                return
            start = int(past[0])
        self._pacing.begin(start)

    def _send_frame(self, frame: pl.DataFrame, batch: ReadyBatch) -> bool:
        self._frame, self._row, self._digested = frame, 0, 0
        beats = deque(batch.beats)
        at = 0
        while at < len(batch.keys):
            due = self._due(batch, at)
            if due is None or not self._producer.room(SLICE):
                return False
            # From here to the end of the slice nothing stops: a heartbeat is never sent twice.
            stop = min(due, at + SLICE)
            while at < stop:
                while beats and beats[0].before <= at:
                    self._beat(beats.popleft().time)
                end = min(stop, beats[0].before) if beats else stop
                self._send_part(batch, at, end)
                at = end
            self._producer.poll()
            self.position.reached = int(batch.reached[at - 1])
            self._move_on(batch, batch.row_after(at))
            self._tick()
        self._move_on(batch, frame.height)
        self.digest()
        return True

    def _due(self, batch: ReadyBatch, at: int) -> int | None:
        """Wait until message ``at`` is due; the first message that is not, or None when stopped."""
        reached = batch.reached
        while (wait := self._pacing.seconds_until(int(reached[at]))) > 0:
            if self._stopped():
                return None
            self._beat_while_idle()
            self._producer.poll()
            self._clock.sleep(min(max(wait, SHORTEST_SLEEP), LONGEST_SLEEP))
        if self._stopped():
            return None
        now = self._pacing.event_now()
        return len(reached) if now is None else max(at + 1, int(np.searchsorted(reached, now, "right")))

    def _beat_while_idle(self) -> None:
        now = self._pacing.event_now()
        if now is None or self.position.reached is None:
            return
        last = max(self.position.reached, self._last_beat or 0)
        time = self._heartbeats.idle(last, min(now, self._future.limit()))
        if time is not None and self._producer.room(SLICE):
            self._beat(time)

    def _beat(self, time: int) -> None:
        if self._last_beat is None or time > self._last_beat:  # not again what was said while idle
            self._last_beat = time
            self._producer.beat(time)

    def _send_part(self, batch: ReadyBatch, start: int, end: int) -> None:
        if not self._in_log:
            self._producer.send(batch, start, end)
            return
        for at in range(start, end):
            topic, partition, key = batch.topics[at], batch.partitions[at], batch.keys[at]
            if self._is_in_log((topic, partition), key):
                self.position.found[topic] += 1
            else:
                self._producer.send(batch, at, at + 1)

    def _is_in_log(self, place: tuple[str, int], key: str) -> bool:
        """Whether the next record of a partition that is not accounted for has this key; then it is."""
        records = self._in_log.get(place)
        if records is None:
            return False
        seen = self._seen.setdefault(place, set())
        while records and records[0] != key and records[0] in seen:
            records.popleft()  # what a broker that crashed took twice
        if not records or records[0] != key:
            return False
        seen.add(records.popleft())
        if not records:
            del self._in_log[place]
        return True

    def _move_on(self, batch: ReadyBatch, row: int) -> None:
        """The frame's rows before ``row`` are dealt with."""
        if batch.refused.height:
            refused = batch.refused.filter(pl.col(ROW).is_between(self._row, row, closed="left"))
            if refused.height:
                self.position.refused.update(refused["reason"].to_list())
                self._keep_refused(refused.drop(ROW))
        self.position.next_event += row - self._row
        self._row = row
