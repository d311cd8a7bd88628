"""Of which rows there is something to say: ranges of time, apart from each other and in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from hailstream.archive.months import Month
from hailstream.domain.millis import from_ms, to_ms
from hailstream.topics import Topic

#: Rows whose time is in (begin, end].
Span = tuple[datetime, datetime]

_DAY: Final = timedelta(days=1)
#: Days so far apart are one range: an empty day costs less than a range more.
_NEAR: Final = 3 * _DAY
_HOUR: Final = timedelta(hours=1)


def merged(spans: Iterable[Span], near: timedelta = timedelta(0)) -> list[Span]:
    """The union of ranges in order; those that are no farther apart than ``near`` become one."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if found and begin <= found[-1][1] + near:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def clipped(spans: Iterable[Span], begin: datetime | None, end: datetime | None) -> list[Span]:
    """What of the ranges lies between two moments; None: no bound."""
    return merged(
        (first if begin is None else max(first, begin), last if end is None else min(last, end))
        for first, last in spans
    )


def backfilled_spans(events: Topic, lasting: timedelta, months: Sequence[Month]) -> list[Span]:
    """The times of the rows that events of months make; those of replaced versions too.

    Args:
        lasting: how long after an event it makes rows.
    """
    days = {day for month in months for day in month.days.get(events.base, ())}
    # A row of the first instant of a day is in no range that begins with it.
    return merged(((from_ms(day) - _HOUR, from_ms(day) + _DAY + lasting) for day in days), _NEAR)


def bounds(spans: Sequence[Span]) -> Span:
    """From the begin of the first range to the end of the last."""
    return spans[0][0], spans[-1][1]


def inside(times: npt.NDArray[np.int64], spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    """Which of some times (ms) lie in one of the ranges, which are apart from each other and in order."""
    begins, ends = np.array([(to_ms(begin), to_ms(end)) for begin, end in spans], np.int64).reshape(-1, 2).T
    # The last range that begins before it; where there is none, the first, in which it is not.
    place = np.searchsorted(begins, times, side="left") - 1
    found: npt.NDArray[np.bool_] = (place >= 0) & (times <= ends[place])
    return found


def pieces_of(spans: Sequence[Span], length: timedelta) -> list[Span]:
    """The ranges cut into pieces of that length at the most."""
    pieces = []
    for begin, end in spans:
        cuts = [begin + number * length for number in range((end - begin) // length + 1)]
        pieces += [piece for piece in pairwise([*cuts, end]) if piece[0] < piece[1]]
    return pieces
