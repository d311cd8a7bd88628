"""Whether the values of a row fit the columns of its table.

The table's definition is asked from the server, so that it stands in one
place, the migrations. A value that does not fit is found here: the server
would cut it without a word (70000 in a UInt16 is 4464).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from hailstream.loader.contract import APPENDED, OFFSET, PARTITION, Refused

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_META = (PARTITION, OFFSET, APPENDED)
_DECIMAL = re.compile(r"Decimal\((\d+), (\d+)\)")
_INTEGER = re.compile(r"U?Int(8|16|32|64)")
# What DateTime64(3) can hold.
_FIRST_TIME = datetime(1900, 1, 1, tzinfo=UTC)
_LAST_TIME = datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True)
class Column:
    """A column of a ClickHouse table."""

    name: str
    type: str

    @property
    def bare_type(self) -> str:
        """The type without Nullable and LowCardinality."""
        return re.sub(r"^(?:LowCardinality|Nullable)\((.*)\)$", r"\1", self.type)


def columns_of(client: Client, table: str) -> tuple[Column, ...]:
    """The columns of a table in the client's database."""
    rows = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "ORDER BY position",
        {"table": table},
    ).result_rows
    return tuple(Column(name, kind) for name, kind in rows)


def fit(frame: pl.DataFrame, columns: tuple[Column, ...]) -> tuple[pl.DataFrame, list[Refused]]:
    """The rows that fit, in the table's types and columns, and why the others do not.

    Columns that the table lacks are left out; columns that the frame lacks
    get the table's default.
    """
    present = [column for column in columns if column.name in frame.columns]
    unfit: dict[tuple[int, int], str] = {}
    cast = []
    for column in present:
        values = frame[column.name]
        converted, fits = _convert(values, column)
        cast.append(converted)
        if not fits.all():
            for partition, offset, value in frame.filter(~fits).select(PARTITION, OFFSET, column.name).iter_rows():
                unfit.setdefault((partition, offset), f"{column.name} = {value} does not fit {column.type}")
    result = pl.DataFrame([*cast, *(frame[name] for name in _META)])
    if unfit:
        bad = pl.Series([key in unfit for key in frame.select(PARTITION, OFFSET).iter_rows()])
        result = result.filter(~bad)
    return result, [Refused(partition, offset, reason) for (partition, offset), reason in unfit.items()]


def _convert(values: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """The values in the column's type, and for each whether it fits."""
    kind = column.bare_type
    if _INTEGER.fullmatch(kind):
        converted = values.cast(getattr(pl, kind), strict=False)
    elif match := _DECIMAL.fullmatch(kind):
        converted = values.cast(pl.Decimal(int(match[1]), int(match[2])), strict=False)
    elif kind.startswith("DateTime64"):
        return values, values.is_between(_FIRST_TIME, _LAST_TIME)
    else:
        converted = values
    fits = converted.is_not_null()
    if column.type.startswith("Nullable"):
        fits |= values.is_null()
    return converted, fits
