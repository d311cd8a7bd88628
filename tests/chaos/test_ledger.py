"""A short run of the ledger: five different blows while events flow, and every row as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from hailstream.clickhouse import reachable
from hailstream.settings import Settings
from hailstream.topics import ALERTS
from tests.chaos.ledger.checks import check_all
from tests.chaos.ledger.ordeal import Outcome, Stream, run_ordeal
from tests.chaos.ledger.record import Record
from tests.chaos.ledger.report import verdict
from tests.chaos.ledger.schedule import LEAD, Choice, draw

BLOWS: list[Choice] = [
    ("kill", "redis"),
    ("kill", "broker"),
    ("kill", "clickhouse"),
    ("kill", "replayer"),
    ("kill", "python-worker"),
    ("pause", "taskmanager"),
]
SECONDS = 30.0
STREAM = Stream(seed=5, seconds=LEAD + SECONDS, rate=400, speed=60)
JOBS = ("city",)
FILLED = ("zone_counts", "zone_revenue", "zone_surge", "trips", "alerts", "late", "rejected")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    record = Record(tmp_path / "ledger.jsonl")
    yield record
    record.close()


def first_alert(settings: Settings) -> tuple[bytes, bytes]:
    """Key and value of a committed alert."""
    name = ALERTS.name(settings.namespace)
    consumer = Consumer(settings.kafka_config() | {"group.id": settings.consumer_group("test")})
    try:
        consumer.assign([TopicPartition(name, partition, 0) for partition in range(settings.partitions)])
        message = consumer.poll(30)
        assert message is not None, "there is no alert"
        return message.key(), message.value()
    finally:
        consumer.close()


def spoil(settings: Settings) -> None:
    """One row of a table changed, another deleted, an alert committed twice."""
    with reachable(settings, database=settings.database) as client:
        client.command(
            "INSERT INTO zone_counts_raw SELECT * REPLACE (trips + 1 AS trips, version + 1 AS version)"
            " FROM zone_counts_raw ORDER BY trips DESC LIMIT 1"
        )
        client.command(
            "INSERT INTO late_raw SELECT * REPLACE (1 AS is_deleted, version + 1 AS version) FROM late_raw LIMIT 1"
        )
    key, value = first_alert(settings)
    producer = Producer(settings.kafka_config())
    producer.produce(ALERTS.name(settings.namespace), key=key, value=value)
    producer.flush()


@pytest.mark.timeout(1800)
def test_blows_under_a_steady_stream_change_no_row(stack: Settings, tmp_path: Path, record: Record) -> None:
    settings = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}", "city_jobs": "all", "fold_shards": 2})
    said: list[str] = []
    say: Callable[[str], None] = said.append
    actions = draw(STREAM.seed, SECONDS, len(BLOWS), BLOWS)
    outcome: Outcome = run_ordeal(settings, STREAM, actions, JOBS, tmp_path, record, say)

    def differing() -> dict[str, int]:
        lines = list(check_all(outcome.settings, STREAM.spec, JOBS, tmp_path, say))
        rows = {line.name: line.rows for line in lines}
        assert all(rows[name] > 0 for name in FILLED), rows
        return {line.name: line.differing for line in lines if line.differing} | dict.fromkeys(verdict(outcome, []), 1)

    assert differing() == {}, said
    assert [struck.action for struck in outcome.struck if struck.action.kind != "nothing"] == actions
    assert outcome.ended == [], said
    # An account that cannot be wrong would prove nothing.
    spoil(outcome.settings)
    spoilt = differing()
    assert {name: spoilt.get(name) for name in ("zone_counts", "late", "alerts.v1, committed")} == {
        "zone_counts": 1,
        "late": 1,
        "alerts.v1, committed": 1,
    }
