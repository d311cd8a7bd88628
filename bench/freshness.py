"""How old a value is when Redis has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.context import Context
from bench.eventlog import simulation
from bench.figures import Figure, Target
from bench.live import send_paced, until_the_end_of
from bench.redis_writes import RedisWrites, Value
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

RATES = (5_000, 50_000)
SPEED = 60  # event seconds a second: a window of zone counts ends every second
# Minutes of event time, seconds of the clock; less when few events are asked for.
MINUTES, FEWEST_MINUTES, WARM_UP = 200, 40, 140
TARGET_MS = 500
_TOPICS = {"counts": TRIPS_STARTED, "revenue": TRIPS_ENDED}


def freshness(context: Context) -> Iterator[Figure]:
    """Milliseconds from the append of the last record that a window waited for to its values' write in Redis."""
    for rate in RATES:
        minutes = min(MINUTES, max(FEWEST_MINUTES, 4 * context.events // rate))
        context.say(f"{rate:,} events/s for {minutes} s")
        told, written = _run(context.settings, rate, minutes)
        ages = ages_ms(told["closed"], written)
        pace = f"{told['sent'] / told['seconds']:,.0f} events/s sent, {told['behind'] * 1000:,.0f} ms behind at most"
        note = f"{len(ages):,} values; {pace}"
        yield Figure(f"p50 at {rate:,} events/s", float(np.percentile(ages, 50)), "ms", note=note)
        target = Target(TARGET_MS, at_most=True)
        yield Figure(f"p99 at {rate:,} events/s", float(np.percentile(ages, 99)), "ms", target=target)


def ages_ms(closed: Mapping[str, Mapping[int, float]], written: Mapping[Value, float]) -> list[float]:
    """The age of each value at its writing.

    Args:
        closed: by metric and window's end (ms), when the log had all that the window waited for.
        written: when each value was written, seconds since 1970 as above.

    Raises:
        HailstreamError: no value was written whose window's closing is known.
    """
    ends = sorted({end for ends in closed.values() for end in ends})
    # While the job starts and its code is compiled, and while the first windows fill, nothing is counted.
    begin = ends[0] + min(WARM_UP * 60_000, (ends[-1] - ends[0]) // 2) if ends else 0
    found = [
        (moment - closed[metric][end]) * 1000
        for (metric, _, end), moment in written.items()
        if end >= begin and end in closed.get(metric, {})
    ]
    if not found:
        raise HailstreamError("no value reached Redis while events were sent", hint="`--events` larger gives it longer")
    return found


def _run(settings: Settings, rate: int, minutes: int) -> tuple[dict[str, Any], dict[Value, float]]:
    spec = simulation(rate * minutes, "late:0.01,duplicate:0.01", density=rate / SPEED)
    settings = until_the_end_of(spec, settings, f"bench_fresh_{rate}")
    with RedisWrites(settings) as listener:
        told = send_paced(settings, spec, SPEED)
    return told | {"closed": closings(told["closed"], settings)}, listener.first


def closings(told: Mapping[str, Mapping[str, Mapping[str, float]]], settings: Settings) -> dict[str, dict[int, float]]:
    """When the last partition had what closes each minute, by metric; minutes that all partitions closed.

    Args:
        told: by topic, end of the minute (ms) and partition.
    """
    found: dict[str, dict[int, float]] = {}
    for metric, topic in _TOPICS.items():
        minutes = told.get(topic.name(settings.namespace), {})
        found[metric] = {
            int(end): max(moments.values()) for end, moments in minutes.items() if len(moments) == settings.partitions
        }
    return found
