"""From a batch of Kafka values to columns, or to the reason why not, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hailstream.decode import reasons
from hailstream.decode.arrays import Array
from hailstream.decode.avro import Schema, UnsupportedSchemaError, parse
from hailstream.decode.fields import EVENT_TIME, fields_of
from hailstream.decode.message import MessageReader, Rejected
from hailstream.decode.plan import Plan, make_plan
from hailstream.decode.rows import Decoded, Rows
from hailstream.decode.walk import PADDING, walk
from hailstream.decode.writers import WriterSchemas
from hailstream.errors import HailstreamError

#: Magic byte and schema id of the Confluent framing.
HEADER_BYTES = 5


@dataclass(frozen=True)
class _Batch:
    """The values of a batch, joined.

    Attributes:
        data: all values, one behind the other, then the padding that a walk needs.
        starts, lengths: of each value in ``data``.
        times: record timestamps in ms, when they are compared.
    """

    values: list[bytes | None]
    data: bytes
    starts: Array
    lengths: Array
    times: Array | None

    @staticmethod
    def of(values: Sequence[bytes | None] | Array, times: Array | None) -> _Batch:
        bodies = values.tolist() if isinstance(values, np.ndarray) else list(values)
        parts = [body or b"" for body in bodies] if None in bodies else bodies
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        data = b"".join([*parts, bytes(PADDING)])
        return _Batch(bodies, data, np.cumsum(lengths) - lengths, lengths, times)

    def framed(self) -> Array:
        """Indices of the values that have a framing."""
        first = np.frombuffer(self.data, np.uint8)[self.starts]
        framed = (self.lengths >= HEADER_BYTES) & (first == 0)
        return np.flatnonzero(framed)

    def schema_ids(self, rows: Array) -> Array:
        """The schema ids in the framing of ``rows``."""
        words: Array = np.ndarray((len(self.data) - 3,), ">u4", self.data, strides=(1,))
        ids: Array = words[self.starts[rows] + 1].astype(np.int64)
        return ids


class BatchDecoder:
    """Decodes events in Confluent framing; every row comes back as an event, a heartbeat or a reject.

    Whatever the bytes, nothing is raised, and the verdict on a message depends
    on that message and its record timestamp alone. Can be pickled.

    Args:
        reader_schema: JSON of the schema whose fields are wanted; with fields
            ``trip_id`` and ``event_time`` these are validated.
        writers: the schemas by id.
        columns: fields to make columns of. Fewer are faster, text most of all.

    Raises:
        HailstreamError: no such field, or a schema that no columns can be made of.
    """

    def __init__(self, reader_schema: Schema, writers: WriterSchemas, columns: Sequence[str]) -> None:
        try:
            self._parsed_reader = parse(reader_schema)
        except UnsupportedSchemaError as error:
            raise HailstreamError(f"reader schema: {error}") from None
        self._reader = reader_schema
        self._fields = fields_of(reader_schema)
        missing = [name for name in columns if name not in self._fields]
        if missing:
            raise HailstreamError(
                f"{reader_schema['name']} has no field {', '.join(missing)}", hint=f"it has {', '.join(self._fields)}"
            )
        self._columns = tuple(dict.fromkeys(columns))
        self._writers = writers
        self._walked = frozenset((*self._columns, EVENT_TIME))
        self._plans: dict[int, Plan | UnsupportedSchemaError] = {}

    def decode(self, values: Sequence[bytes | None] | Array, record_times_ms: Array | None) -> Decoded:
        """Decode one batch.

        Args:
            values: Kafka values; None is a heartbeat.
            record_times_ms: int64, record timestamps; an event whose own time is
                another is rejected. None: not compared.
        """
        times = None if record_times_ms is None else np.asarray(record_times_ms, np.int64)
        batch = _Batch.of(values, times)
        rows = Rows(len(batch.values), [self._fields[name] for name in self._columns])
        framed = batch.framed()
        _reject_unframed(batch, framed, rows)
        ids = batch.schema_ids(framed)
        distinct = np.unique(ids).tolist()
        refused = self._writers.resolve(distinct)
        for schema_id in distinct:
            members = framed if len(distinct) == 1 else framed[ids == schema_id]
            if schema_id in refused:
                rows.reject(members, refused[schema_id], f"schema id {schema_id}")
            else:
                self._decode_group(batch, members, schema_id, rows)
        return rows.finished()

    def _decode_group(self, batch: _Batch, members: Array, schema_id: int, rows: Rows) -> None:
        """Decode the messages of one writer's schema."""
        plan = self._plan(schema_id)
        if isinstance(plan, UnsupportedSchemaError):
            rows.reject(members, reasons.UNSUPPORTED_SCHEMA, f"schema id {schema_id}: {plan}")
            return
        left = members
        if plan.steps is not None:
            starts = batch.starts[members]
            ends = starts + batch.lengths[members]
            walked = walk(batch.data, starts + HEADER_BYTES, ends, plan.steps, self._walked)
            decoded = walked.decoded
            if batch.times is not None and EVENT_TIME in self._fields:
                decoded = decoded & (walked.columns[EVENT_TIME][0] == batch.times[members])
            rows.put(members, decoded, walked.columns, plan.defaults)
            left = members[~decoded]
        reader = MessageReader(plan.writer, self._parsed_reader, self._fields)
        for row in left.tolist():
            body = batch.values[row] or b""
            time = None if batch.times is None else int(batch.times[row])
            try:
                rows.put_one(row, reader.read(body[HEADER_BYTES:], time))
            except Rejected as rejected:
                rows.reject_one(row, rejected.reason, rejected.detail)

    def _plan(self, schema_id: int) -> Plan | UnsupportedSchemaError:
        if schema_id not in self._plans:
            try:
                plan: Plan | UnsupportedSchemaError = make_plan(
                    self._writers.schema(schema_id), self._reader, self._parsed_reader, self._fields
                )
            except UnsupportedSchemaError as error:
                plan = error
            self._plans[schema_id] = plan
        return self._plans[schema_id]


def _reject_unframed(batch: _Batch, framed: Array, rows: Rows) -> None:
    if len(framed) == len(rows):
        return
    unframed = np.ones(len(rows), np.bool_)
    unframed[framed] = False
    for row in np.flatnonzero(unframed).tolist():
        value = batch.values[row]
        if value is None:
            continue
        if not value:
            rows.reject_one(row, reasons.EMPTY, "a value without a byte")
        elif value[0] != 0:
            rows.reject_one(row, reasons.BAD_MAGIC, f"begins with byte {value[0]}")
        else:
            rows.reject_one(row, reasons.TRUNCATED, f"{len(value)} bytes, the framing alone has {HEADER_BYTES}")
