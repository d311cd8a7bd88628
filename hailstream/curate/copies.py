"""Which events of an archive repeat a trip: all that have its id but the one that stands last in the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from hailstream.archive.pieces import Piece
from hailstream.curate.counts import Raw
from hailstream.curate.raw import Rows, Span, read_placed
from hailstream.curate.staging_sql import events_sql
from hailstream.duck.database import open_database, rows_of
from hailstream.spark.parts import pack, unpack

if TYPE_CHECKING:
    from pyspark import SparkContext

    from hailstream.settings import Settings

#: Of copies that disagree the one that stands last in the log counts; those of monthly files have no place in it.
_LAST_FIRST: Final = ", ".join(
    f"{name} DESC NULLS LAST" for name in ("record_time", "kafka_offset", "kafka_partition", "piece", "row")
)
_READ: Final = (
    *("kind", "record_time", "kafka_offset", "kafka_partition", "trip_id", "started_at", "event_time", "total_cents"),
)
_COPIES: Final = f"""
SELECT piece, "row", asked, cents
FROM (SELECT *, row_number() OVER (PARTITION BY trip_id ORDER BY {_LAST_FIRST}) AS place
      FROM keys SEMI JOIN (SELECT trip_id FROM keys GROUP BY trip_id HAVING count(*) > 1) USING (trip_id))
WHERE place > 1"""


@dataclass(frozen=True)
class Found:
    """What there is of some trips.

    Attributes:
        raw: counts.
        copies: rows by number of their piece.
    """

    raw: Raw
    copies: dict[int, Rows]


def find_copies(spark: SparkContext, settings: Settings, tasks: Sequence[Sequence[Piece]], span: Span) -> Found:
    """What the archive has of the hours of a span, and which rows repeat a trip.

    All events of a trip meet in one task, by a hash of its id.

    Raises:
        HailstreamError: inside the tasks: a file cannot be read.
    """
    keys = partial(_keys, settings=settings, span=span, shares=len(tasks))
    found = (
        spark.parallelize(list(tasks), len(tasks))
        .flatMap(keys)
        .partitionBy(len(tasks), int)
        .mapPartitions(_copies)
        .collect()
    )
    raws = [one.raw for one in found]
    raw = Raw(*(sum(getattr(one, name) for one in raws) for name in Raw.__dataclass_fields__))
    numbers = {number for one in found for number in one.copies}
    nothing = np.zeros(0, np.int64)
    return Found(
        raw, {number: np.concatenate([one.copies.get(number, nothing) for one in found]) for number in numbers}
    )


def _keys(pieces: Sequence[Piece], settings: Settings, span: Span, shares: int) -> Iterator[tuple[int, bytes]]:
    """What tells copies apart of the events in some pieces, by a share of all trips."""
    events = events_sql("records", *span.sql)
    query = (
        f'SELECT trip_id, record_time, kafka_offset, kafka_partition, piece, "row",'
        f" coalesce(total_cents, 0) AS cents, hour >= {span.first_hour} AND hour < {span.end_hour} AS asked,"
        f" CAST(hash(trip_id) % {shares} AS INTEGER) AS share FROM ({events}) ORDER BY share"
    )
    with open_database({"records": read_placed(settings, pieces, _READ)}, threads=1) as database:
        rows = rows_of(database, query)
    ends = np.searchsorted(rows["share"].to_numpy(), np.arange(shares + 1))
    keys = rows.drop_columns(["share"])
    for share in range(shares):
        part = keys.slice(ends[share], ends[share + 1] - ends[share])
        if part.num_rows:
            yield share, pack(part)


def _copies(parts: Iterable[tuple[int, bytes]]) -> Iterator[Found]:
    packed = [part for _, part in parts]
    if not packed:
        return
    sums = "count(*) FILTER (asked), coalesce(sum(cents) FILTER (asked), 0)"
    with open_database({"keys": unpack(packed)}, threads=1) as database:
        database.execute(f"CREATE TEMP TABLE copies AS {_COPIES}")
        counts = [
            int(number)
            for name in ("keys", "copies")
            for number in database.sql(f"SELECT {sums} FROM {name}").fetchall()[0]
        ]
        places = rows_of(database, 'SELECT piece, "row" FROM copies')
    pieces, rows = (places[name].to_numpy() for name in ("piece", "row"))
    yield Found(Raw(*counts), {int(number): rows[pieces == number] for number in np.unique(pieces)})
