"""The account at the end: a line for each table."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Line:
    """How a table, topic or set of keys stands to what it should be.

    Attributes:
        rows: that it should have.
        missing: of those, not there.
        extra: there, and should not be.
        doubled: committed more than once.
        wrong: there with other values.
        note: what else there is to say.
        examples: some of what differs.
    """

    name: str
    rows: int
    missing: int = 0
    extra: int = 0
    doubled: int = 0
    wrong: int = 0
    note: str = ""
    examples: tuple[str, ...] = ()

    @property
    def differing(self) -> int:
        return self.missing + self.extra + self.doubled + self.wrong


SHOWN = 5


def compared(name: str, expected: pl.DataFrame, found: pl.DataFrame, key: list[str], *, note: str = "") -> Line:
    """Two tables of the same columns held against each other, row by row.

    Args:
        key: columns that make a row unique; all others must be equal.
    """
    values = [column for column in expected.columns if column not in key]
    found = found.select(expected.columns).cast(dict(expected.schema))
    doubled = found.height - found.unique(key).height
    missing = expected.join(found, on=key, how="anti")
    extra = found.join(expected, on=key, how="anti")
    both = expected.join(found, on=key, suffix="_found")
    same = [pl.col(value).eq_missing(pl.col(f"{value}_found")) for value in values]
    wrong = both.filter(~pl.all_horizontal(same)) if same else both.clear()
    examples = [
        f"{kind} {row}"
        for kind, rows in (("missing", missing), ("extra", extra), ("wrong", wrong))
        for row in rows.head(SHOWN).to_dicts()
    ]
    return Line(name, expected.height, missing.height, extra.height, doubled, wrong.height, note, tuple(examples))
