"""A table as it is compared: its columns, and how ClickHouse and Arrow name their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from hailstream.topics import Topic

Kind = Literal["int", "long", "text", "real", "time"]

#: Types of what is compared; times are ms since 1970, amounts integers in units of their last place.
_ARROW: Final = {"int": pa.int32(), "long": pa.int64(), "text": pa.string(), "real": pa.float64(), "time": pa.int64()}
_FOUND: Final = {
    "int": "toInt32({name})",
    "long": "toInt64({name})",
    "text": "toString({name})",
    "real": "toFloat64({name})",
    "time": "toUnixTimestamp64Milli({name})",
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        kind: of what is compared.
        measure: a sum of it over rows says something.
        scale, digits: decimal places and digits of ClickHouse's decimal; digits 0: it is none.
    """

    name: str
    kind: Kind
    measure: bool = False
    scale: int = 0
    digits: int = 0

    @property
    def arrow(self) -> pa.Field:
        """As :func:`hailstream.reconcile.found.found_rows` reads it."""
        return pa.field(self.name, _ARROW[self.kind])

    @property
    def found_sql(self) -> str:
        """ClickHouse's expression of what is compared."""
        if self.digits:
            return f"toInt64({self.name} * {10**self.scale})"
        return _FOUND[self.kind].format(name=self.name)

    def stored_sql(self, value: str) -> str:
        """What is compared, as ClickHouse's column takes it: DuckDB's expression."""
        if self.kind == "time":
            return f"make_timestamp_ms({value})"
        if not self.digits:
            return value
        unit = f"CAST({10**-self.scale:.{self.scale}f} AS DECIMAL({self.scale + 1}, {self.scale}))"
        return f"CAST(CAST({value} AS DECIMAL(19, 0)) * {unit} AS DECIMAL({self.digits}, {self.scale}))"


@dataclass(frozen=True)
class KeyedTable:
    """A table whose rows have a key, and of each key the newest version counts.

    Attributes:
        name: of its view; ``<name>_raw`` has the versions.
        events, results: topics that the stream makes it of, and by.
        key: columns that make a row unique.
        values: the others.
        time: column of the key or the values that says whether a row is in a range.
        read_by: column that ClickHouse finds rows by, which is so much earlier than ``time`` (ms).
        copied: SQL over true values and ``<name>_found``: only copies of events make a differing row differ.
        headline: the measure that says most.
        generations: the raw table has a column ``generation``.
    """

    name: str
    events: Topic
    results: Topic
    key: tuple[Column, ...]
    values: tuple[Column, ...]
    time: str
    read_by: tuple[str, int]
    copied: str
    headline: str
    generations: bool = True

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them."""
        return (*self.key, *self.values)

    @property
    def keys(self) -> list[str]:
        """Names of the key's columns."""
        return [column.name for column in self.key]

    @property
    def measures(self) -> list[Column]:
        """What can be summed up."""
        return [column for column in self.values if column.measure]

    @property
    def raw(self) -> str:
        """The table behind the view."""
        return f"{self.name}_raw"
