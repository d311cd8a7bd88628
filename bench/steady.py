"""The rate of work that goes on, from looks at how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hailstream.errors import HailstreamError


@dataclass(frozen=True)
class Look:
    """So many were done at a moment (monotonic seconds)."""

    at: float
    done: int


@dataclass(frozen=True)
class Span:
    """Steady work between two moments."""

    begin: Look
    end: Look

    @property
    def done(self) -> int:
        return self.end.done - self.begin.done

    @property
    def seconds(self) -> float:
        return self.end.at - self.begin.at

    @property
    def rate(self) -> float:
        """Per second."""
        return self.done / self.seconds


def steady(looks: list[Look], total: int) -> Span:
    """The span that leaves out how work began and how it ran out.

    It begins with the first progress that was seen. It ends with the last one
    before everything was done: when the rest was done is known only to the
    next look. Where that leaves less than half of the work, as in runs of a few
    seconds, the span goes to the last look of all.

    Raises:
        HailstreamError: fewer than two looks with progress.
    """
    changes = [
        look for before, look in zip([None, *looks], looks, strict=False) if look.done > (before.done if before else 0)
    ]
    if len(changes) < 2:
        raise HailstreamError(
            "all was done before its rate could be seen", hint="measure more events: --events 3000000"
        )
    inner = [look for look in changes if look.done < total]
    if len(inner) >= 2 and inner[-1].done - inner[0].done >= total / 2:
        return Span(inner[0], inner[-1])
    return Span(changes[0], changes[-1])


def watch(
    done: Callable[[], int],
    total: int,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    check: Callable[[], None] = lambda: None,
    patience: float = 120.0,
    every: float = 0.05,
) -> list[Look]:
    """Look until all is done.

    Args:
        done: how many are done.
        total: how many there are.
        check: called about once a second; raises when the work cannot go on.
        patience: seconds without progress after which this gives up.

    Raises:
        HailstreamError: no progress for so long.
    """
    looks = [Look(clock(), done())]
    checked = moved = looks[0].at
    while looks[-1].done < total:
        sleep(every)
        now = clock()
        if now - checked >= 1.0:
            check()
            checked = now
        look = Look(clock(), done())
        if look.done > looks[-1].done:
            looks.append(look)
            moved = look.at
        elif now - moved > patience:
            raise HailstreamError(f"{look.done:,} of {total:,} done, and nothing more for {patience:.0f} s")
    return looks
