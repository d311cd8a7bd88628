"""Learning again and again: when, and what happens when it fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.profile import Profile
from hailstream.errors import HailstreamError
from hailstream.forecast.profile_topic import messages
from hailstream.forecast.refresh import Learning, parse_every
from tests.unit.forecast.quarters import drawn, rhythm, zone_profile

WEEK = {74: rhythm(3.0, 70)}


class Clock:
    """Time that passes by waiting, and by ``work`` seconds each time it is looked at."""

    def __init__(self, rounds: int, work: float = 0.0) -> None:
        self.now = 0.0
        self.work = work
        self.waits: list[float] = []
        self._rounds = rounds

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        if len(self.waits) == self._rounds:
            return True
        self.now += self.work
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.now += timeout or 0.0
        return self.is_set()


def learning(*histories: History | HailstreamError) -> tuple[Learning, list[Profile]]:
    coming: Iterator[History | HailstreamError] = iter(histories)
    published: list[Profile] = []

    def read() -> History:
        history = next(coming)
        if isinstance(history, HailstreamError):
            raise history
        return history

    return Learning(read, published.append), published


def test_what_was_learned_is_published_and_told() -> None:
    once, published = learning(drawn(WEEK, 2))
    said = once.once()
    assert [zone.zone_id for zone in published[0]] == [74]
    assert said == f"1 zones learned, revision {published[0].revision(74)}"


def test_the_same_is_not_published_again() -> None:
    every, published = learning(*(drawn(WEEK, 2, seed) for seed in (1, 1, 2)))
    said: list[str] = []
    clock = Clock(3)
    every.every(3600, clock, said.append, clock)
    assert len(published) == 2
    assert said[1] == f"nothing new since {published[0].revision(74)}"


def test_the_time_it_takes_does_not_add_up() -> None:
    every, _ = learning(*(drawn(WEEK, 2, seed) for seed in (1, 2, 3)))
    clock = Clock(3, work=10.0)
    every.every(60, clock, lambda _: None, clock)
    assert clock.waits == [50.0, 40.0, 40.0]


def test_what_was_missed_is_not_made_up_for() -> None:
    every, _ = learning(*(drawn(WEEK, 2, seed) for seed in (1, 2)))
    clock = Clock(2, work=1000.0)
    every.every(60, clock, lambda _: None, clock)
    assert clock.waits == [0.0, 0.0]


def test_a_failure_is_told_and_the_next_time_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    every, published = learning(HailstreamError("ClickHouse is away"), drawn(WEEK, 2))
    clock = Clock(2)
    with caplog.at_level(logging.WARNING, "hailstream"):
        every.every(60, clock, lambda _: None, clock)
    assert len(published) == 1
    assert "trying again in 60 s: ClickHouse is away" in caplog.text


def test_a_failure_to_publish_is_no_publication() -> None:
    attempts: list[Profile] = []

    def refuse_first(profile: Profile) -> None:
        attempts.append(profile)
        if len(attempts) == 1:
            raise HailstreamError("Kafka is away")

    again = Learning(lambda: drawn(WEEK, 2), refuse_first)
    with pytest.raises(HailstreamError, match="Kafka"):
        again.once()
    assert again.once().startswith("1 zones learned")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), ("2d", 172800)]
)
def test_times_between_learnings(text: str, seconds: float) -> None:
    assert parse_every(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1w", "0s", "1h30m", "0.5s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(HailstreamError, match="--every") as refused:
        parse_every(text)
    assert refused.value.exit_code == 2


def test_every_zone_has_a_message_and_those_not_learned_are_taken_away() -> None:
    sent = dict(messages(Profile([zone_profile(74)])))
    assert len(sent) == 265
    assert sent.pop(b"74") == zone_profile(74).to_bytes()
    assert set(sent.values()) == {None}
