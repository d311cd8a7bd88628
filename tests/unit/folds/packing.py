"""Packets for tests."""

from __future__ import annotations

import numpy as np

from hailstream.decode.arrays import Array
from hailstream.decode.rows import Column
from hailstream.domain.events import Event
from hailstream.folds.groups import Group
from hailstream.folds.packets import pack_shards, packet_schema
from hailstream.topics import Topic


def columns_of(events: list[Event], names: list[str]) -> dict[str, Column]:
    columns = {}
    for name in names:
        values = [event.time if name in ("time", "seen") else getattr(event, name) for event in events]
        valid = np.array([value is not None for value in values])
        if any(isinstance(value, str) for value in values):
            columns[name] = Column(np.array(values, object), valid)
        else:
            columns[name] = Column(np.array([0 if v is None else v for v in values]), valid)
    return columns


def pack(
    group: Group, topic: Topic, events: list[Event], *, shards: int = 1, partitions: int = 1
) -> tuple[Array, Array]:
    """All events in packets; see :func:`pack_shards`."""
    schema = packet_schema(group, topic)
    columns = columns_of(events, list(schema.names))
    partition = np.arange(len(events)) % partitions
    return pack_shards(schema, columns, group.key, partition, np.ones(len(events), np.bool_), shards)
