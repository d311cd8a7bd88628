"""Events of a batch, packed by their minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.columns import COLUMN_TYPES
from hailstream.decode.rows import Column, Decoded
from hailstream.windows import WindowedMetric

MINUTE_MS: Final = 60_000
#: With text of some 40 bytes an event a packet has about 30 kB, at worst 300 kB.
PACKET_EVENTS: Final = 256
_FAR_MINUTE: Final = 1 << 40
_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {"STRING": pa.string(), "INT": pa.int32(), "BIGINT": pa.int64()}


def packed_schema(metric: WindowedMetric) -> pa.Schema:
    """The columns of a metric's packed events: trip_id, zone_id and what its measures read."""
    read = [pa.field(column, _ARROW_TYPES[COLUMN_TYPES[column]]) for column in metric.columns]
    return pa.schema([pa.field("trip_id", pa.string()), pa.field("zone_id", pa.int32()), *read])


def pack_minutes(schema: pa.Schema, decoded: Decoded, times_ms: Array, partitions: Array, chosen: Mask) -> Array:
    """Pack the chosen rows of a batch, those of each partition's minute together.

    Args:
        schema: of :func:`packed_schema`; ``decoded`` has its columns.
        decoded: the batch.
        times_ms: event times of its rows, ms.
        partitions: of its rows, not negative.
        chosen: the rows to pack; all are events.

    Returns:
        objects, one a row: None, or the packet of the row and of others of its partition and
        minute, as the bytes of an Arrow record batch (IPC message without schema). No packet has
        more than ``PACKET_EVENTS`` events: Flink's window buffers are small.
    """
    packed = np.full(len(decoded), None, object)
    rows = np.flatnonzero(chosen)
    if len(rows) == 0:
        return packed
    groups = partitions[rows].astype(np.int64) * _FAR_MINUTE + times_ms[rows] // MINUTE_MS
    ends = np.array([len(rows)])
    if (groups != groups[0]).any():
        order = np.argsort(groups, kind="stable")
        rows, groups = rows[order], groups[order]
        ends = np.append(np.flatnonzero(np.diff(groups)) + 1, len(rows))
    events = pa.record_batch([_taken(decoded[field.name], rows, field.type) for field in schema], schema=schema)
    begin = 0
    for group_end in ends.tolist():
        while begin < group_end:
            end = min(begin + PACKET_EVENTS, group_end)
            packed[rows[end - 1]] = events.slice(begin, end - begin).serialize().to_pybytes()
            begin = end
    return packed


def _taken(column: Column, rows: Array, arrow_type: pa.DataType) -> pa.Array:
    valid = column.valid[rows]
    return pa.array(column.values[rows], arrow_type, mask=None if valid.all() else ~valid)
