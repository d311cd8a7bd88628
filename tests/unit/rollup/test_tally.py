"""Tallies come to what counting one by one comes to, however the events were packed."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from hailstream.decode.arrays import Array
from hailstream.rollup.packing import MINUTE_MS
from hailstream.rollup.tally import DistinctCount, MinuteTally
from hailstream.windows import COUNTS, METRICS, WindowedMetric
from tests.unit.rollup.events import Event, counted, made_up, pack

DRIVERS = next(measure for measure in COUNTS.measures if measure.name == "drivers")


def packets_of(metric: WindowedMetric, events: list[Event], batches: int) -> dict[int, list[bytes]]:
    """The packets of each minute, from batches of about the same size."""
    found: dict[int, list[bytes]] = defaultdict(list)
    for begin in range(batches):
        batch = events[begin::batches]
        for event, packet in zip(batch, pack(metric, batch), strict=True):
            if packet is not None:
                found[event["time"] // MINUTE_MS].append(packet)
    return found


def tallied(metric: WindowedMetric, packets: dict[int, list[bytes]]) -> dict[int, list[Array]]:
    minutes = sorted(packets)
    return dict(zip(minutes, MinuteTally(metric)([packets[minute] for minute in minutes]), strict=True))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("batches", [1, 2, 50])
def test_the_sums_of_each_minute_and_zone(metric: WindowedMetric, batches: int) -> None:
    events = made_up(random.Random(batches), metric, 1000, minutes=5)
    expected = counted(metric, events)
    found = tallied(metric, packets_of(metric, events, batches))
    assert found.keys() == expected.keys()
    names = [*(measure.name for measure in metric.measures), "duplicates"]
    for minute, tallies in found.items():
        assert {int(tally[0]) for tally in tallies} == expected[minute].keys()
        assert len(tallies) == len(expected[minute])
        for tally in tallies:
            zone = expected[minute][int(tally[0])]
            for name, number in zip(names, tally[1:], strict=False):
                if name != "drivers":
                    assert number == zone[name], name
                else:
                    assert DistinctCount(metric, DRIVERS)([tally]) == len(zone[name])


def test_a_driver_met_in_several_minutes_is_one() -> None:
    events = [event | {"zone_id": 7} for event in made_up(random.Random(3), COUNTS, 500, minutes=5)]
    tallies = [minute[0] for minute in tallied(COUNTS, packets_of(COUNTS, events, 3)).values()]
    met = set().union(*(zones[7]["drivers"] for zones in counted(COUNTS, events).values()))
    assert DistinctCount(COUNTS, DRIVERS)(tallies) == len(met)


def test_no_known_driver_is_none() -> None:
    events = [event | {"driver_id": None} for event in made_up(random.Random(4), COUNTS, 20, minutes=1)]
    for tally in tallied(COUNTS, packets_of(COUNTS, events, 1))[0]:
        assert DistinctCount(COUNTS, DRIVERS)([tally]) == 0


def test_a_minute_alone_tallies_as_among_others() -> None:
    packets = packets_of(COUNTS, made_up(random.Random(5), COUNTS, 200, minutes=3), 4)
    together = tallied(COUNTS, packets)
    for minute, own in packets.items():
        alone = MinuteTally(COUNTS)([own])[0]
        by_zone = {int(tally[0]): tally for tally in together[minute]}
        assert len(alone) == len(by_zone)
        for tally in alone:
            assert np.array_equal(np.sort(tally), np.sort(by_zone[int(tally[0])]))


def test_a_zone_with_more_drivers_than_a_tally_holds_has_several_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event | {"zone_id": 7, "time": 0} for event in made_up(random.Random(6), COUNTS, 900, minutes=1)]
    events = [event | {"driver_id": f"driver {n % 50}"} for n, event in enumerate(events)]
    whole = tallied(COUNTS, packets_of(COUNTS, events, 2))[0]
    monkeypatch.setattr("hailstream.rollup.tally.TALLY_HASHES", 100)
    pieces = tallied(COUNTS, packets_of(COUNTS, events, 2))[0]
    assert len(whole) == 1
    assert len(pieces) > 5
    assert max(map(len, pieces)) <= 6 + 100
    assert {int(piece[0]) for piece in pieces} == {7}
    drivers = 1 + [measure.name for measure in COUNTS.measures].index("drivers")
    sums = [slot for slot in range(1, 6) if slot != drivers]
    assert np.array_equal(sum(piece[sums] for piece in pieces), whole[0][sums])
    assert DistinctCount(COUNTS, DRIVERS)(pieces) == DistinctCount(COUNTS, DRIVERS)(whole)
