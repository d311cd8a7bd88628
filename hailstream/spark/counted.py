"""How many events a query reads, counted while it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hailstream.archive.layout import EVENT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class CountedEvents:
    """Records of an archive that are counted when a query first reads them.

    Args:
        records: of :func:`hailstream.spark.archive.read_records`.

    Attributes:
        records: the same, for that query.
    """

    def __init__(self, records: DataFrame) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as f

        self._read = records
        self._count = Observation()
        self.records = records.observe(self._count, f.count_if(f.col("kind") == EVENT).alias(EVENT))

    def events(self) -> int:
        """The events among them, once the query ran."""
        from py4j.protocol import Py4JJavaError

        try:
            return int(self._count.get[EVENT])
        except Py4JJavaError:
            # Where no row follows from them, Spark drops them from its plan, and with them the count.
            return int(self._read.where(f"kind = '{EVENT}'").count())
