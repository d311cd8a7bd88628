"""Avro schemas as the decoder sees them: no logical types, nothing that a message could abuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import fastavro

Schema: TypeAlias = Any  # the JSON of a schema: str, list or dict

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_LOGICAL = ("logicalType", "precision", "scale")


class UnsupportedSchemaError(Exception):
    """A schema whose messages cannot be read safely, or not with our meaning."""


def parse(schema: Schema) -> Schema:
    """A schema parsed by fastavro, logical types left out, so that values are read as they are written.

    Times stay integers and decimals bytes: a year that ``datetime`` cannot
    hold, or a decimal of a thousand digits, is then a value that is looked at
    and no error in the middle of a message.

    Raises:
        UnsupportedSchemaError: no Avro schema, or one that a small message could
            use to exhaust the reader: a type that contains itself, or an array
            or map of items without a byte.
    """
    try:
        parsed = fastavro.parse_schema(schema, named_schemas={})
    except Exception as error:
        raise UnsupportedSchemaError(f"no Avro schema: {error}") from None
    _smallest(parsed, {}, ())
    return fastavro.parse_schema(_without_logical_types(parsed), named_schemas={})


def _without_logical_types(schema: Schema) -> Schema:
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        plain: dict[str, Any] = {
            key: value for key, value in schema.items() if key not in _LOGICAL and not key.startswith("__")
        }
        for key in ("type", "items", "values"):
            if key in plain:
                plain[key] = _without_logical_types(plain[key])
        if "fields" in plain:
            plain["fields"] = [_without_logical_types(field) for field in plain["fields"]]
        return plain
    return schema


def _smallest(schema: Schema, named: dict[str, int], inside: tuple[str, ...]) -> int:
    """The fewest bytes a value can have (arrays, maps and unions: 1)."""
    if isinstance(schema, list):
        for branch in schema:
            _smallest(branch, named, inside)
        return 1
    if isinstance(schema, str):
        if schema in inside:
            raise UnsupportedSchemaError(f"{schema} contains itself")
        return named[schema] if schema in named else int(schema != "null")
    kind = schema["type"]
    if kind == "array" or kind == "map":
        item = _smallest(schema["items" if kind == "array" else "values"], named, inside)
        if kind == "array" and item == 0:
            raise UnsupportedSchemaError("an array whose items have no bytes")
        return 1
    if kind == "fixed":
        named[schema["name"]] = schema["size"]
        return int(schema["size"])
    if kind == "enum":
        named[schema["name"]] = 1
        return 1
    if kind in ("record", "error"):
        name = schema["name"]
        size = sum(_smallest(field["type"], named, (*inside, name)) for field in schema["fields"])
        named[name] = size
        return size
    return _smallest(kind, named, inside)


def logical_type(schema: Schema) -> Mapping[str, Any]:
    """``logicalType``, ``precision`` and ``scale`` of a type, of the other branch of a union with null."""
    if isinstance(schema, list):
        found = [logical_type(branch) for branch in schema if branch != "null"]
        return found[0] if len(found) == 1 else {}
    if isinstance(schema, dict):
        if isinstance(schema["type"], dict | list):
            return logical_type(schema["type"])
        return {key: schema[key] for key in _LOGICAL if key in schema}
    return {}


def primitive(schema: Schema) -> str | None:
    """The name of a primitive type, None for any other."""
    if isinstance(schema, dict):
        schema = schema.get("type")
    return schema if isinstance(schema, str) and schema in _PRIMITIVES else None


def nullable(schema: Schema) -> tuple[Schema, int | None]:
    """The type of a union of null and one other, and the index of null in it; (schema, None) for all else."""
    if isinstance(schema, list) and len(schema) == 2 and "null" in schema:
        null = schema.index("null")
        return schema[1 - null], null
    return schema, None
