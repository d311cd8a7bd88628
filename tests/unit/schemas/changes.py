"""Schemas that differ from a given one in one point."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hailstream.schemas import AvroSchema, schema_from

Definition = dict[str, Any]


def changed(schema: AvroSchema, change: Callable[[Definition], object]) -> AvroSchema:
    """A copy with the change made to its definition."""
    definition = copy.deepcopy(schema.definition)
    change(definition)
    return schema_from(definition, schema.name)


def with_field(schema: AvroSchema, **field: Any) -> AvroSchema:
    """A copy with one field more at its end."""
    return changed(schema, lambda d: d["fields"].append(field))


def with_type(schema: AvroSchema, name: str, kind: Any, **more: Any) -> AvroSchema:
    """A copy in which a field has another type."""
    return changed(schema, lambda d: next(f for f in d["fields"] if f["name"] == name).update(type=kind, **more))
