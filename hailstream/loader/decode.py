"""Messages of a result topic into rows; what cannot be read comes back with its reason."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np
import polars as pl

from hailstream.loader.avro_block import BlockSchema, Unreadable, read_block, well_formed
from hailstream.loader.batching import TopicMessages
from hailstream.loader.contract import APPENDED, OFFSET, PARTITION, Refused
from hailstream.loader.writers import Writer
from hailstream.schemas import load_schema, unframe
from hailstream.topics import Topic

Writers = Callable[[int], Writer | None]

# Below this, halving a block once more costs more than reading its messages one by one.
_ONE_BY_ONE = 16
_INDEX = "_index"


@dataclass(frozen=True)
class Reader:
    """The newest schema of a topic, which all rows are brought to.

    Attributes:
        columns: name to type; no result field is nullable unless its schema says so.
        required: the fields that are never null.
    """

    parsed: Any
    columns: dict[str, pl.DataType]
    required: tuple[str, ...]


@cache
def reader_of(topic: Topic) -> Reader:
    """The reader schema of a topic, from its file."""
    schema = load_schema(topic)
    block = BlockSchema.of(schema.definition)
    if block is None:
        raise TypeError(f"{topic.schema} has a type that cannot be read as a block")
    columns = dict(pl.read_avro(io.BytesIO(block.header)).schema)
    required = tuple(name for name, kind in block.fields if not isinstance(kind, list))
    return Reader(schema.parsed, columns, required)


def decode(topic: Topic, messages: TopicMessages, writers: Writers) -> tuple[pl.DataFrame, list[Refused]]:
    """The rows of the messages, in their order, and those that are none.

    Returns:
        A frame of the newest schema's fields, ``_partition``, ``_offset`` and
        ``_appended``; and the unreadable messages.

    Raises:
        RegistryAway: a schema is needed that is not known yet.
    """
    reader = reader_of(topic)
    reasons: dict[int, str] = {}
    groups: dict[int, tuple[list[int], list[bytes]]] = defaultdict(lambda: ([], []))
    for index, value in enumerate(messages.values):
        if value is None:
            reasons[index] = "no value"
            continue
        try:
            schema_id, body = unframe(value)
        except ValueError as error:
            reasons[index] = str(error)
            continue
        indices, bodies = groups[schema_id]
        indices.append(index)
        bodies.append(body)

    frames = [_empty(reader)]
    for schema_id, (indices, bodies) in groups.items():
        writer = writers(schema_id)
        if writer is None:
            reasons.update((index, f"the registry has no schema {schema_id}") for index in indices)
            continue
        frames += _Group(reader, writer, reasons).read(indices, bodies)
    frame = pl.concat(frames).sort(_INDEX)
    frame, unfit = _without_unfit(frame, reader)
    reasons.update(unfit)
    kept = frame[_INDEX]
    position = pl.DataFrame(
        {PARTITION: messages.partitions, OFFSET: messages.offsets, APPENDED: messages.appended},
        schema={PARTITION: pl.Int32, OFFSET: pl.Int64, APPENDED: pl.Int64},
    )
    refused = [Refused(messages.partitions[i], messages.offsets[i], reasons[i]) for i in sorted(reasons)]
    return pl.concat([frame.drop(_INDEX), position[kept]], how="horizontal"), refused


class _Group:
    """The messages of one schema id."""

    def __init__(self, reader: Reader, writer: Writer, reasons: dict[int, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._reasons = reasons
        block = writer.block
        if block is not None:
            has = pl.read_avro(io.BytesIO(block.header)).schema
            if any(has.get(name) != kind for name, kind in reader.columns.items()):
                # An older schema: defaults and promotions are fastavro's work.
                block = None
        self._block = block

    def read(self, indices: Sequence[int], bodies: Sequence[bytes]) -> list[pl.DataFrame]:
        """The readable messages as frames."""
        if self._block is None:
            return [self._one_by_one(indices, bodies)]
        fine = well_formed(self._block, bodies)
        if fine.all():
            return self._blocks(self._block, indices, bodies)
        bad, good = np.flatnonzero(~fine), np.flatnonzero(fine)
        # Read one by one for the sake of their reasons.
        broken = self._one_by_one([indices[i] for i in bad], [bodies[i] for i in bad])
        return [broken, *self._blocks(self._block, [indices[i] for i in good], [bodies[i] for i in good])]

    def _blocks(self, block: BlockSchema, indices: Sequence[int], bodies: Sequence[bytes]) -> list[pl.DataFrame]:
        """Well-formed messages; the cost of one with an impossible value is its own few halvings."""
        try:
            frame = read_block(block, bodies).select(list(self._reader.columns))
            return [frame.with_columns(pl.Series(_INDEX, indices, dtype=pl.UInt32))]
        except Unreadable:
            if len(bodies) <= _ONE_BY_ONE:
                return [self._one_by_one(indices, bodies)]
        half = len(bodies) // 2
        return self._blocks(block, indices[:half], bodies[:half]) + self._blocks(block, indices[half:], bodies[half:])

    def _one_by_one(self, indices: Sequence[int], bodies: Sequence[bytes]) -> pl.DataFrame:
        frames = [_empty(self._reader)]
        records: list[dict[str, Any]] = []
        kept: list[int] = []
        for index, body in zip(indices, bodies, strict=True):
            stream = io.BytesIO(body)
            try:
                record = fastavro.schemaless_reader(stream, self._writer.parsed, self._reader.parsed)
            except Exception as error:  # whatever a decoder raises on broken bytes
                self._reasons[index] = f"not readable as Avro: {type(error).__name__}: {error}"[:500]
                continue
            rest = len(body) - stream.tell()
            if rest:
                self._reasons[index] = f"{rest} bytes after the end of the record"
                continue
            records.append(record)
            kept.append(index)
        frames += self._framed(kept, records)
        return pl.concat(frames)

    def _framed(self, indices: list[int], records: list[dict[str, Any]]) -> list[pl.DataFrame]:
        try:
            frame = pl.DataFrame(records, schema=self._reader.columns, orient="row")
            return [frame.with_columns(pl.Series(_INDEX, indices, dtype=pl.UInt32))]
        except (Exception, pl.exceptions.PanicException) as error:
            if len(records) == 1:
                self._reasons[indices[0]] = f"a value beyond its type: {error}"[:500]
                return []
        return [f for i, r in zip(indices, records, strict=True) for f in self._framed([i], [r])]


def _empty(reader: Reader) -> pl.DataFrame:
    return pl.DataFrame(schema={**reader.columns, _INDEX: pl.UInt32})


def _without_unfit(frame: pl.DataFrame, reader: Reader) -> tuple[pl.DataFrame, dict[int, str]]:
    """The frame without rows that lack a required value or have too long a number, and why each went."""
    reasons: dict[int, str] = {}
    for name, kind in reader.columns.items():
        if name in reader.required and frame[name].null_count():
            reasons.update(dict.fromkeys(frame.filter(pl.col(name).is_null())[_INDEX], f"{name} is null"))
        if isinstance(kind, pl.Decimal):
            limit = pl.lit(10 ** (kind.precision or 38), dtype=pl.Int128)
            too_long = frame.filter(frame[name].to_physical().cast(pl.Int128).abs() >= limit)[_INDEX]
            reasons.update(dict.fromkeys(too_long, f"{name} has more than {kind.precision} digits"))
    if reasons:
        frame = frame.filter(~pl.col(_INDEX).is_in(list(reasons)))
    return frame, reasons
