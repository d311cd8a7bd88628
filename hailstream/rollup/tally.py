"""What the packed events of a minute come to, zone by zone, each trip once.

A *tally* is an int64 array: zone, the measures of the minute, its duplicates,
then what its measures of distinct values have met, as 64-bit hashes. In the
place of such a measure stands how many hashes there are. Sums add up over
minutes; distinct values are counted when the minutes of a window are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from pandas.util import hash_array

from hailstream.decode.arrays import Array
from hailstream.rollup.packing import packed_schema
from hailstream.windows import Measure, WindowedMetric

#: A tally has no more hashes of a measure than this: Flink's window buffers are small.
TALLY_HASHES: Final = 1024

_MINUTE: Final = "_minute"
_COPIES: Final = "_copies"
_DUPLICATES: Final = "_duplicates"


class MinuteTally:
    """Counts the packed events of minutes. Of copies that disagree the smallest of each value counts."""

    def __init__(self, metric: WindowedMetric) -> None:
        self._metric = metric
        self._schema = packed_schema(metric)
        self._aggregates = [aggregate for measure in metric.measures for aggregate in _minute_aggregates(measure)]
        self._aggregates.append((pl.col(_COPIES) - 1).sum().cast(pl.Int64).alias(_DUPLICATES))
        self._distinct = [measure for measure in metric.measures if measure.aggregate == "count_distinct"]

    def __call__(self, minutes: Sequence[Sequence[bytes]]) -> list[list[Array]]:
        """Tally several minutes at once.

        Args:
            minutes: of each minute its packets, in any order; at least one packet in all.

        Returns:
            of each minute a tally per zone that has events, or several that add up.
        """
        zones = self._zones(self._trips(self._events(minutes)))
        tallies: list[list[Array]] = [[] for _ in minutes]
        for minute, tally in self._tallies(zones):
            tallies[minute].append(tally)
        return tallies

    def _events(self, minutes: Sequence[Sequence[bytes]]) -> pl.DataFrame:
        packets = [
            pa.ipc.read_record_batch(pa.py_buffer(packet), self._schema) for packets in minutes for packet in packets
        ]
        events = pl.DataFrame(pa.Table.from_batches(packets, self._schema))
        minute = np.repeat(np.arange(len(minutes)), [len(packets) for packets in minutes])
        return events.with_columns(pl.Series(_MINUTE, np.repeat(minute, [packet.num_rows for packet in packets])))

    def _trips(self, events: pl.DataFrame) -> pl.DataFrame:
        smallest = pl.col("zone_id", *self._metric.columns).min()
        return events.group_by(_MINUTE, "trip_id").agg(pl.len().alias(_COPIES), smallest)

    def _zones(self, trips: pl.DataFrame) -> pl.DataFrame:
        for measure in self._distinct:
            trips = trips.with_columns(_hashes(trips, measure))
        return trips.group_by(_MINUTE, pl.col("zone_id").cast(pl.Int64)).agg(self._aggregates)

    def _tallies(self, zones: pl.DataFrame) -> Iterator[tuple[int, Array]]:
        """Each row of ``zones`` as (minute, tally), or as several where it has met too many values for one."""
        hashes = [zones[_hashes_of(measure)] for measure in self._distinct]
        slots = [1 + self._metric.measures.index(measure) for measure in self._distinct]
        numbers = zones.select("zone_id", *map(_result, self._metric.measures), _DUPLICATES).to_numpy(writable=True)
        for row, (minute, sums) in enumerate(zip(zones[_MINUTE].to_list(), numbers, strict=True)):
            rest = [column[row].to_numpy() for column in hashes]
            while True:
                taken = [met[:TALLY_HASHES] for met in rest]
                rest = [met[TALLY_HASHES:] for met in rest]
                sums[slots] = [len(met) for met in taken]
                yield minute, np.concatenate([sums, *taken])
                if not any(len(met) for met in rest):
                    break
                sums = np.zeros_like(sums)
                sums[0] = numbers[row, 0]


class DistinctCount:
    """Counts the distinct values of one measure over tallies of several minutes."""

    def __init__(self, metric: WindowedMetric, measure: Measure) -> None:
        slots = {each.name: 1 + index for index, each in enumerate(metric.measures)}
        distinct = [slots[each.name] for each in metric.measures if each.aggregate == "count_distinct"]
        self._slot = slots[measure.name]
        self._before = [slot for slot in distinct if slot < self._slot]
        self._hashes = 2 + len(slots)

    def __call__(self, tallies: Sequence[Array]) -> int:
        """How many distinct values the tallies have met, all of one zone."""
        found = []
        for tally in tallies:
            begin = self._hashes + int(sum(tally[slot] for slot in self._before))
            found.append(tally[begin : begin + int(tally[self._slot])])
        return len(np.unique(np.concatenate(found)))


def _result(measure: Measure) -> str:
    return f"_{measure.name}"


def _hashes_of(measure: Measure) -> str:
    return f"_{measure.name}_hashes"


def _hashes(trips: pl.DataFrame, measure: Measure) -> pl.Series:
    """Values as 64-bit SipHash: the same in every process and version, unlike polars' own."""
    values = trips[measure.value]
    hashes = hash_array(values.to_numpy(), categorize=False).view(np.int64)
    return pl.Series(_hashes_of(measure), hashes).set(values.is_null(), None)


def _minute_aggregates(measure: Measure) -> Iterator[pl.Expr]:
    if measure.aggregate == "count_distinct":
        yield pl.col(_hashes_of(measure)).drop_nulls()
        yield pl.lit(0, pl.Int64).alias(_result(measure))  # how many, said when they are cut to size
        return
    if measure.aggregate == "count":
        found = pl.len()
    else:
        value = pl.sql_expr(measure.value).cast(pl.Int64)
        found = value.sum() if measure.aggregate == "sum" else value.count()
    yield found.cast(pl.Int64).alias(_result(measure))
