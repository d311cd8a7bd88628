"""Rules for single events, as the job applies them to packets."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pyflink.common import Row
from pyflink.common.time import Instant

from hailstream.domain.alerts.alert import FARE_OFF_CARD, IMPLAUSIBLE_SPEED
from hailstream.domain.events import Event
from hailstream.flink.answers import AnswerRows
from hailstream.flink.fold_answers import answer_kinds
from hailstream.flink.judge_function import JudgePackets
from hailstream.folds.groups import GROUPS, SINGLE
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED
from tests.unit.alerts.trips import HOUR, MINUTE, NOON, ended
from tests.unit.folds.packing import pack


def test_ends_are_judged_at_once_and_late_ones_too() -> None:
    settings = Settings(_env_file=None).model_copy(update={"driver_secret": SecretStr("pepper")})
    group = next(group for group in GROUPS if group.name == SINGLE)
    judge = JudgePackets(group, settings.thresholds(), AnswerRows(answer_kinds(settings, ["alerts"])))
    judge.open(None)
    ends: list[Event] = [
        ended(0, "fine", lasted=10 * MINUTE, miles=2.0),
        ended(1, "fast", lasted=MINUTE, miles=30.0),
        ended(-HOUR, "late", lasted=MINUTE, miles=30.0, driver=None),
    ]
    [packet] = [packet for packet in pack(group, TRIPS_ENDED, ends)[0] if packet is not None]
    value = Row(TRIPS_ENDED.base, packet, Instant.of_epoch_milli(NOON - MINUTE))
    rows: list[Any] = list(judge.process_element(value, None))
    assert all(len(row) == 1 for row in rows), "one kind of answer, one column"
    found = [(row[0][4], row[0][1], row[0][3]) for row in rows]
    assert [(trip, rule, time) for trip, rule, time in found if rule == IMPLAUSIBLE_SPEED.name] == [
        ("fast", IMPLAUSIBLE_SPEED.name, NOON + 1),
        ("late", IMPLAUSIBLE_SPEED.name, NOON - HOUR),
    ]
    assert {trip for trip, _, _ in found} == {"fast", "late"}
    assert {rule for _, rule, _ in found} <= {IMPLAUSIBLE_SPEED.name, FARE_OFF_CARD.name}
    drivers = {row[0][4]: row[0][6] for row in rows}
    assert drivers["late"] is None
    assert drivers["fast"] not in (None, "d"), "a driver leaves the job as a pseudonym"
