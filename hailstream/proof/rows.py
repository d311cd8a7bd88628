"""A table held against the rows it should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import duckdb

_SHOWN = 20


@dataclass(frozen=True)
class RowsProof:
    """How a table compares with what it should be.

    Attributes:
        table: its name.
        rows: expected rows.
        missing, extra, different: keys only expected, only found, in both with other values.
        examples: some of the differing rows, for people.
    """

    table: str
    rows: int
    missing: int
    extra: int
    different: int
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def differing(self) -> int:
        return self.missing + self.extra + self.different


def compare_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    expected: str,
    found: Any,
    key: Sequence[str],
    rounded: Mapping[str, int] = MappingProxyType({}),
) -> RowsProof:
    """Compare by key, and then value by value; null equals null alone.

    Args:
        connection: where ``expected`` is.
        table: name, for people.
        expected: a table or a query in parentheses; its columns are compared.
        found: an Arrow table with at least these columns.
        key: columns that make a row unique.
        rounded: columns that are rounded in the table, to so many decimal places, and not in ``expected``.
    """
    connection.register("found", found)
    described = connection.execute(f"DESCRIBE SELECT * FROM {expected}").fetchall()
    values = [name for name, *_ in described if name not in key]
    same = " AND ".join(_same(name, rounded.get(name)) for name in values) or "true"
    shown = ", ".join(f'e."{name}" AS "{name}_expected", f."{name}" AS "{name}_found"' for name in values)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE drift AS
        SELECT CASE WHEN f."{key[0]}" IS NULL THEN 'missing' WHEN e."{key[0]}" IS NULL THEN 'extra'
                    ELSE 'different' END AS kind,
               {", ".join(f'coalesce(e."{k}", f."{k}") AS "{k}"' for k in key)}{", " + shown if shown else ""}
        FROM {expected} e FULL JOIN found f USING ({", ".join(f'"{k}"' for k in key)})
        WHERE f."{key[0]}" IS NULL OR e."{key[0]}" IS NULL OR NOT ({same})""")
    connection.unregister("found")
    kinds = dict(connection.execute("SELECT kind, count(*) FROM drift GROUP BY kind").fetchall())
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {expected}").fetchall()
    cursor = connection.execute(f"SELECT * FROM drift LIMIT {_SHOWN}")
    names = [column[0] for column in cursor.description]
    examples = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    missing, extra, different = (kinds.get(kind, 0) for kind in ("missing", "extra", "different"))
    return RowsProof(table, rows, missing, extra, different, examples)


def _same(name: str, digits: int | None) -> str:
    exactly = f'e."{name}" IS NOT DISTINCT FROM f."{name}"'
    if digits is None:
        return exactly
    # Halves are rounded this way or that.
    return f'({exactly} OR coalesce(abs(e."{name}" - f."{name}") <= {0.5001 * 10**-digits}, false))'
