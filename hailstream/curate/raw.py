"""Events of an archive as tasks read them, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hailstream.archive.layout import EVENT
from hailstream.archive.pieces import Piece, tasks_of
from hailstream.archive.records import each_piece, read_records
from hailstream.settings import Settings
from hailstream.spark.tasks import spread
from hailstream.topics import TRIPS_ENDED

if TYPE_CHECKING:
    from pyspark import SparkContext

_PLACE: Final = {"piece": pa.int32(), "row": pa.int64()}
#: Where a row is: the number of its piece, and its place in it.
PLACE: Final = tuple(_PLACE)
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Which records are read.

    Attributes:
        begin, end: of their times, ``end`` excluded.
        first_hour, end_hour: hours of the months that are asked for.
    """

    begin: datetime
    end: datetime
    first_hour: int
    end_hour: int

    @property
    def sql(self) -> tuple[str, str]:
        """Its begin and end as moments of a query."""
        naive = (moment.astimezone(UTC).replace(tzinfo=None).isoformat() for moment in (self.begin, self.end))
        first, last = (f"TIMESTAMP '{text}'" for text in naive)
        return first, last


def read_placed(settings: Settings, pieces: Iterable[Piece], columns: Sequence[str]) -> pa.Table:
    """Columns of records of ``trips.ended``, and :data:`PLACE`.

    Raises:
        HailstreamError: a file cannot be read.
    """
    nothing = _placed(-1, read_records(TRIPS_ENDED, settings, (), columns))
    read = each_piece(TRIPS_ENDED, settings, pieces, columns)
    return pa.concat_tables([nothing, *(_placed(piece.number, rows) for piece, rows in read)])


def count_events(spark: SparkContext, settings: Settings, pieces: Sequence[Piece], since: datetime | None) -> int:
    """How many events there are in some pieces, of a moment or after it.

    Raises:
        HailstreamError: inside the tasks: a file cannot be read.
    """
    tasks = tasks_of(pieces, spark.defaultParallelism)
    return sum(spread(spark, partial(_count, settings=settings, since=since), tasks))


def _count(pieces: Sequence[Piece], settings: Settings, since: datetime | None) -> int:
    records = read_records(TRIPS_ENDED, settings, pieces, ("kind", "record_time"))
    counted = pc.equal(records["kind"], EVENT)
    if since is not None:
        moment = pa.scalar(since.astimezone(UTC).replace(tzinfo=None), pa.timestamp("us"))
        counted = pc.and_(counted, pc.greater_equal(records["record_time"], moment))
    return int(pc.sum(counted).as_py() or 0)


def _placed(number: int, rows: pa.Table) -> pa.Table:
    places = (np.full(rows.num_rows, number), np.arange(rows.num_rows))
    for (name, type_), values in zip(_PLACE.items(), places, strict=True):
        rows = rows.append_column(name, pa.array(values, type_))
    return rows
