"""The loader over topics that are made anew, transactions and offsets that were set back."""

from __future__ import annotations

import logging

import pytest
import redis
from confluent_kafka.admin import AdminClient

from hailstream.clickhouse import reachable
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.loop import Pace
from hailstream.loader.redis_now import RedisNowSink
from hailstream.loader.redis_series import RedisSeriesSink
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, ZONE_COUNTS
from tests.contract.loader.results import counts
from tests.servers.loader_fixtures import *  # noqa: F403
from tests.servers.loading import (
    Results,
    expected_of,
    has,
    load_all,
    loading,
    query,
    shown,
    windows,
    within_a_minute,
)


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning_and_outranks_the_old_one(
    settings: Settings, results: Results
) -> None:
    old = [counts(zone, minute, trips=1) for minute in range(40) for zone in range(1, 4)]
    results.send(ZONE_COUNTS, old)
    load_all(settings, ClickHouseSink(settings))
    results.delete(ZONE_COUNTS)
    results.create(ZONE_COUNTS)
    new = [counts(zone, minute, trips=2) for minute in range(3) for zone in range(1, 4)]
    results.send(ZONE_COUNTS, new)
    load_all(settings, ClickHouseSink(settings))
    assert shown(settings) == expected_of(old + new)


def test_a_topic_that_appears_or_is_made_anew_while_the_loader_runs_is_noticed(
    settings: Settings, results: Results
) -> None:
    old = [counts(zone, minute, trips=1) for minute in range(20) for zone in range(1, 4)]
    results.send(ZONE_COUNTS, old)
    with loading(settings, ClickHouseSink(settings), pace=Pace(1000, 0.1)):
        within_a_minute(has(settings, expected_of(old)), "the old topic is loaded")
        results.delete(ZONE_COUNTS)
        results.create(ZONE_COUNTS, EVENTS_LATE)
        new = [counts(zone, minute, trips=2) for minute in range(30) for zone in range(1, 4)]
        results.send(ZONE_COUNTS, new)
        within_a_minute(has(settings, expected_of(new)), "the new topic is loaded")


def test_an_open_transaction_is_waited_for_and_spoken_of(
    settings: Settings, results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    rows = windows(5)
    with (
        caplog.at_level(logging.WARNING),
        results.transaction(ZONE_COUNTS, rows) as producer,
        loading(settings, ClickHouseSink(settings), pace=Pace(50, 0.1), held_up_after=1.0),
    ):
        within_a_minute(lambda: "held up by a transaction" in caplog.text, "it says what it waits for")
        assert shown(settings) == []
        producer.commit_transaction()
        within_a_minute(has(settings, expected_of(rows)), "the rows are loaded when they are committed")
        within_a_minute(lambda: "no longer held up" in caplog.text, "it says that it goes on")


def test_rows_of_an_aborted_transaction_are_never_stored(settings: Settings, results: Results) -> None:
    rows = windows(5)
    with results.transaction(ZONE_COUNTS, [counts(zone, trips=99) for zone in range(1, 7)]) as producer:
        producer.abort_transaction()
    results.send(ZONE_COUNTS, rows[6:])
    load_all(settings, ClickHouseSink(settings))
    assert query(settings, "SELECT count(), countIf(trips = 99) FROM zone_counts") == [(24, 0)]


def test_now_shows_a_result_before_its_transaction_is_committed_and_the_series_does_not(
    settings: Settings, results: Results
) -> None:
    with (
        redis.Redis.from_url(settings.redis_address, decode_responses=True) as client,
        results.transaction(ZONE_COUNTS, windows(1)) as producer,
        loading(settings, RedisNowSink(settings)),
        loading(settings, RedisSeriesSink(settings)),
    ):
        within_a_minute(lambda: client.get(f"{settings.namespace}:realtime:4:trip_count") == "4000", "it is shown")
        assert client.zcard(f"{settings.namespace}:trip_series:4") == 0
        producer.commit_transaction()
        within_a_minute(lambda: client.zcard(f"{settings.namespace}:trip_series:4") == 1, "it is in the series")


def test_offsets_that_somebody_set_back_on_purpose_are_respected(settings: Settings, results: Results) -> None:
    rows = windows(5)
    results.send(ZONE_COUNTS, rows)
    load_all(settings, ClickHouseSink(settings))
    with reachable(settings, database=settings.database) as client:
        client.command("TRUNCATE TABLE zone_counts_raw")
    admin = AdminClient(settings.kafka_config())
    group = settings.consumer_group("clickhouse")
    admin.delete_consumer_groups([group])[group].result()
    load_all(settings, ClickHouseSink(settings))
    assert shown(settings) == expected_of(rows)
