"""How the columns of a reader's schema are found in messages of a writer's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hailstream.decode.avro import Schema, UnsupportedSchemaError, logical_type, nullable, parse, primitive
from hailstream.decode.fields import EVENT_TIME, TRIP_ID, Field, Kind
from hailstream.decode.message import Rejected, unscaled

#: A writer's schema of more fields than this is read message by message.
MAX_STEPS = 300

#: Writers' types that become a column of each kind without a look at the single value.
_PROMOTIONS: Mapping[Kind, frozenset[str]] = {
    Kind.STRING: frozenset({"string"}),
    Kind.LONG: frozenset({"int", "long"}),
    Kind.TIMESTAMP: frozenset({"int", "long"}),
    Kind.DOUBLE: frozenset({"int", "long", "float", "double"}),
    Kind.BOOLEAN: frozenset({"boolean"}),
    Kind.DECIMAL: frozenset({"bytes"}),
}


@dataclass(frozen=True)
class Step:
    """One field of the writer's schema, in the order of its bytes.

    Attributes:
        encoding: the primitive type's name.
        null_branch: index of null in the field's union; None: no union.
        field: the reader's field it becomes; None: passed over.
    """

    encoding: str
    null_branch: int | None
    field: Field | None


@dataclass(frozen=True)
class Plan:
    """How messages of one writer's schema are read.

    Attributes:
        writer: parsed, for the reading message by message.
        steps: the fields in order; None when columns cannot be read from these messages at once.
        defaults: values of the reader's fields that the writer has not got.
    """

    writer: Schema
    steps: tuple[Step, ...] | None
    defaults: Mapping[str, object]


def make_plan(writer: Schema, reader: Schema, parsed_reader: Schema, fields: Mapping[str, Field]) -> Plan:
    """The plan for messages of ``writer``, the JSON of a schema.

    Args:
        reader: JSON of the schema whose rows are wanted.
        parsed_reader: the same by :func:`hailstream.decode.avro.parse`.
        fields: of the reader.

    Raises:
        UnsupportedSchemaError: the schema is unsafe, or its decimals and times are not ours.
    """
    parsed = parse(writer)
    _same_meaning(writer, reader)
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        return Plan(parsed, None, {})
    if parsed["name"].rpartition(".")[2] != parsed_reader["name"].rpartition(".")[2] or _has_aliases(parsed_reader):
        return Plan(parsed, None, {})
    steps: list[Step] = []
    for written in parsed["fields"]:
        plain, null = nullable(written["type"])
        encoding = primitive(plain)
        field = fields.get(written["name"])
        if encoding is None or (field is not None and not _readable(encoding, null, field)):
            return Plan(parsed, None, {})
        steps.append(Step(encoding, null, field))
    names = {written["name"] for written in parsed["fields"]}
    defaults = _defaults(parsed_reader, names, fields)
    if defaults is None or len(names) > MAX_STEPS or not {TRIP_ID, EVENT_TIME} & fields.keys() <= names:
        return Plan(parsed, None, {})
    return Plan(parsed, tuple(steps), defaults)


def _readable(encoding: str, null: int | None, field: Field) -> bool:
    return encoding in _PROMOTIONS[field.kind] and (null is None or field.nullable)


def _defaults(reader: Schema, written: set[str], fields: Mapping[str, Field]) -> dict[str, object] | None:
    defaults: dict[str, object] = {}
    for field in reader["fields"]:
        name = field["name"]
        if name in written:
            continue
        if "default" not in field:
            return None
        value = field["default"]
        if value is not None and fields[name].kind is Kind.DECIMAL:
            try:
                value = unscaled(value, fields[name])
            except Rejected:
                return None
        defaults[name] = value
    return defaults


def _has_aliases(reader: Schema) -> bool:
    return "aliases" in reader or any("aliases" in field for field in reader["fields"])


def _same_meaning(writer: Schema, reader: Schema) -> None:
    """Refuse a field whose bytes would be read, but as another amount or time than was meant."""
    ours = {field["name"]: logical_type(field["type"]) for field in reader["fields"]}
    if not isinstance(writer, dict):
        return
    for field in writer.get("fields", ()):
        wanted, given = ours.get(field["name"], {}), logical_type(field["type"])
        if not wanted or not given:
            continue
        for key in ("logicalType", "scale"):
            if wanted.get(key, 0) != given.get(key, 0):
                raise UnsupportedSchemaError(
                    f"{field['name']} has {key} {given.get(key, 0)}, wanted {wanted.get(key, 0)}"
                )
