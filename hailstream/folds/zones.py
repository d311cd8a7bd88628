"""The zones of a shard: what all tellers say of a minute in, prices and forecasts out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from hailstream.domain.forecast.forecast import Forecast, ZoneForecast
from hailstream.domain.surge.price import Price
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.surge import Surge
from hailstream.folds.controls import Controls, Key

#: (end of the minute, zone to sums), in order.
Minutes: TypeAlias = Iterable[tuple[int, Mapping[int, tuple[int, int, int, int]]]]


class ZoneShard:
    """Puts together what tellers say, and prices and forecasts each minute once all have told it.

    Args:
        tellers: how many there are; each is a shard of drivers.
        purposes: ``surge`` and ``forecast``, or one of them.
    """

    def __init__(self, tellers: int, purposes: Collection[str]) -> None:
        self._tellers = tellers
        self._surge = Surge() if "surge" in purposes else None
        self._forecast = Forecast() if "forecast" in purposes else None
        # Teller to the end of the last minute it told; minutes not told by all: end to zone to sums; messages in force.
        self._reached: dict[int, int] = {}
        self._waiting: dict[int, dict[int, ZoneSums]] = {}
        self._messages: dict[Key, bytes] = {}
        self._controls = Controls({})

    @property
    def state(self) -> Any:
        """All of the memory, as what can be pickled without any class of ours."""
        parts = [part.state if part is not None else None for part in (self._surge, self._forecast)]
        waiting = {end: {zone: tuple(sums) for zone, sums in zones.items()} for end, zones in self._waiting.items()}
        return self._reached, waiting, self._messages, parts

    @state.setter
    def state(self, state: Any) -> None:
        self._reached, waiting, self._messages, parts = state
        self._waiting = {end: {z: ZoneSums(*sums) for z, sums in zones.items()} for end, zones in waiting.items()}
        self._controls = Controls(self._messages)
        for part, kept in zip((self._surge, self._forecast), parts, strict=True):
            if part is not None:
                part.state = kept

    @property
    def messages(self) -> Mapping[Key, bytes]:
        """What it was told by people."""
        return self._messages

    def follow(self, messages: Mapping[Key, bytes | None]) -> None:
        """Follow other messages from the next minute on; None takes one away. They are valid."""
        changed = {key: value for key, value in messages.items() if self._messages.get(key) != value}
        if changed:
            kept = self._messages | changed
            self._messages = {key: value for key, value in kept.items() if value is not None}
            self._controls = Controls(self._messages)

    def tell(self, teller: int, end: int, minutes: Minutes) -> list[Price | ZoneForecast]:
        """Take what a teller says up to the end of a minute.

        Args:
            teller: which one.
            end: ms; it says nothing of minutes before it any more.
            minutes: what happened since it told last.

        Returns:
            what follows from the minutes that all have told now.
        """
        for minute, zones in minutes:
            waiting = self._waiting.setdefault(minute, {})
            for zone, sums in zones.items():
                told = ZoneSums(*sums)
                waiting[zone] = waiting[zone] + told if zone in waiting else told
        before = self._all_reached()
        self._reached[teller] = max(end, self._reached.get(teller, end))
        reached = self._all_reached()
        if reached is None or reached == before:
            return []
        ends = sorted(minute for minute in self._waiting if minute <= reached)
        # Nothing may have happened in the last one, and that is news too.
        return [answer for each in dict.fromkeys([*ends, reached]) for answer in self._close(each)]

    def _all_reached(self) -> int | None:
        return min(self._reached.values()) if len(self._reached) == self._tellers else None

    def _close(self, end: int) -> list[Price | ZoneForecast]:
        sums = self._waiting.pop(end, {})
        answers: list[Price | ZoneForecast] = []
        if self._surge is not None:
            answers += self._surge.minute(end, sums, self._controls.policies)
        if self._forecast is not None:
            starts = {zone: counted.starts for zone, counted in sums.items() if counted.starts}
            answers += self._forecast.minute(end, starts, self._controls.profile)
        return answers
