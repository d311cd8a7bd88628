"""What is packed comes out as it went in, to the fold of its shard, and what is late to none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hailstream.decode.rows import Column
from hailstream.domain.alerts.alert import END_DISAGREES, OVERLAPPING_TRIPS
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import ENDED_RANK, LATE_RANK, Ended, Event, Started
from hailstream.folds.columns import seen_in_batch
from hailstream.folds.groups import GROUPS, Group, wanted_groups
from hailstream.folds.packets import packet_schema, shards_of, unpack
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic
from tests.unit.alerts.trips import NOON, SECOND, ended, started, told
from tests.unit.folds.packing import pack

BY_NAME = {group.name: group for group in GROUPS}


def through(
    group: Group, topic: Topic, events: list[Event], *, shards: int = 1, partitions: int = 1, watermark: int = 0
) -> list[tuple[int, Event]]:
    """(shard, event) of all that comes out."""
    schema = packet_schema(group, topic)
    packed, shard = pack(group, topic, events, shards=shards, partitions=partitions)
    return [
        (int(shard[row]), event)
        for row in range(len(events))
        if packed[row] is not None
        for event in unpack(group, topic, schema, packed[row], watermark)
    ]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_events_come_out_as_they_went_in(group: Group) -> None:
    for topic in group.columns:
        one: Event = started(1, "a", driver="d") if topic is TRIPS_STARTED else ended(1, "a", driver="d")
        two = one._replace(trip_id="b", vendor_id=None, time=one.time + 5)
        found = [event for _, event in through(group, topic, [one, two])]
        assert [event.trip_id for event in found] == ["a", "b"]
        assert all(isinstance(event, Started if topic is TRIPS_STARTED else Ended) for event in found)
        for name in ("time", "trip_id", "zone_id", *group.columns[topic]):
            for there, event in zip(found, (one, two), strict=True):
                expected = getattr(event, name)
                assert getattr(there, name) == expected or expected != expected, name


def test_equal_keys_meet_in_one_shard_whatever_the_batch() -> None:
    group = BY_NAME["drivers"]
    events: list[Event] = [started(i, f"t{i}", driver=f"d{i % 7}") for i in range(100)]
    found = through(group, TRIPS_STARTED, events, shards=4, partitions=3)
    assert len(found) == 100
    shard_of = {event.driver_id: shard for shard, event in found}
    assert all(shard_of[event.driver_id] == shard for shard, event in found)
    assert len(set(shard_of.values())) > 1
    again = through(group, TRIPS_STARTED, events[50:], shards=4)
    assert all(shard_of[event.driver_id] == shard for shard, event in again)


def test_shards_are_the_same_in_every_version() -> None:
    text = Column(np.array(["a", "b", "c", None], object), np.array([True, True, True, False]))
    assert shards_of(text, 8)[:3].tolist() == [0, 7, 0]
    assert shards_of(Column(np.array([1, 9, 265]), np.ones(3, np.bool_)), 8).tolist() == [1, 1, 1]


def test_events_of_nobody_are_not_packed_unless_there_is_another_key() -> None:
    events: list[Event] = [started(0, "a", driver=None), started(1, "b", driver="d")]
    by_driver = replace(BY_NAME["drivers"], key=("driver_id",))
    assert [event.trip_id for _, event in through(by_driver, TRIPS_STARTED, events)] == ["b"]
    for shards in (1, 3):
        found = through(BY_NAME["drivers"], TRIPS_STARTED, events, shards=shards)
        assert sorted(event.trip_id for _, event in found) == ["a", "b"]


def test_without_a_key_there_is_one_shard() -> None:
    group = replace(BY_NAME["drivers"], key=())
    events: list[Event] = [started(i, f"t{i}", driver=f"d{i}") for i in range(9)]
    assert [shard for shard, _ in through(group, TRIPS_STARTED, events, shards=3)] == [0] * 9


def test_late_events_are_not_told_but_a_late_end_where_it_is_wanted() -> None:
    late, timely = ended(0, "late"), ended(20 * SECOND, "timely")
    watermark = NOON + 10 * SECOND
    drivers = through(BY_NAME["drivers"], TRIPS_ENDED, [late, timely], watermark=watermark)
    assert [event.trip_id for _, event in drivers] == ["timely"]
    rides = through(BY_NAME["rides"], TRIPS_ENDED, [late, timely], watermark=watermark)
    assert [(event.trip_id, event.time) for _, event in rides] == [("late", watermark), ("timely", timely.time)]
    starts = through(BY_NAME["rides"], TRIPS_STARTED, [started(0, "late")], watermark=watermark)
    assert starts == []


def test_what_is_late_within_a_batch_has_seen_the_watermark_there() -> None:
    times = np.array([0, 10_000, 2_000, 6_000, 1_000])
    partitions = np.array([0, 0, 0, 0, 1])
    future = np.array([False] * 5)
    assert seen_in_batch(times, partitions, future, 5_000).tolist() == [0, 10_000, 5_000, 6_000, 1_000]
    future[1] = True
    assert seen_in_batch(times, partitions, future, 5_000).tolist() == [0, 10_000, 2_000, 6_000, 1_000]


def test_folds_of_one_shard_share_their_packets_and_only_rides_are_told_of_late_ends() -> None:
    apart, (place, one) = wanted_groups({"alerts"}, 2), next(iter(wanted_groups({"alerts"}, 1).items()))
    assert [group.name for group in apart.values()] == ["rides", "drivers", "zones", "single"]
    assert (place, one.key, len(one.parts)) == (0, (), 3)
    assert [group.name for group in wanted_groups({"alerts"}, 1).values()] == [one.name, "single"]

    # It began somewhere else than its start says, and it overlaps the other trip of its driver.
    late, timely = ended(0, "late", zone_id=132), ended(20 * SECOND, "timely")
    watermark = NOON + 10 * SECOND
    found = [event for _, event in through(one, TRIPS_ENDED, [late, timely], watermark=watermark)]
    assert [(event.trip_id, event.rank, event.time) for event in found] == [
        ("late", LATE_RANK, watermark),
        ("timely", ENDED_RANK, timely.time),
    ]
    start = started(late.started_at - NOON, "late")
    alerts = told(one.make(Thresholds()), [start, *found])
    assert [(alert.rule, alert.trip_id) for alert in alerts] == [(END_DISAGREES, "late")]
    in_time = told(one.make(Thresholds()), [start, late, timely])
    assert {alert.rule for alert in in_time} == {END_DISAGREES, OVERLAPPING_TRIPS}, "told in time it would overlap"
