"""New York's rhythm of the day and week: how many trips begin each hour, and how fast they go."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.clock import to_wall_clock

Floats: TypeAlias = npt.NDArray[np.float64]
Millis: TypeAlias = npt.NDArray[np.int64]

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Week:
    """By hour of the week, from Monday 0:00 New York time.

    Attributes:
        weights: trips that begin, with a mean of 1.
        mph: median speed of trips that begin.
    """

    weights: Floats
    mph: Floats


@cache
def load_week() -> Week:
    """The week of the packaged table."""
    text = files("hailstream.replay.simulator").joinpath("data/rhythm.csv").read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: int(row["hour_of_week"]))
    trips = np.array([float(row["trips"]) for row in rows])
    return Week(trips / trips.mean(), np.array([float(row["mph"]) for row in rows]))


@dataclass(frozen=True)
class Hours:
    """The hours (UTC) that a span touches, and a few on either side.

    Attributes:
        first: start of the first hour, ms since 1970.
        of_week: hour of the New York week of each.
        dates: the New York date of each.
    """

    first: int
    of_week: npt.NDArray[np.int64]
    dates: tuple[datetime, ...]

    @classmethod
    def around(cls, start: datetime, end: datetime, margin_hours: int = 12) -> Hours:
        """The hours from ``margin_hours`` before ``start`` to as many after ``end``."""
        first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=margin_hours)
        count = int((end - first).total_seconds() // 3600) + margin_hours + 1
        local = [to_wall_clock(first + timedelta(hours=hour)) for hour in range(count)]
        of_week = np.array([moment.weekday() * 24 + moment.hour for moment in local])
        return cls(int(first.timestamp()) * 1000, of_week, tuple(local))

    def index(self, times: Millis) -> Millis:
        """Which of the hours each time (ms) is in; the first or last for times beyond them."""
        return np.clip((times - self.first) // HOUR_MS, 0, len(self.of_week) - 1)

    @property
    def edges(self) -> Floats:
        """Where each hour begins, and the last one's end, ms."""
        return self.first + np.arange(len(self.of_week) + 1) * float(HOUR_MS)


class Demand:
    """When a driver who is free finds a passenger.

    The chance per ms is such that, over the whole fleet, trips begin at the
    asked rate: it is that rate over the number of drivers then free.

    Args:
        begins: trips that begin per ms, by hour.
        busy: drivers who are not free, by hour.
        fleet: number of drivers.
    """

    def __init__(self, hours: Hours, begins: Floats, busy: Floats, fleet: int) -> None:
        self._edges = hours.edges
        hazard = begins / np.maximum(fleet - busy, 0.02 * fleet)
        self._cumulated = np.concatenate(([0.0], np.cumsum(hazard * HOUR_MS)))

    def next_passenger(self, free: Millis, waits: Floats) -> Millis:
        """When each driver, free from a time (ms) on, finds a passenger; ``waits`` are draws of mean 1."""
        reached = np.interp(free, self._edges, self._cumulated) + waits
        found = np.interp(reached, self._cumulated, self._edges, right=np.inf)
        return np.where(np.isfinite(found), found, float(2**62)).astype(np.int64)
