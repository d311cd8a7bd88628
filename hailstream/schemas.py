"""The Avro schemas of all topics, as files and as bytes on the wire.

A schema is a file below ``schemas/``, named by :class:`hailstream.topics.Topic`.
On the wire a value is framed as Confluent's serializers do: one zero byte, the
schema's registry id in four bytes (big-endian), then the Avro body.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastavro.schema import SchemaParseException, UnknownType, parse_schema

import hailstream
from hailstream.errors import HailstreamError
from hailstream.topics import ALL_TOPICS, Topic

SCHEMAS_DIR = Path(hailstream.__file__).resolve().parents[1] / "schemas"
PREVIOUS_DIR = SCHEMAS_DIR / "previous"

MAGIC = 0
HEADER = struct.Struct(">bI")


@dataclass(frozen=True)
class AvroSchema:
    """One schema file that parses.

    Attributes:
        name: file below the schemas folder without its ending, ``events/trip_started``.
        text: the canonical text: the file's JSON without white space, fields, defaults,
            logical types and docs as they stand. Equal texts are one schema to the registry.
    """

    name: str
    text: str

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The schema as JSON data."""
        data: dict[str, Any] = json.loads(self.text)
        return data

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro's readers and writers want it."""
        return parse_schema(json.loads(self.text))


def canonical_text(definition: object) -> str:
    """JSON data as one line; the order of keys is kept."""
    return json.dumps(definition, separators=(",", ":"), ensure_ascii=False)


def schema_from(definition: object, name: str) -> AvroSchema:
    """A schema from JSON data.

    Raises:
        HailstreamError: no record schema; names it and what is wrong with it.
    """
    if (
        not isinstance(definition, dict)
        or definition.get("type") != "record"
        or not isinstance(definition.get("fields"), list)
    ):
        raise HailstreamError(f"schema {name}: the top of a topic's schema must be a record with fields")
    try:
        parse_schema(json.loads(canonical_text(definition)))
    except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError) as error:
        raise HailstreamError(f"schema {name}: {type(error).__name__}: {error}") from error
    return AvroSchema(name, canonical_text(definition))


def load_schema(topic: Topic, *, folder: Path = SCHEMAS_DIR) -> AvroSchema:
    """The current schema of a topic's values.

    Raises:
        HailstreamError: no such file, no JSON, or no Avro record.
    """
    path = folder / f"{topic.schema}.avsc"
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HailstreamError(f"topic {topic.base}: no schema file {path}") from None
    except ValueError as error:
        raise HailstreamError(f"schema file {path} is no JSON: {error}") from None
    return schema_from(definition, topic.schema)


def schema_text(topic: Topic) -> str:
    """The canonical text of a topic's current schema."""
    return load_schema(topic).text


def load_previous(topic: Topic, *, folder: Path = PREVIOUS_DIR) -> AvroSchema | None:
    """The schema of the version before, or None for a topic that is new."""
    return load_schema(topic, folder=folder) if (folder / f"{topic.schema}.avsc").is_file() else None


def load_all(*, folder: Path = SCHEMAS_DIR) -> dict[Topic, AvroSchema]:
    """The current schema of every topic."""
    return {topic: load_schema(topic, folder=folder) for topic in ALL_TOPICS}


def frame_header(schema_id: int) -> bytes:
    """The five bytes before the body of a message of this schema."""
    return HEADER.pack(MAGIC, schema_id)


def frame(schema_id: int, body: bytes) -> bytes:
    """A message: header and Avro body."""
    return frame_header(schema_id) + body


def unframe(message: bytes) -> tuple[int, bytes]:
    """Schema id and Avro body of a message.

    Raises:
        ValueError: shorter than a header, or another first byte than zero.
    """
    if len(message) < HEADER.size:
        raise ValueError(f"{len(message)} bytes are no framed message: the header alone has {HEADER.size}")
    magic, schema_id = HEADER.unpack_from(message)
    if magic != MAGIC:
        raise ValueError(f"first byte {magic} is not the magic byte {MAGIC}")
    return schema_id, message[HEADER.size :]
