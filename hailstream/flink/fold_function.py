"""The stateful function that keeps folds: keyed by group and shard, told packets, woken by event time."""

from __future__ import annotations

import gc
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import MinuteEnded
from hailstream.domain.fold import NEVER, Told
from hailstream.flink.answers import AnswerRows
from hailstream.flink.kept_state import FlinkState
from hailstream.folds.groups import Group
from hailstream.topics import EVENT_TOPICS

if TYPE_CHECKING:
    from hailstream.folds.living import Living

_GC_THRESHOLDS = (100_000, 50, 1_000)
#: What is logged of a packet before the packet itself: number of its topic, watermark.
_RECORD = struct.Struct(">Bq")
#: In the place of a topic: a minute is over.
MINUTE_ENDED = ""
#: Key of a packet: its group's place in ``GROUPS`` times this, and its shard.
MAX_SHARDS = 1000


class FoldPackets(KeyedProcessFunction):  # type: ignore[misc]
    """Tells each shard's fold its events in order of time.

    A fold lives in this process; Flink's state has a snapshot of it and the
    events since, so that every checkpoint has all of it and a bundle writes
    only what is new.

    Args:
        groups: by their place in ``GROUPS``.
        thresholds: of the rules.
        rows: from answers to the rows that leave.
    """

    def __init__(self, groups: Mapping[int, Group], thresholds: Thresholds, rows: AnswerRows) -> None:
        self._groups = dict(groups)
        self._thresholds = thresholds
        self._rows = rows

    def open(self, runtime_context: RuntimeContext) -> None:
        from hailstream.folds.packets import packet_schema

        # Folds hold millions of small objects and no cycles: looking for these took a third of the time.
        gc.set_threshold(*_GC_THRESHOLDS)
        self._kept = FlinkState(runtime_context)
        self._living: dict[int, Living[Any]] = {}
        self._armed: dict[int, int] = {}
        self._schemas = {
            place: {topic.base: packet_schema(group, topic) for topic in group.columns}
            for place, group in self._groups.items()
        }
        self._topics = [*(topic.base for topic in EVENT_TOPICS), MINUTE_ENDED]

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> None:
        """Take a packet: (topic, packet, watermark that its first event met), or (, , end of a minute)."""
        topic, packet, watermark = value
        key = ctx.get_current_key()
        record = _RECORD.pack(self._topics.index(topic), watermark.to_epoch_milli()) + packet
        living = self._fold_of(key)
        living.add(self._read(key, record), record)
        self._arm(key, living, ctx)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """All that follows up to the watermark."""
        key = ctx.get_current_key()
        self._armed.pop(key, None)
        living = self._fold_of(key)
        answers = living.advance(max(timestamp, ctx.timer_service().current_watermark()))
        yield from self._rows(answers, key % MAX_SHARDS)
        self._arm(key, living, ctx)

    def _read(self, key: int, record: bytes) -> Iterable[Told]:
        from hailstream.folds.packets import unpack

        number, time = _RECORD.unpack_from(record)
        topic = self._topics[number]
        if topic == MINUTE_ENDED:
            return [MinuteEnded(time)]
        place = key // MAX_SHARDS
        schema = self._schemas[place][topic]
        return unpack(self._groups[place], EVENT_TOPICS[number], schema, record[_RECORD.size :], time)

    def _fold_of(self, key: int) -> Living[Any]:
        if key not in self._living:
            from hailstream.folds.living import Living

            fold = self._groups[key // MAX_SHARDS].make(self._thresholds)
            self._living[key] = Living.restored(fold, self._kept, lambda record: self._read(key, record))
        return self._living[key]

    def _arm(self, key: int, living: Living[Any], ctx: Any) -> None:
        """Be woken when the watermark is beyond the next moment at which something follows."""
        moment = living.order.next_moment()
        if moment < self._armed.get(key, NEVER):
            ctx.timer_service().register_event_time_timer(moment + 1)
            self._armed[key] = moment
