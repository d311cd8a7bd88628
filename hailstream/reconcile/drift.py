"""What ClickHouse has, held against what the archive gives, row by row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from hailstream.duck.database import open_database, rows_of
from hailstream.reconcile.columns import KeyedTable

if TYPE_CHECKING:
    import duckdb

#: How a row compares.
EQUAL: Final = "equal"
MISSING: Final = "missing"
EXTRA: Final = "extra"
DIFFERENT: Final = "different"
#: Rows of records that one of archive, job and loader has not come to yet: not compared.
WAITING: Final = "on its way"

#: Why a row differs. The first that holds is told.
RULE_VERSION: Final = "rule version"
LATE_ROWS: Final = "late rows"
NOT_SAID: Final = "not said"
DUPLICATE: Final = "duplicate"
UNEXPLAINED: Final = "unexplained"
REASONS: Final = (RULE_VERSION, LATE_ROWS, NOT_SAID, DUPLICATE, UNEXPLAINED)

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Group:
    """Rows that compare alike.

    Attributes:
        reason: why they differ; empty for rows that do not.
        hour: in which their time is (ms), or None: any.
        zone: or None: any.
        rows: how many.
        deltas: by measure, the sum of what is true minus what was found; amounts as integers.
    """

    kind: str
    reason: str
    hour: int | None
    zone: int | None
    rows: int
    deltas: Mapping[str, int | float]


def compare(
    database: duckdb.DuckDBPyConnection, table: KeyedTable, *, truth: str, found: str, waiting: str | None, unread: str
) -> dict[str, int]:
    """How many rows there are by kind; :func:`explained` tells those that differ.

    Args:
        truth: a view of the rows that there should be.
        found: a view of those that there are, with ``generation``.
        waiting: a view with keys of rows that are not loaded yet.
        unread: SQL over ``truth``: the stream has not come to it.
    """
    values = [column.name for column in table.values]
    said = ", ".join((*table.keys, *(f'"{name}" AS "{name}_found"' for name in values), "generation"))
    same = " AND ".join(f'"{name}" IS NOT DISTINCT FROM "{name}_found"' for name in values)
    on_its_way = f"unread OR {_is_in(table.keys, waiting)}" if waiting else "unread"
    database.execute(
        f"""
CREATE TEMP TABLE compared AS
SELECT *, CASE WHEN {on_its_way} THEN '{WAITING}' WHEN said AND there AND {same} THEN '{EQUAL}'
               WHEN said IS NULL THEN '{MISSING}' WHEN there IS NULL THEN '{EXTRA}' ELSE '{DIFFERENT}' END AS kind
FROM (SELECT *, true AS there, coalesce({unread}, false) AS unread FROM {truth})
FULL JOIN (SELECT {said}, true AS said FROM {found}) USING ({", ".join(table.keys)})"""
    )
    return dict(database.sql("SELECT kind, count(*) FROM compared GROUP BY kind").fetchall())


def explained(
    database: duckdb.DuckDBPyConnection, table: KeyedTable, generation: int, late: pa.Table | None
) -> pa.Table:
    """The rows that :func:`compare` found to differ: kind, reason, columns, each value also as ``name_found``.

    Args:
        generation: of the definition that the truth was computed by.
        late: some columns of rows: those like these were told without late events.
    """
    names = [*table.keys, *(name for column in table.values for name in (column.name, f"{column.name}_found"))]
    is_late = "false"
    if late is not None:
        database.register("late_rows", late)
        is_late = _is_in(late.column_names, "late_rows")
    return rows_of(
        database,
        f"""
SELECT kind, CASE WHEN generation != {generation} THEN '{RULE_VERSION}' WHEN {is_late} THEN '{LATE_ROWS}'
                  WHEN said IS NULL THEN '{NOT_SAID}' WHEN {table.copied} THEN '{DUPLICATE}'
                  ELSE '{UNEXPLAINED}' END AS reason,
       {", ".join(f'"{name}"' for name in names)}
FROM compared WHERE kind NOT IN ('{EQUAL}', '{WAITING}')""",
    )


def _is_in(columns: Sequence[str], view: str) -> str:
    names = ", ".join(columns)
    return f"({names}) IN (SELECT ({names}) FROM {view})"


def groups(table: KeyedTable, differing: pa.Table) -> list[Group]:
    """Differing rows, counted by kind and reason, and of these by hour and by zone."""

    def either(name: str) -> str:
        return f'"{name}"' if name in table.keys else f'coalesce("{name}", "{name}_found")'

    time = either(table.time)
    deltas = [f'sum(coalesce("{measure.name}", 0) - coalesce("{measure.name}_found", 0))' for measure in table.measures]
    query = f"""
SELECT kind, reason, hour, zone, count(*), {", ".join(deltas)}
FROM (SELECT *, {time} - pmod({time}, {_HOUR_MS}) AS hour, {either("zone_id")} AS zone FROM differing)
GROUP BY GROUPING SETS ((kind, reason), (kind, reason, hour), (kind, reason, zone))"""
    with open_database({"differing": differing}, threads=1) as database:
        found = database.sql(query).fetchall()
    names = [measure.name for measure in table.measures]
    return [
        Group(kind, reason, hour, zone, rows, {name: sum_ or 0 for name, sum_ in zip(names, sums, strict=True)})
        for kind, reason, hour, zone, rows, *sums in found
        if kind != WAITING or (hour is None and zone is None)
    ]


def summed(found: Iterable[Group]) -> list[Group]:
    """Groups of the same rows become one."""
    together: dict[tuple[object, ...], Group] = {}
    for one in found:
        place = (one.kind, one.reason, one.hour, one.zone)
        if (so_far := together.get(place)) is not None:
            deltas = {name: value + so_far.deltas[name] for name, value in one.deltas.items()}
            one = replace(one, rows=so_far.rows + one.rows, deltas=deltas)
        together[place] = one
    return list(together.values())


def without(table: KeyedTable, differing: pa.Table, keys: Collection[str]) -> pa.Table:
    """The same, but for keys (of one column) that are on their way after all."""
    [key] = table.keys
    held = pc.is_in(differing[key], pa.array(list(keys), pa.string()))
    kinds = pc.if_else(held, WAITING, differing["kind"])
    return differing.set_column(differing.schema.get_field_index("kind"), "kind", kinds)
