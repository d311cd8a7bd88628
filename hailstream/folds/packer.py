"""What the decode function hands on to folds: packets by group and shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hailstream.decode.arrays import Array
from hailstream.decode.packer import Batch
from hailstream.domain.alerts.single import suspicious
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.folds.columns import ended_columns, fields_read, first_of_minutes, fold_columns, seen_in_batch
from hailstream.folds.groups import SINGLE, Group
from hailstream.folds.packets import pack_shards, packet_schema
from hailstream.topics import Topic

#: The column that is true for a record of each partition and minute, the first: events of the minute may have come.
MINUTE_SIGN: Final = "minute_sign"


def packet_column(group: Group) -> str:
    """The column that holds a group's packets."""
    return f"packed_{group.name}"


def shard_column(group: Group) -> str:
    """The column that holds the shard of a group's packet."""
    return f"shard_{group.name}"


class ShardPacker:
    """Packs a topic's events for the groups that read it.

    Args:
        topic: of the events.
        groups: that read it.
        thresholds: which ends are suspicious by themselves.
        shards: of each group.
        disorder_ms: how far the watermark is behind the newest time.
    """

    columns: tuple[str, ...] = ()

    def __init__(
        self, topic: Topic, groups: Sequence[Group], thresholds: Thresholds, shards: int, disorder_ms: int
    ) -> None:
        self._groups = tuple(groups)
        self._schemas = [packet_schema(group, topic) for group in self._groups]
        self._names = tuple({name for schema in self._schemas for name in schema.names[4:]})
        self._thresholds = thresholds
        self._shards = shards
        self._disorder_ms = disorder_ms
        self.fields = fields_read(self._groups, topic)
        self._by_minute = any(group.by_minute for group in self._groups)
        self.sql_types = {
            name: sql
            for group in self._groups
            for name, sql in ((packet_column(group), "BYTES"), (shard_column(group), "INT"))
        } | ({MINUTE_SIGN: "BOOLEAN"} if self._by_minute else {})

    def pack(self, batch: Batch) -> dict[str, Array]:
        """Packets and shards of each group, a column each, and signs of minutes."""
        decoded, times = batch.decoded, batch.times
        seen = seen_in_batch(times, batch.partitions, batch.future, self._disorder_ms)
        columns = fold_columns(decoded, self._names, times, seen)
        events = decoded.present & ~batch.future
        packed: dict[str, Array] = {}
        for group, schema in zip(self._groups, self._schemas, strict=True):
            chosen = events
            if group.name == SINGLE:
                chosen = events & suspicious(ended_columns(decoded, times), self._thresholds)
            packed[packet_column(group)], packed[shard_column(group)] = pack_shards(
                schema, columns, group.key, batch.partitions, chosen, self._shards
            )
        if self._by_minute:
            packed[MINUTE_SIGN] = first_of_minutes(times, batch.partitions, batch.future)
        return packed
