"""What the loader says while it waits, and when."""

from __future__ import annotations

import logging
from threading import Event

import pytest

from hailstream.loader.held_up import HeldUp, PartitionState
from hailstream.loader.patience import Patience, Stopped


class Away(Exception):
    pass


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_server_that_comes_back_is_waited_for_and_spoken_of_twice(caplog: pytest.LogCaptureFixture) -> None:
    clock, retries, answers = Clock(), [], iter([Away("Redis is away")] * 20)

    def action() -> str:
        for error in answers:
            raise error
        return "done"

    with caplog.at_level(logging.INFO):
        patience = Patience(Event(), sleep=clock.sleep, on_retry=lambda: retries.append(1), clock=clock)
        assert patience.until_done(action, Away) == "done"
    assert len(retries) == 20
    assert [record.getMessage()[:13] for record in caplog.records] == ["Redis is away", "it is back af"]
    # Twenty attempts, ever further apart, but never more than ten seconds and a little.
    assert 100 < clock.now < 20 * 10.5


def test_what_succeeds_at_once_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    assert Patience(Event()).until_done(lambda: 1, Away) == 1
    assert caplog.records == []


def test_waiting_ends_when_the_loader_is_stopped() -> None:
    stop = Event()

    def action() -> None:
        stop.set()
        raise Away

    with pytest.raises(Stopped):
        Patience(stop).until_done(action, Away)


def test_other_errors_are_not_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        Patience(Event()).until_done(lambda: 1 // 0, Away)


def state(next_: int, stable: int, end: int, partition: int = 0) -> PartitionState:
    return PartitionState("zone.counts.v1", partition, next_, stable, end)


def test_a_transaction_that_stays_open_is_spoken_of_once_and_again_when_it_ends() -> None:
    clock = Clock()
    held_up = HeldUp(30.0, clock)
    said = []
    for clock.now in range(0, 100, 5):
        said.append(held_up.observe([state(100, 100, 150), state(7, 7, 7, partition=1)]))
    lines = [line for lines in said for line in lines]
    assert len(lines) == 1
    assert "partition 0" in lines[0]
    assert "50 messages" in lines[0]
    assert said[6] == lines
    [line] = held_up.observe([state(100, 150, 150)])
    assert "no longer" in line
    assert held_up.observe([state(150, 150, 150)]) == []


def test_transactions_that_follow_each_other_are_not_taken_for_one_that_hangs() -> None:
    clock = Clock()
    held_up = HeldUp(30.0, clock)
    for clock.now in range(0, 300, 5):
        offset = int(clock.now) * 10
        assert held_up.observe([state(offset, offset, offset + 50)]) == []


def test_a_loader_that_is_behind_is_not_held_up() -> None:
    clock = Clock()
    held_up = HeldUp(30.0, clock)
    for clock.now in range(0, 300, 5):
        assert held_up.observe([state(10, 100, 150)]) == []
    assert state(10, 100, 150).lag == 90
    assert state(10, 100, 150).held_back == 50
