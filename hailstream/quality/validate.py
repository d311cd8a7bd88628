"""A schema asked of a frame, as checks that passed or failed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from hailstream.quality.result import Check

#: Column (empty: of the row) and what is asked of it.
Asked = tuple[str, str]


def asked_by(schema: pa.DataFrameSchema) -> list[Asked]:
    """Everything that a schema asks."""
    asked = [("", "its columns and no others"), *(("", str(check.error)) for check in schema.checks)]
    if schema.unique:
        asked.append(("", _once(schema)))
    for name, column in schema.columns.items():
        asked.append((name, f"type {column.dtype}"))
        if not column.nullable:
            asked.append((name, "not null"))
        asked += [(name, str(check.error)) for check in column.checks]
    return asked


def failures(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> Counter[Asked]:
    """How many rows, or columns, fail what is asked."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        found: Counter[Asked] = Counter()
        for case in errors.failure_cases.iter_rows(named=True):
            found[_asked(schema, case)] += 1
        return found
    return Counter()


def as_checks(schema: pa.DataFrameSchema, layer: str, table: str, found: Counter[Asked]) -> list[Check]:
    """A hard check for each thing asked."""
    return [
        Check(layer, table, f"{column}: {what}" if column else what, True, not found[asked], _told(found[asked]), "0")
        for asked in asked_by(schema)
        for column, what in (asked,)
    ]


def _asked(schema: pa.DataFrameSchema, case: dict[str, Any]) -> Asked:
    check, column = str(case["check"]), case["column"] or ""
    if check.startswith(("column_in", "column_not")):
        return "", "its columns and no others"
    if check.startswith("dtype("):
        return column, f"type {schema.columns[column].dtype}"
    if check == "not_nullable":
        return column, "not null"
    if check == "multiple_fields_uniqueness":
        return "", _once(schema)
    return column, check


def _once(schema: pa.DataFrameSchema) -> str:
    return f"once: {', '.join(schema.unique or ())}"


def _told(count: int) -> str:
    return f"{count:,} fail" if count else "0"
