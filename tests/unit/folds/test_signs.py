"""Of each partition and minute of a batch one record gives a sign, whatever else is in the batch."""

from __future__ import annotations

import numpy as np

from hailstream.folds.columns import first_of_minutes


def test_the_first_record_of_each_partition_and_minute_gives_a_sign() -> None:
    times = np.array([0, 59_999, 60_000, 1, 60_001, -1, 600_000])
    partitions = np.array([0, 0, 0, 1, 0, 0, 0])
    future = np.array([False] * 6 + [True])
    assert first_of_minutes(times, partitions, future).tolist() == [True, False, True, True, False, True, False]
