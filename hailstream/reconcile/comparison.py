"""One table held against the archive by Spark, which spreads tasks and lets what belongs together meet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hailstream.archive.pieces import Piece
from hailstream.reconcile.drift import EQUAL, WAITING, Group, summed
from hailstream.reconcile.spans import Span
from hailstream.reconcile.tasks import Compared, Plan, archived, compare_share, insert_share, said, without_rows

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext


class Comparison:
    """The rows of a table that differ, kept where they were found until this is left.

    Args:
        pieces: of the archive, as tasks read them together.
        asked: what tasks ask ClickHouse for.
    """

    def __init__(
        self, spark: SparkContext, plan: Plan, pieces: Sequence[Sequence[Piece]], asked: Sequence[Sequence[Span]]
    ) -> None:
        self._plan = plan
        self._held: frozenset[str] = frozenset()
        tasks = [*(partial(archived, one) for one in pieces), *(partial(said, one) for one in asked)]
        self._compared: RDD[Compared] = (
            spark.parallelize(tasks, max(1, len(tasks)))
            .flatMap(lambda task: task(plan))
            .partitionBy(plan.division.count, int)
            .mapPartitionsWithIndex(partial(compare_share, plan=plan))
        )

    def __enter__(self) -> Self:
        from pyspark import StorageLevel

        self._compared.persist(StorageLevel.MEMORY_AND_DISK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._compared.unpersist()

    def found(self) -> Compared:
        """What became of all shares together, without the rows themselves.

        Raises:
            HailstreamError: inside the tasks: the archive cannot be read, or ClickHouse not be reached.
        """
        shares = self._compared.map(partial(without_rows, table=self._plan.again.table, held=self._held)).collect()
        kinds = {kind for share in shares for kind in share.rows}
        rows = {kind: sum(share.rows.get(kind, 0) for share in shares) for kind in kinds}
        together = summed(group for share in shares for group in share.groups)
        alike = [Group(kind, "", None, None, rows.get(kind, 0), {}) for kind in (EQUAL, WAITING)]
        return Compared(sum(share.events for share in shares), rows, [*alike, *together])

    def hold_back(self, keys: Collection[str]) -> None:
        """Take rows with these keys for ones that are on their way."""
        self._held = frozenset(keys)

    def insert(self, staged: str) -> int:
        """Put the rows that correct those that differ into a table; how many.

        Raises:
            HailstreamError: inside the tasks: ClickHouse cannot be reached or refuses.
        """
        plan = self._plan
        insert = partial(insert_share, table=plan.again.table, held=self._held, staged=staged, settings=plan.settings)
        return int(self._compared.map(insert).sum())
