"""The fields of the reader's schema, and what kind of column each becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hailstream.decode.avro import Schema, logical_type, nullable, primitive
from hailstream.errors import HailstreamError

TRIP_ID = "trip_id"
EVENT_TIME = "event_time"

#: Longer text is none of an event's: what a job keeps of an event has a bound.
MAX_TEXT_BYTES = 512


class Kind(Enum):
    """What a column holds."""

    STRING = "string"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"  # ms since 1970, UTC
    DECIMAL = "decimal"  # unscaled integer: cents at scale 2


@dataclass(frozen=True)
class Field:
    """A field of the reader's schema.

    Attributes:
        precision: decimal digits of a decimal.
        nullable: whether it may be null.
    """

    name: str
    kind: Kind
    nullable: bool
    precision: int = 0

    @property
    def largest(self) -> int:
        """The largest absolute unscaled value of a decimal."""
        return int(10**self.precision - 1)

    @property
    def sure_bytes(self) -> int:
        """A decimal of so many bytes never exceeds the precision."""
        size = 0
        while 2 ** (8 * size + 7) <= self.largest:
            size += 1
        return size


def fields_of(schema: Schema) -> dict[str, Field]:
    """The fields of a record schema, in order.

    Raises:
        HailstreamError: a type that no column is made of.
    """
    found: dict[str, Field] = {}
    for field in schema["fields"]:
        kind_schema, null = nullable(field["type"])
        logical = logical_type(kind_schema)
        kind = _kind(primitive(kind_schema), logical.get("logicalType"))
        precision = int(logical.get("precision", 0))
        if kind is None or precision > 18:
            raise HailstreamError(
                f"field {field['name']} of {schema['name']}: no column can be made of {field['type']}",
                hint="string, int, long, float, double, boolean, timestamp-millis and decimal up to 18 digits can be",
            )
        found[field["name"]] = Field(field["name"], kind, null is not None, precision)
    return found


def _kind(name: str | None, logical: str | None) -> Kind | None:
    if logical == "decimal":
        return Kind.DECIMAL if name == "bytes" else None
    if logical == "timestamp-millis":
        return Kind.TIMESTAMP
    if logical is not None:
        return None
    return {
        "string": Kind.STRING,
        "int": Kind.LONG,
        "long": Kind.LONG,
        "float": Kind.DOUBLE,
        "double": Kind.DOUBLE,
        "boolean": Kind.BOOLEAN,
    }.get(name or "")
