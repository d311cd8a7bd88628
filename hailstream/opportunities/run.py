"""Tells trips to the fold and hands its answers on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

from hailstream.domain.events import Ended
from hailstream.domain.opportunities.answers import Kind, RoutesRanked
from hailstream.domain.opportunities.fold import Opportunities
from hailstream.opportunities.debs import line
from hailstream.opportunities.tables import Changes


@dataclass(frozen=True)
class Account:
    """How many trips ended, and how often each list changed."""

    trips: int
    changes: Mapping[Kind, int]


def write_lines(
    trips: Iterable[Ended], kinds: tuple[Kind, ...], out: TextIO, clock: Callable[[], int] = time.perf_counter_ns
) -> Account:
    """Write the challenge's line of each change.

    Only trips move the time on, as in the challenge: the fold is told of no silence.

    Args:
        clock: ns; the delay is from taking a trip to writing the line.
    """
    fold = Opportunities(kinds, by=["cell"])
    told = 0
    changes: Counter[Kind] = Counter()
    for trip in trips:
        taken = clock()
        told += 1
        for answer in fold.event(trip):
            out.write(line(answer, (clock() - taken) // 1_000_000) + "\n")
            changes["routes" if isinstance(answer, RoutesRanked) else "areas"] += 1
    return Account(told, changes)


def find_changes(trips: Iterable[Ended], kinds: tuple[Kind, ...], changes: Changes) -> Account:
    """Give the changes of the lists by zone to ``changes``."""
    fold = Opportunities(kinds, by=["zone"])
    told = 0
    for trip in trips:
        told += 1
        for answer in fold.event(trip):
            changes.add(answer)
    return Account(told, changes.counts)
