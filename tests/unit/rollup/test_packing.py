"""Events go into one packet per minute, and come out of it as they were."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from hailstream.rollup.packing import MINUTE_MS, PACKET_EVENTS, packed_schema
from hailstream.windows import COUNTS, METRICS, WindowedMetric
from tests.unit.rollup.events import Event, made_up, pack


def unpacked(metric: WindowedMetric, packet: bytes) -> list[Event]:
    return pa.ipc.read_record_batch(pa.py_buffer(packet), packed_schema(metric)).to_pylist()


def event(minute: float, trip: str, **given: object) -> Event:
    plain = {"time": int(minute * MINUTE_MS), "trip_id": trip, "zone_id": 7, "passengers": 2, "driver_id": "d"}
    return plain | given


def test_a_minute_s_events_stand_together_in_its_last_row() -> None:
    batch = [event(3.1, "a"), event(2.9, "b"), None, event(3.9, "c"), event(2.0, "d"), None]
    packets = pack(COUNTS, batch)
    assert [row for row, packet in enumerate(packets) if packet is not None] == [3, 4]
    assert [one["trip_id"] for one in unpacked(COUNTS, packets[3])] == ["a", "c"]
    assert [one["trip_id"] for one in unpacked(COUNTS, packets[4])] == ["b", "d"]


def test_only_chosen_rows_are_packed() -> None:
    batch = [event(1, "a"), event(1, "late"), event(1, "b")]
    packets = pack(COUNTS, batch, chosen=[True, False, True])
    assert [one["trip_id"] for one in unpacked(COUNTS, packets[2])] == ["a", "b"]
    assert pack(COUNTS, batch, chosen=[False] * 3).tolist() == [None] * 3
    assert pack(COUNTS, []).tolist() == []


def test_minutes_before_1970_are_minutes_too() -> None:
    packets = pack(COUNTS, [event(-0.5, "a"), event(0.5, "b")])
    assert all(packet is not None for packet in packets)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_events_come_out_as_they_went_in(metric: WindowedMetric) -> None:
    events = made_up(random.Random(1), metric, 300, minutes=7)
    columns = ("trip_id", "zone_id", *metric.columns)
    packets = {
        event["time"] // MINUTE_MS: packet for event, packet in zip(events, pack(metric, events), strict=True) if packet
    }
    assert len(packets) == 7
    for minute, packet in packets.items():
        expected = [event for event in events if event["time"] // MINUTE_MS == minute]
        assert unpacked(metric, packet) == [{name: event[name] for name in columns} for event in expected]


def test_partitions_are_packed_apart() -> None:
    packets = pack(COUNTS, [event(1, "a", partition=0), event(1, "b", partition=1), event(1, "c", partition=0)])
    assert [one["trip_id"] for one in unpacked(COUNTS, packets[1])] == ["b"]
    assert [one["trip_id"] for one in unpacked(COUNTS, packets[2])] == ["a", "c"]


def test_a_packet_has_a_largest_size() -> None:
    packets = [packet for packet in pack(COUNTS, [event(1, str(n)) for n in range(2 * PACKET_EVENTS + 1)]) if packet]
    assert [len(unpacked(COUNTS, packet)) for packet in packets] == [PACKET_EVENTS, PACKET_EVENTS, 1]
