"""What is late by its batch alone, and why the events of a packet share one fate."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from hailstream.rollup.lateness import late_in_batch
from hailstream.rollup.packing import MINUTE_MS, packed_schema
from hailstream.windows import COUNTS
from tests.unit.rollup.events import Event, pack

DISORDER = 5_000


def late(times: list[int], partitions: list[int] | None = None, future: list[bool] | None = None) -> list[bool]:
    found = late_in_batch(
        np.array(times, np.int64),
        np.array(partitions or [0] * len(times), np.int32),
        np.array(future or [False] * len(times), np.bool_),
        DISORDER,
    )
    return found.tolist()


def test_a_minute_closes_when_the_watermark_reaches_its_last_millisecond() -> None:
    closing = MINUTE_MS + DISORDER - 1
    assert late([closing - 1, 0]) == [False, False]
    assert late([closing, 0]) == [False, True]
    assert late([0, closing]) == [False, False]


def test_a_partition_closes_only_its_own_minutes() -> None:
    closing = MINUTE_MS + DISORDER
    assert late([closing, 0, 0], [1, 0, 1]) == [False, False, True]


def test_a_record_from_the_future_closes_nothing() -> None:
    assert late([10**15, 0], future=[True, False]) == [False, False]
    assert late([], []) == []


@pytest.mark.parametrize("seed", range(30))
def test_a_packet_s_events_are_late_together_or_not_at_all(seed: int) -> None:
    rng = random.Random(seed)
    spread = rng.choice([1, 3, 20]) * MINUTE_MS
    batch: list[Event] = [
        {
            "time": 100 * MINUTE_MS + n * rng.choice([1, 300]) + rng.randrange(spread),
            "partition": rng.randrange(3),
            "trip_id": str(n),
            "zone_id": 1,
            "passengers": 1,
            "driver_id": None,
        }
        for n in range(400)
    ]
    # Where the watermark of each partition stood before the batch.
    before = {partition: 100 * MINUTE_MS + rng.randrange(-spread, 2 * spread) for partition in range(3)}
    verdicts = {}
    newest = {partition: watermark + DISORDER for partition, watermark in before.items()}
    for event in batch:
        newest[event["partition"]] = max(newest[event["partition"]], event["time"])
        end = (event["time"] // MINUTE_MS + 1) * MINUTE_MS
        verdicts[event["trip_id"]] = newest[event["partition"]] - DISORDER >= end - 1
    own = late([event["time"] for event in batch], [event["partition"] for event in batch])
    packets = pack(COUNTS, batch, chosen=[not verdict for verdict in own])
    packed: set[str] = set()
    for event, packet in zip(batch, packets, strict=True):
        if packet is not None:
            trips = pa.ipc.read_record_batch(pa.py_buffer(packet), packed_schema(COUNTS))["trip_id"].to_pylist()
            assert {verdicts[trip] for trip in trips} == {verdicts[event["trip_id"]]}
            packed |= set(trips)
    assert {event["trip_id"] for event in batch} - packed <= {trip for trip, verdict in verdicts.items() if verdict}
