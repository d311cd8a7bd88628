"""Whether readers of a new schema understand what the old one wrote (BACKWARD).

The rules of resolution are the Avro project's own checker. It looks at the
physical types only, so logical types are compared here: cents read with
another scale, or milliseconds read as microseconds, are the same bytes and
another value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import avro.schema
from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityType,
    lookup_writer_field,
)

from hailstream.errors import HailstreamError
from hailstream.schemas import AvroSchema

_LOGICAL_KEYS = ("logicalType", "precision", "scale")


@dataclass(frozen=True)
class Incompatibility:
    """Why one field of the new schema cannot be read from the old one's bytes.

    Attributes:
        field: dotted name; empty for the record itself.
        reason: what is wrong, for a person.
    """

    field: str
    reason: str

    def __str__(self) -> str:
        return f"field {self.field}: {self.reason}" if self.field else self.reason


def incompatibilities(new: AvroSchema, old: AvroSchema) -> list[Incompatibility]:
    """What keeps readers of ``new`` from reading what ``old`` wrote; empty when nothing does."""
    reader, writer = avro.schema.parse(new.text), avro.schema.parse(old.text)
    if not isinstance(reader, avro.schema.RecordSchema) or not isinstance(writer, avro.schema.RecordSchema):
        raise HailstreamError(f"schema {new.name}: only records can be compared")
    found = _record_problems(reader, writer, "")
    if not found and not _checker_accepts(reader, writer):  # e.g. the record was renamed
        found.append(Incompatibility("", f"record {writer.fullname} cannot be read as {reader.fullname}"))
    return found


def require_backward_compatible(new: AvroSchema, old: AvroSchema) -> None:
    """Do nothing when ``new`` reads what ``old`` wrote.

    Raises:
        HailstreamError: it does not; names every field and the reason.
    """
    found = incompatibilities(new, old)
    if found:
        raise HailstreamError(
            f"schema {new.name} cannot read what its previous version wrote: " + "; ".join(map(str, found)),
            hint="give a new field a default; to change a field's meaning, add a field of another name",
        )


def _record_problems(
    reader: avro.schema.RecordSchema, writer: avro.schema.RecordSchema, prefix: str
) -> list[Incompatibility]:
    found = []
    for field in reader.fields:
        name = f"{prefix}{field.name}"
        old = lookup_writer_field(writer_schema=writer, reader_field=field)
        if old is None:
            if not field.has_default:
                found.append(Incompatibility(name, "is new and has no default"))
        elif not _checker_accepts(field.type, old.type):
            found.append(Incompatibility(name, f"written as {_show(old.type)}, cannot be read as {_show(field.type)}"))
        elif (nested := _logical_problem(field.type, old.type)) is not None:
            found.append(Incompatibility(name, nested))
    return found


def _checker_accepts(reader: Any, writer: Any) -> bool:
    result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)  # type: ignore[no-untyped-call]
    return result.compatibility is SchemaCompatibilityType.compatible


def _logical_problem(reader: Any, writer: Any) -> str | None:
    """The first pair of branches that share a physical type and differ in the logical one."""
    if isinstance(reader, avro.schema.RecordSchema) and isinstance(writer, avro.schema.RecordSchema):
        nested = _record_problems(reader, writer, "")
        return str(nested[0]) if nested else None
    for branch in _branches(writer):
        other = next((b for b in _branches(reader) if b.type == branch.type), None)
        # None: promoted, e.g. int to long, by the first branch that takes it.
        other = other or next((b for b in _branches(reader) if _checker_accepts(b, branch)), None)
        problem = _same_meaning(other, branch) if other is not None else None
        if problem:
            return problem
    return None


def _same_meaning(reader: Any, writer: Any) -> str | None:
    if reader.type == writer.type == "array":
        return _logical_problem(reader.items, writer.items)
    if reader.type == writer.type == "map":
        return _logical_problem(reader.values, writer.values)
    if _logical(writer) != _logical(reader):
        return f"written as {_show(writer)}, would be read with another value as {_show(reader)}"
    if (writer.props.get("precision") or 0) > (reader.props.get("precision") or 0):
        return f"written as {_show(writer)}, may not fit {_show(reader)}"
    return None


def _branches(schema: Any) -> list[Any]:
    return list(schema.schemas) if isinstance(schema, avro.schema.UnionSchema) else [schema]


def _logical(schema: Any) -> tuple[object, ...]:
    """What gives the bytes their meaning."""
    return (schema.props.get("logicalType"), schema.props.get("scale") or 0)


def _show(schema: Any) -> str:
    if isinstance(schema, avro.schema.UnionSchema):
        return "[" + ", ".join(_show(branch) for branch in schema.schemas) + "]"
    logical = {key: schema.props[key] for key in _LOGICAL_KEYS if schema.props.get(key) is not None}
    details = ", ".join(f"{key} {value}" for key, value in logical.items())
    return f"{schema.type} ({details})" if details else str(schema.type)
