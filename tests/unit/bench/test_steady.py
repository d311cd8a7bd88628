"""The rate of steady work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.steady import Look, steady, watch
from hailstream.errors import HailstreamError


def looks(*pairs: tuple[float, int]) -> list[Look]:
    return [Look(at, done) for at, done in pairs]


def test_start_and_end_are_left_out() -> None:
    # 5 s of start, 100 a second, and the last few seen late.
    span = steady(looks((0, 0), (5, 100), (6, 200), (9, 500), (30, 520)), 520)
    assert (span.begin, span.end) == (Look(5, 100), Look(9, 500))
    assert span.rate == 100


def test_work_of_a_few_looks_is_measured_to_its_end() -> None:
    span = steady(looks((0, 0), (5, 100), (6, 150), (7, 400)), 400)
    assert span.end == Look(7, 400)
    assert span.rate == 150


def test_what_was_over_before_it_was_seen_has_no_rate() -> None:
    with pytest.raises(HailstreamError, match="before its rate could be seen"):
        steady(looks((0, 0), (5, 400)), 400)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def counting(time: Time, rate: int, stall_at: int) -> Callable[[], int]:
    return lambda: min(int(time.now * rate), stall_at)


def test_watching_ends_when_all_is_done_and_keeps_only_progress() -> None:
    time = Time()
    found = watch(counting(time, 10, 100), 100, clock=time, sleep=time.sleep, every=0.01)
    assert found[-1].done == 100
    assert len({look.done for look in found}) == len(found)


def test_watching_gives_up_on_work_that_stands_still() -> None:
    time = Time()
    with pytest.raises(HailstreamError, match="60 of 100 done, and nothing more for 20 s"):
        watch(counting(time, 10, 60), 100, clock=time, sleep=time.sleep, patience=20)
    assert 26 <= time.now < 27


def test_work_that_failed_ends_the_watching_at_once() -> None:
    time = Time()

    def failed() -> None:
        raise HailstreamError("job is FAILED")

    with pytest.raises(HailstreamError, match="FAILED"):
        watch(lambda: 0, 100, clock=time, sleep=time.sleep, check=failed)
    assert time.now < 2
