"""Of which rows there is something to say: ranges of time, apart from each other and in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from hailstream.archive.months import Month
from hailstream.domain.millis import from_ms, millis, to_ms
from hailstream.topics import Topic

#: Rows whose time is in (begin, end].
Span = tuple[datetime, datetime]

_DAY: Final = timedelta(days=1)
#: Days so far apart are one range: an empty day costs less than a range more.
_NEAR: Final = 3 * _DAY
_HOUR: Final = timedelta(hours=1)
_HOUR_MS: Final = millis(_HOUR)
#: Ranges that are compared with one by one.
_FEW: Final = 8


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


def any_of(time: str, spans: Sequence[Span], within: str = "{0} > {1} AND {0} <= {2}") -> str:
    """SQL: a time (ms) lies in one of the ranges.

    Many ranges are told by their hours, because as comparisons they would be code that the JVM does not compile:
    this is exact where all of them begin and end with an hour, but for the begin of the first and the end of the last.
    """
    if len(spans) <= _FEW:
        return " OR ".join(f"({within.format(time, *map(to_ms, span))})" for span in spans)
    hours: set[int] = set()
    for begin, end in spans:
        hours.update(range(to_ms(begin) // _HOUR_MS, -(-to_ms(end) // _HOUR_MS)))
    # A time that is the end of a range is of the hour before.
    shifted = f"{time} - 1" if "<=" in within else time
    whole = within.format(time, *map(to_ms, bounds(spans)))
    return f"{whole} AND floor(({shifted}) / {_HOUR_MS}) IN ({', '.join(map(str, sorted(hours)))})"


def pieces_of(spans: Sequence[Span], length: timedelta) -> list[Span]:
    """The ranges cut into pieces of that length at the most."""
    pieces = []
    for begin, end in spans:
        cuts = [begin + number * length for number in range((end - begin) // length + 1)]
        pieces += [piece for piece in pairwise([*cuts, end]) if piece[0] < piece[1]]
    return pieces
