"""What the decode function hands on to windows: packets by minute."""

from __future__ import annotations

from hailstream.decode.arrays import Array
from hailstream.decode.packer import Batch
from hailstream.rollup.lateness import late_in_batch
from hailstream.rollup.packing import pack_minutes, packed_schema
from hailstream.windows import WindowedMetric


def packed_column(metric: WindowedMetric) -> str:
    """The column that holds the packed events of ``metric``."""
    return f"packed_{metric.name}"


class MinutePacker:
    """Packs a metric's events, those that the batch itself makes late left out.

    Args:
        metric: whose events they are.
        disorder_ms: how far the watermark is behind the newest time.
    """

    fields: tuple[str, ...] = ()

    def __init__(self, metric: WindowedMetric, disorder_ms: int) -> None:
        self._schema = packed_schema(metric)
        self._column = packed_column(metric)
        self._disorder_ms = disorder_ms
        self.columns = metric.columns
        self.sql_types = {self._column: "BYTES"}

    def pack(self, batch: Batch) -> dict[str, Array]:
        """The packets, in one column."""
        late = late_in_batch(batch.times, batch.partitions, batch.future, self._disorder_ms)
        chosen = batch.decoded.present & ~batch.future & ~late
        return {self._column: pack_minutes(self._schema, batch.decoded, batch.times, batch.partitions, chosen)}
