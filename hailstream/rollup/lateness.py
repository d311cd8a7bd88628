"""Which rows of a batch are late by what stands before them in the batch itself."""

from __future__ import annotations

from typing import Final

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.rollup.packing import MINUTE_MS

_NO_TIME: Final = np.iinfo(np.int64).min // 2


def late_in_batch(times_ms: Array, partitions: Array, future: Mask, disorder_ms: int) -> Mask:
    """The rows whose minute a record of their partition in the same batch has closed.

    Rows of a partition's minute that are left share one fate: what came before
    the batch has closed their minute for all of them, or for none. So the
    verdict on the last of them is the verdict on all.

    Args:
        times_ms: event times, in offset order within a partition.
        partitions: of the rows.
        future: rows beyond the horizon, which move no watermark.
        disorder_ms: how far the watermark is behind the newest time.
    """
    plausible = np.where(future, _NO_TIME, times_ms)
    newest = np.empty_like(plausible)
    for partition in np.unique(partitions):
        rows = np.flatnonzero(partitions == partition)
        newest[rows] = np.maximum.accumulate(plausible[rows])
    late: Mask = newest - disorder_ms >= (times_ms // MINUTE_MS + 1) * MINUTE_MS - 1
    return late
