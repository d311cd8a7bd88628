"""The comparison of tables notices every kind of difference."""

from __future__ import annotations

import polars as pl
import pytest

from tests.chaos.ledger.lines import compared


def table(*rows: tuple[int, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"key": pl.Int64, "value": pl.String}, orient="row")


RIGHT = table((1, "a"), (2, None), (3, "c"))


def test_equal_tables_differ_in_nothing_whatever_their_order_and_types() -> None:
    found = RIGHT.reverse().with_columns(pl.col("key").cast(pl.UInt16)).select("value", "key")
    assert compared("t", RIGHT, found, ["key"]).differing == 0


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (table((1, "a"), (2, None)), "missing"),
        (table((1, "a"), (2, None), (3, "c"), (4, "d")), "extra"),
        (table((1, "a"), (2, None), (3, "c"), (3, "c")), "doubled"),
        (table((1, "a"), (2, "b"), (3, "c")), "wrong"),
        (table((1, None), (2, None), (3, "c")), "wrong"),
    ],
)
def test_each_difference_is_counted_as_what_it_is(found: pl.DataFrame, difference: str) -> None:
    line = compared("t", RIGHT, found, ["key"])
    assert (getattr(line, difference), line.differing) == (1, 1)
