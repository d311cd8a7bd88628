"""``hailstream forecast learn``: from rows in ClickHouse to what jobs read from the topic of profiles."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import pytest

from hailstream.control_log import ControlLog, Message
from hailstream.domain.forecast.history import history_of
from hailstream.domain.forecast.learn import learn as learned_by_domain
from hailstream.domain.forecast.profile import Profile
from hailstream.folds.controls import Controls, why_refused
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.local.apart import free_ports
from hailstream.settings import Settings
from hailstream.topics import FORECAST_PROFILES
from tests.contract.forecast.conftest import Learn
from tests.contract.loader.results import counts, rows_of
from tests.unit.forecast.quarters import zone_profile

#: Zone, minute of the window's start since MONDAY, trips.
Window: TypeAlias = tuple[int, int, int]

#: Midnight in New York, in the week before its clocks go back.
MONDAY = datetime(2013, 10, 28, 4, tzinfo=UTC)
DAY, QUARTER = 24 * 60, 15
#: Seven minutes into a quarter, so that the last one is not over.
SPAN = 15 * DAY + 7
#: It has no starts in the last week.
GONE = 4
BUSY, QUIET, NIGHTLY = 74, 75, 132


def windows(minutes: int, seed: int = 7) -> list[Window]:
    """Windows of five minutes that do not overlap, up to so many minutes; some have no trips."""
    draw = random.Random(seed)
    drawn: list[Window] = []
    for start in range(0, minutes - 4, 5):
        hour = start // 60 % 24
        means = {BUSY: 4.0 + 3 * (8 <= hour < 20), QUIET: 0.3, NIGHTLY: 2.0 * (hour < 5), GONE: start < 6 * DAY}
        drawn += [(zone, start, round(draw.expovariate(1 / mean)) if mean else 0) for zone, mean in means.items()]
    return drawn


def overlapping(minutes: int) -> list[Window]:
    """Windows between those, whose trips are in others already."""
    return [(BUSY, start, 50) for start in range(1, minutes - 4, 7) if start % 5]


def row(window: Window) -> dict[str, Any]:
    zone, start, trips = window
    begin = MONDAY + timedelta(minutes=start)
    return counts(zone, trips=trips, window_start=begin, window_end=begin + timedelta(minutes=5))


def load(settings: Settings, sink: ClickHouseSink, told: Iterable[Window], first_offset: int = 0) -> None:
    refused = sink.write(rows_of(settings, map(row, told), first_offset=first_offset))
    assert refused == []


def learned(told: Sequence[Window], weeks: int) -> Profile:
    """What the domain learns of the windows: of whole quarters, so many weeks of them."""
    first_quarter = int(MONDAY.timestamp()) // 60 // QUARTER
    open_quarter = first_quarter + (max(start for _, start, _ in told) + 5) // QUARTER
    starts: Counter[tuple[int, int]] = Counter()
    for zone, start, trips in told:
        quarter = first_quarter + start // QUARTER
        if trips and open_quarter - weeks * 7 * DAY // QUARTER <= quarter < open_quarter:
            starts[zone, quarter] += trips
    zones, quarters = (np.array(column) for column in zip(*starts, strict=True))
    return learned_by_domain(history_of(zones, quarters, np.array(list(starts.values()))))


def log_of(settings: Settings) -> list[Message]:
    return ControlLog(settings, FORECAST_PROFILES).read()


def profile_of(messages: Sequence[Message]) -> Profile:
    """What a job makes of the messages: of each key the newest, none of them refused."""
    newest = {(FORECAST_PROFILES.base, message.key): message.value for message in messages}
    values = {key: value for key, value in newest.items() if value is not None}
    assert [reason for key, value in values.items() if (reason := why_refused(key, value))] == []
    return Controls(values).profile


@pytest.fixture
def said_before(settings: Settings) -> list[Message]:
    """The topic with a profile that somebody sent: nothing may come behind it."""
    ControlLog(settings, FORECAST_PROFILES).write(b"74", zone_profile(74).to_bytes())
    messages = log_of(settings)
    assert len(messages) == 1
    return messages


def test_a_job_reads_what_the_domain_learns_of_the_rows(settings: Settings, sink: ClickHouseSink, learn: Learn) -> None:
    told = windows(SPAN)
    # Counted wrong at first, and then corrected; and what no sum may hold.
    load(
        settings,
        sink,
        [(zone, start, trips + 9) if start % 100 == 0 else (zone, start, trips) for zone, start, trips in told],
    )
    load(settings, sink, [window for window in told if window[1] % 100 == 0], first_offset=1_000_000)
    load(settings, sink, overlapping(SPAN), first_offset=2_000_000)

    expected = learned(told, weeks=8)
    done = learn(settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"4 zones learned, revision {expected.revision(BUSY)}\n"
    first = log_of(settings)
    assert {int(message.key) for message in first} >= {BUSY, QUIET, NIGHTLY, GONE}
    assert list(profile_of(first)) == list(expected)

    # Of the last week alone: the zone that has no starts in it loses its profile.
    lately = learned(told, weeks=1)
    done = learn(settings.model_copy(update={"namespace": "live"}), "--weeks", "1", "--namespace", settings.namespace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"3 zones learned, revision {lately.revision(BUSY)}\n"
    both = log_of(settings)
    assert len(both) > len(first)
    assert [zone.zone_id for zone in profile_of(both)] == [BUSY, QUIET, NIGHTLY]
    assert list(profile_of(both)) == list(lately)


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (0, "error: zone_counts in hailstream_{} holds no trips to learn from\nhint: `hailstream jobs run city`"),
        (3 * DAY + 7, "error: too short a history to learn a week from: 3.0 days with starts\nhint: 7 days are"),
    ],
)
def test_where_there_is_not_enough_to_learn_from_nothing_is_sent(
    settings: Settings, sink: ClickHouseSink, learn: Learn, said_before: list[Message], minutes: int, says: str
) -> None:
    if minutes:
        load(settings, sink, windows(minutes))
    done = learn(settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says.format(settings.namespace))
    assert log_of(settings) == said_before


def test_a_namespace_without_a_database_is_named_and_gets_no_topic(settings: Settings, learn: Learn) -> None:
    done = learn(settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"ClickHouse has no database {settings.database}" in done.stderr
    assert "hint: `hailstream load migrate`" in done.stderr
    assert log_of(settings) == []


def test_a_clickhouse_that_is_away_is_named_and_nothing_is_sent(
    settings: Settings, learn: Learn, said_before: list[Message]
) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    done = learn(settings.model_copy(update={"clickhouse_url": nowhere}))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: ClickHouse at {nowhere} cannot be reached")
    assert "hint: `hailstream up` starts the embedded one" in done.stderr
    assert log_of(settings) == said_before


def test_a_kafka_that_is_away_is_named(settings: Settings, sink: ClickHouseSink, learn: Learn) -> None:
    load(settings, sink, windows(8 * DAY))
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    done = learn(settings.model_copy(update={"kafka_bootstrap": nowhere}))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert f"Kafka at {nowhere}" in done.stderr
    assert log_of(settings) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--weeks 0", "--weeks"),
        ("--weeks some", "--weeks"),
        ("--every often", "error: --every often: not a time between learnings"),
        ("--namespace No", "error: wrong setting: HAILSTREAM_NAMESPACE"),
        ("zone", "zone"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_sent(
    settings: Settings, sink: ClickHouseSink, learn: Learn, said_before: list[Message], options: str, says: str
) -> None:
    load(settings, sink, windows(8 * DAY))
    done = learn(settings, *options.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert log_of(settings) == said_before
