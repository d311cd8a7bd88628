"""A signal ends what goes on until it is asked to, whatever the main thread is doing."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from hailstream.stop_signals import stop_on_signals

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def _handlers_of_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    signal.raise_signal(number)
    assert stop.wait(60)


def test_a_signal_that_comes_while_the_event_is_locked_is_not_waited_for() -> None:
    stop = stop_on_signals()
    # wait() holds this lock when it begins and ends: a handler that wanted it would never return.
    with vars(stop)["_cond"]:
        signal.raise_signal(signal.SIGTERM)
    assert stop.wait(60)
