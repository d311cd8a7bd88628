from __future__ import annotations

import signal

import pytest
from rich.console import Console

from hailstream.errors import HailstreamError
from hailstream.replay.commands import _Stop, parse_speed


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("60", 60.0), ("0.5", 0.5)])
def test_a_speed_is_a_number_or_max(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "", "nan", "inf"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(HailstreamError, match="not a speed"):
        parse_speed(text)


def test_the_first_signal_asks_the_replay_to_stop_and_the_second_ends_it() -> None:
    stop = _Stop(Console(quiet=True))
    with stop.on_signals():
        assert stop() is False
        signal.raise_signal(signal.SIGTERM)
        assert stop() is True
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_before_anything_is_sent_ends_the_replay_at_once() -> None:
    stop = _Stop(Console(quiet=True))
    with stop.on_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with _Stop(Console(quiet=True)).on_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
