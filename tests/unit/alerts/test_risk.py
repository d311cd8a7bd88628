"""A driver's risk: the same whatever the order of the alerts, and falling with time."""

from __future__ import annotations

import pickle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.alerts.alert import Severity
from hailstream.domain.alerts.risk import FORGOTTEN, LEVELS, MOST_ALERTS, WEIGHTS, DriverRisk, Level
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import NEVER
from tests.unit.alerts.trips import HOUR, NOON

DAY = 24 * HOUR
ALERTS = st.lists(
    st.tuples(st.integers(0, 3 * DAY), st.sampled_from(list(Severity))),
    min_size=1,
    max_size=8,
    unique_by=lambda a: a[0],
)


def risk(state: object = None) -> DriverRisk:
    return DriverRisk("d", Thresholds(risk_half_life_hours=24), state)


@pytest.mark.parametrize(
    ("severities", "level"),
    [
        (["low"], Level.LOW),
        (["medium"], Level.MEDIUM),
        (["low"] * 3, Level.MEDIUM),
        (["high"], Level.HIGH),
        (["critical"], Level.CRITICAL),
        (["high"] * 3, Level.CRITICAL),
    ],
)
def test_severities_add_up_to_a_level(severities: list[str], level: Level) -> None:
    driver = risk()
    for number, severity in enumerate(severities):
        said = driver.alert(NOON, f"id{number}", "a_rule", severity)
    assert said is not None
    assert (said.level, said.alerts, said.last_rule) == (level, len(severities), "a_rule")
    assert said.score == sum(WEIGHTS[Severity(severity)] for severity in severities)


def test_an_alert_counts_half_after_the_half_life_and_once_however_often_it_is_found() -> None:
    driver = risk()
    driver.alert(NOON, "one", "a", "critical")
    assert driver.alert(NOON, "one", "a", "critical") is None
    said = driver.alert(NOON + DAY, "two", "b", "low")
    assert said is not None
    assert (said.score, said.alerts, said.last_rule) == (16.0, 2, "b")


def test_it_falls_level_by_level_until_it_is_forgotten() -> None:
    driver = risk()
    driver.alert(NOON, "one", "a", "critical")
    levels = []
    while driver.due != NEVER:
        said = driver.at(driver.due)
        levels.append((said.level, said.score))
    assert levels == [(Level.HIGH, 29.999), (Level.MEDIUM, 9.999), (Level.LOW, 2.999), (Level.LOW, 0.0)]
    assert driver.state is None


def test_a_driver_has_no_more_alerts_than_are_counted() -> None:
    driver = risk()
    for number in range(MOST_ALERTS + 50):
        said = driver.alert(NOON + number, f"id{number}", "a", "low")
    assert said is not None
    assert said.alerts == MOST_ALERTS
    assert len(driver.state[1]) == MOST_ALERTS


@given(ALERTS, st.integers(), st.integers(0, 8))
def test_order_and_restarts_do_not_matter(alerts: list[tuple[int, Severity]], seed: int, restart: int) -> None:
    numbered = [(NOON + time, f"id{time}", "a", severity) for time, severity in alerts]
    shuffled = numbered.copy()
    Random(seed).shuffle(shuffled)
    found = []
    for order in (numbered, shuffled):
        driver = risk()
        for number, alert in enumerate(order):
            if number == restart:
                driver = risk(pickle.loads(pickle.dumps(driver.state)))
            driver.alert(*alert)
        found.append(driver.at(NOON + 3 * DAY))
    assert found[0] == found[1]


@given(ALERTS)
def test_what_is_said_at_a_due_moment_is_another_level(alerts: list[tuple[int, Severity]]) -> None:
    driver = risk()
    for time, severity in sorted(alerts):
        said = driver.alert(NOON + time, f"id{time}", "a", severity)
    assert said is not None
    order = [level for _, level in LEVELS] + [Level.LOW]
    while driver.due != NEVER:
        after = driver.at(driver.due)
        assert after.time > said.time
        assert order.index(after.level) > order.index(said.level) or after.score == 0
        assert after.score >= FORGOTTEN or driver.state is None
        said = after
