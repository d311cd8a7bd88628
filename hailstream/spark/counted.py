"""Rows that are counted by the query that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Counted:
    """Rows that are counted when a query first reads them.

    Args:
        rows: of any query.
        conditions: what is counted, by name: the rows for which it holds.

    Attributes:
        rows: the same, for that query.
    """

    def __init__(self, rows: DataFrame, **conditions: Column) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as f

        self._read = rows
        self._counts = [f.count_if(condition).alias(name) for name, condition in conditions.items()]
        self._observed = Observation()
        self.rows = rows.observe(self._observed, *self._counts)

    def counts(self) -> dict[str, int]:
        """How many there are by name, once the query ran."""
        from py4j.protocol import Py4JJavaError

        try:
            return {name: int(count) for name, count in self._observed.get.items()}
        except Py4JJavaError:
            # Where no row follows from them, Spark drops them from its plan, and with them the counts.
            [row] = self._read.agg(*self._counts).collect()
            return {name: int(count) for name, count in row.asDict().items()}
