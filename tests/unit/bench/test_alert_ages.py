"""From the event that an alert needs to its message from Redis."""

from __future__ import annotations

import polars as pl
import pytest

from bench.alert_ages import ages_of
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

HOUR = 3_600_000
SETTINGS = Settings(_env_file=None, namespace="bench")
STARTED, ENDED = (topic.name("bench") for topic in (TRIPS_STARTED, TRIPS_ENDED))


def moments(*rows: tuple[str, str, int, float]) -> pl.DataFrame:
    """Topic, trip, time in seconds of the second hour, moment; there is an hour of warm-up before."""
    first = (STARTED, "first", 0, 1.0)
    all_rows = [first, *((topic, trip, HOUR + seconds * 1000, sent) for topic, trip, seconds, sent in rows)]
    return pl.DataFrame(all_rows, schema=["topic", "key", "time", "sent"], orient="row")


def alerts(*rows: tuple[str, str, int, float]) -> pl.DataFrame:
    """Rule, trip, time in seconds of the second hour, moment of being published; found half a second before."""
    return pl.DataFrame(
        [(f"{rule}:{trip}", rule, HOUR + at * 1000, trip, shown - 0.5, shown) for rule, trip, at, shown in rows],
        schema=["alert_id", "rule", "event_time", "trip_id", "appended", "shown"],
        orient="row",
    )


def test_one_event_is_as_old_as_its_first_sending_and_what_waits_as_the_event_that_reached_its_time() -> None:
    sent = moments(
        (STARTED, "t", 0, 10.0),
        (ENDED, "t", 60, 11.0),
        (ENDED, "t", 60, 19.0),
        (STARTED, "u", 61, 12.0),
        (STARTED, "v", 59, 13.0),
        (STARTED, "v", HOUR // 1000, 90.0),
    )
    found = ages_of(
        alerts(
            ("implausible_speed", "t", 60, 11.75),
            ("too_many_trips", "v", 59, 14.0),
            ("ride_open_too_long", "w", 62, 91.0),
            ("end_disagrees", "t", 0, 13.0),
        ),
        sent,
        SETTINGS,
    ).sort("rule")
    assert found["rule"].to_list() == ["end_disagrees", "implausible_speed", "ride_open_too_long", "too_many_trips"]
    # The 59th second was reached by the end of the 60th.
    assert found["shown_ms"].to_list() == pytest.approx([2000, 750, 1000, 3000])
    assert found["found_ms"].to_list() == pytest.approx([1500, 250, 500, 2500])


def test_the_warm_up_and_what_was_never_sent_are_left_out() -> None:
    sent = moments((ENDED, "t", 0, 10.0), (ENDED, "u", 10, 20.0))
    early = alerts(("implausible_speed", "t", -3599, 2.0), ("implausible_speed", "gone", 5, 15.0))
    assert ages_of(early, sent, SETTINGS).is_empty()
