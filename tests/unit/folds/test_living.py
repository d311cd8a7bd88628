"""A fold that is restored goes on as if nothing had happened, and what it keeps stays small."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import MinuteEnded
from hailstream.domain.fold import Told
from hailstream.folds import living
from hailstream.folds.groups import SINGLE, wanted_groups
from hailstream.folds.living import Living
from tests.unit.alerts.test_in_order import DISORDER, LIMITS, city
from tests.unit.alerts.trips import HOUR, MINUTE, NOON, ended, started, told

FOLDED = [
    group for shards in (1, 2) for group in wanted_groups({"alerts", "surge"}, shards).values() if group.name != SINGLE
]


def record(events: list[Told]) -> bytes:
    return pickle.dumps(events)


def read(logged: bytes) -> list[Told]:
    events: list[Told] = pickle.loads(logged)
    return events


class Memory:
    """What Flink's state keeps."""

    def __init__(self) -> None:
        self.saved: bytes | None = None
        self.batches: list[bytes] = []
        self.time: int | None = None

    def snapshot(self) -> bytes | None:
        return self.saved

    def log(self) -> Iterable[bytes]:
        return list(self.batches)

    def append(self, batch: bytes) -> None:
        self.batches.append(batch)

    def reached(self) -> int | None:
        return self.time

    def reach(self, watermark: int) -> None:
        self.time = watermark

    def replace(self, snapshot: bytes) -> None:
        self.saved, self.batches = snapshot, []

    def clear(self) -> None:
        self.saved, self.batches, self.time = None, [], None

    def is_empty(self) -> bool:
        return self.saved is None and not self.batches and self.time is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from((0, 500, 256 * 1024)))
def test_restored_at_any_moment_it_says_what_it_would_have_said(seed: int, log_bytes: int) -> None:
    chance = random.Random(seed)
    events = city(seed)
    minutes = [MinuteEnded(event.time // MINUTE * MINUTE + MINUTE) for event in events[::3]]
    before, living.LOG_BYTES = living.LOG_BYTES, log_bytes
    try:
        for group in FOLDED:
            told_too = minutes if group.by_minute else []
            expected = told(group.make(LIMITS), [*events, *told_too], until=9 * HOUR)
            arrival: list[Told] = sorted(
                [*events, *told_too], key=lambda event: event.time + chance.randrange(DISORDER)
            )
            kept = Memory()
            alive: Living[Alert] = Living.restored(group.make(LIMITS), kept, read)
            found, newest = [], 0
            while arrival:
                count = chance.randrange(1, 20)
                batch, arrival = arrival[:count], arrival[count:]
                newest = max(newest, *(event.time for event in batch))
                alive.add(batch, record(batch))
                if chance.random() < 0.7:
                    found += alive.advance(newest - DISORDER)
                if chance.random() < 0.3:
                    alive = Living.restored(group.make(LIMITS), kept, read)
            found += alive.advance(NOON + 9 * HOUR)
            # Folds that share their events answer one after another.
            assert sorted(found, key=_kind) == sorted(expected, key=_kind), group.name
    finally:
        living.LOG_BYTES = before


def _kind(answer: object) -> str:
    return answer.rule.name if isinstance(answer, Alert) else type(answer).__name__


def test_nothing_is_kept_after_its_time() -> None:
    for group in FOLDED:
        kept = Memory()
        alive: Living[Alert] = Living.restored(group.make(Thresholds()), kept, read)
        events: list[Told] = [started(0, "a"), ended(1000, "a"), ended(2000, "b"), started(5000, "c")]
        if group.by_minute:
            events.append(MinuteEnded(NOON + 2 * HOUR))
        alive.add(events, record(events))
        list(alive.advance(NOON + HOUR))
        assert not kept.is_empty(), group.name
        list(alive.advance(NOON + 100 * HOUR))
        assert kept.is_empty(), group.name


def test_the_log_is_replaced_by_a_snapshot_before_it_outgrows_it() -> None:
    kept = Memory()
    group = next(group for group in FOLDED if group.name == "rides")
    alive: Living[Alert] = Living.restored(group.make(Thresholds()), kept, read)
    for i in range(200):
        events = [started(i * 1000 + j, f"t{i}-{j}") for j in range(100)]
        alive.add(events, record(events))
        list(alive.advance(NOON + i * 1000))
        held = sum(map(len, kept.batches))
        assert held <= 2 * max(living.LOG_BYTES, len(kept.saved or b""))
    assert kept.saved is not None
