"""The stateful function that prices and forecasts zones: keyed by shard of zones, told what people say by broadcast."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyflink.common import Row, Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.functions import KeyedBroadcastProcessFunction
from pyflink.datastream.state import MapStateDescriptor

from hailstream.flink.answers import AnswerRows
from hailstream.flink.kept_state import FlinkState
from hailstream.folds.dumping import dump
from hailstream.topics import NamedTopic

if TYPE_CHECKING:
    from hailstream.folds.controls import Key
    from hailstream.folds.zones import ZoneShard

#: What people say: topic and key in one text to (offset, value).
CONTROLS: Final = MapStateDescriptor("controls", Types.STRING(), Types.PICKLED_BYTE_ARRAY())
#: What is logged may grow to so many bytes, or to the size of the snapshot if that is larger.
LOG_BYTES: Final = 256 * 1024


class TellZones(KeyedBroadcastProcessFunction):  # type: ignore[misc]
    """Tells each shard of zones what its tellers say.

    Args:
        tellers: how many shards of drivers there are.
        purposes: ``surge``, ``forecast``.
        topics: of what people say, by full name.
        known: what people had said when the job was made, by topic and key: (offset, value). So
            the first minutes follow it, though the broadcast may come after them.
        rows: from answers to the rows that leave.
    """

    def __init__(
        self,
        tellers: int,
        purposes: Sequence[str],
        topics: Mapping[str, NamedTopic],
        known: Mapping[Key, tuple[int, bytes | None]],
        rows: AnswerRows,
    ) -> None:
        self._tellers = tellers
        self._purposes = tuple(purposes)
        self._topics = dict(topics)
        self._known = dict(known)
        self._rows = rows

    def open(self, runtime_context: RuntimeContext) -> None:
        self._first = runtime_context.get_index_of_this_subtask() == 0
        self._kept = FlinkState(runtime_context)
        self._shards: dict[int, _Living] = {}
        self._said: dict[Key, tuple[int, bytes | None]] = dict(self._known)
        self._restored = False

    def process_element(self, value: Row, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Row]:
        """Take what a teller says: (teller, end of a minute in ms, sums of minutes)."""
        if not self._restored:
            self._said |= _restored(ctx.get_broadcast_state(CONTROLS).items())
            self._restored = True
        key = ctx.get_current_key()
        shard = self._shard(key)
        teller, end, sums = value
        news = {key: said for key, (_, said) in self._said.items() if shard.zones.messages.get(key) != said}
        answers = shard.tell((teller, end, pickle.loads(sums), news))
        shard.keep(self._kept)
        yield from self._rows(answers, key)

    def process_broadcast_element(self, value: Row, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Row]:
        """Take a message: (full name of the topic, key, value, partition, offset, record time)."""
        from hailstream.folds.controls import Refused, why_refused

        name, scope, said, partition, offset, time = value
        key = (self._topics[name].base, bytes(scope or b""))
        if said is not None and (reason := why_refused(key, bytes(said))) is not None:
            if self._first:
                refused = Refused(name, partition, offset, time.to_epoch_milli(), reason, bytes(said))
                yield from self._rows([refused], 0)
            return
        if self._said.get(key, (-1, None))[0] < offset:
            self._said[key] = offset, None if said is None else bytes(said)
        ctx.get_broadcast_state(CONTROLS).put(_text(key), self._said[key])

    def _shard(self, key: int) -> _Living:
        if key not in self._shards:
            from hailstream.folds.zones import ZoneShard

            self._shards[key] = _Living.restored(ZoneShard(self._tellers, self._purposes), self._kept)
        return self._shards[key]


@dataclass
class _Living:
    """A shard of zones, what it was told since it was last kept, and how much is logged since its snapshot."""

    zones: ZoneShard
    unkept: list[Any] = field(default_factory=list)
    logged: int = 0
    snapshot_bytes: int = 0

    @classmethod
    def restored(cls, zones: ZoneShard, kept: FlinkState) -> _Living:
        living = cls(zones)
        snapshot = kept.snapshot()
        if snapshot is not None:
            zones.state = pickle.loads(snapshot)  # written by ourselves, in the job's own state
            living.snapshot_bytes = len(snapshot)
        for record in kept.log():
            living.logged += len(record)
            living.tell(pickle.loads(record))
        living.unkept.clear()
        return living

    def tell(self, told: Any) -> Iterable[Any]:
        """What follows from what a teller says, and from news of what people say."""
        teller, end, minutes, news = told
        self.zones.follow(news)
        self.unkept.append(told)
        return self.zones.tell(teller, end, minutes)

    def keep(self, kept: FlinkState) -> None:
        """Log what it was told, or replace the log by a snapshot."""
        for told in self.unkept:
            record = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
            kept.append(record)
            self.logged += len(record)
        self.unkept.clear()
        if self.logged > max(LOG_BYTES, self.snapshot_bytes):
            snapshot = dump(self.zones.state)
            kept.replace(snapshot)
            self.logged, self.snapshot_bytes = 0, len(snapshot)


def _text(key: Key) -> str:
    topic, scope = key
    return f"{topic} {scope.hex()}"


def _restored(items: Iterable[tuple[str, tuple[int, bytes | None]]]) -> dict[Key, tuple[int, bytes | None]]:
    said: dict[Key, tuple[int, bytes | None]] = {}
    for text, value in items:
        topic, scope = text.split(" ")
        said[topic, bytes.fromhex(scope)] = value
    return said
