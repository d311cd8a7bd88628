"""The loader while what it reads from and writes to is killed, away or emptied."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys

import pytest
import redis

from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.loop import Pace
from hailstream.loader.redis_now import RedisNowSink
from hailstream.loader.redis_series import RedisSeriesSink
from hailstream.local.stack import Stack
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS, ZONE_REVENUE
from tests.contract.loader.registry_stub import RegistryStub
from tests.contract.loader.results import counts, revenue
from tests.contract.loader.servers import RunningServer
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

_KILLED_LOADER = """
import os, signal, sys, threading
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.loop import Pace, run_loader
from hailstream.settings import Settings

batches = 0
def die_after_the_third():
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), signal.SIGKILL)

settings = Settings.model_validate_json(sys.stdin.read())
pace = Pace(int(sys.argv[1]), 0.2)
run_loader(settings, ClickHouseSink(settings), threading.Event(), pace=pace, after_write=die_after_the_third)
"""


def test_a_kill_between_insert_and_commit_loses_nothing_and_doubles_nothing(
    settings: Settings, results: Results
) -> None:
    rows = windows(minutes=60)
    results.send(ZONE_COUNTS, rows)
    # Twice, with batches cut differently each time; then to the end, cut in yet another way.
    for batch in (97, 41):
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED_LOADER, str(batch)],
            input=settings.model_dump_json(),
            text=True,
            timeout=120,
            check=False,
            capture_output=True,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    stored_before = query(settings, "SELECT count() FROM zone_counts_raw")[0][0]
    assert stored_before > 0
    load_all(settings, ClickHouseSink(settings), pace=Pace(64, 0.1))
    assert shown(settings) == expected_of(rows)
    raw = query(settings, "SELECT count(), uniqExact(version, zone_id) FROM zone_counts_raw")[0]
    assert raw[0] >= raw[1] == len(rows)


def test_clickhouse_that_is_killed_in_the_middle_is_waited_for(
    results: Results, own_clickhouse: tuple[Settings, RunningServer], caplog: pytest.LogCaptureFixture
) -> None:
    settings, clickhouse = own_clickhouse
    early, late = windows(10), windows(30)[60:]
    results.send(ZONE_COUNTS, early)
    with loading(settings, ClickHouseSink(settings), pace=Pace(50, 0.2)) as metrics, caplog.at_level(logging.INFO):
        within_a_minute(has(settings, expected_of(early)), "the first rows are there")
        clickhouse.kill()
        results.send(ZONE_COUNTS, late)
        within_a_minute(
            lambda: (
                metrics.registry.get_sample_value("hailstream_loader_retries_total", {"sink": "clickhouse"}) or 0 >= 3
            ),
            what="it tries again",
        )
        assert metrics.registry.get_sample_value("hailstream_loader_sink_up", {"sink": "clickhouse"}) == 0
        clickhouse.start()
        within_a_minute(has(settings, expected_of(early + late)), "the rest is there")
        assert metrics.registry.get_sample_value("hailstream_loader_sink_up", {"sink": "clickhouse"}) == 1
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len([line for line in said if "waiting for it" in line]) == 1
    assert len([line for line in said if "back after" in line]) == 1


def test_a_kafka_that_is_killed_in_the_middle_is_waited_for(settings: Settings, results: Results) -> None:
    rows = windows(10)
    results.send(ZONE_COUNTS, rows)
    with loading(settings, ClickHouseSink(settings), pace=Pace(50, 0.2)):
        within_a_minute(has(settings, expected_of(rows)), "the first rows are there")
        broker = next(server for server in Stack(settings).status() if server.name == "kafka")
        assert broker.pid is not None
        # Its manager starts it again.
        os.kill(broker.pid, signal.SIGKILL)
        more = windows(20)
        Results(settings).send(ZONE_COUNTS, more[len(rows) :])
        within_a_minute(has(settings, expected_of(more)), "the rest is there")


def test_redis_that_is_killed_in_the_middle_is_waited_for(
    results: Results, own_redis: tuple[Settings, RunningServer]
) -> None:
    settings, server = own_redis
    results.send(ZONE_COUNTS, windows(20))
    results.send(ZONE_REVENUE, [revenue(zone, fares=["3.00"]) for zone in range(1, 7)])
    names = [f"{settings.namespace}:realtime:3:{name}" for name in ("trip_count", "avg_fare")]
    with (
        redis.Redis.from_url(settings.redis_address, decode_responses=True) as client,
        loading(settings, RedisNowSink(settings)),
    ):
        within_a_minute(lambda: client.mget(names) == ["3019", "3.00"], "the newest values are there")
        server.kill()
        results.send(ZONE_COUNTS, windows(25)[120:])
        server.start()
        within_a_minute(lambda: client.mget(names) == ["3024", "3.00"], "the newest values are there")


def test_a_redis_that_lost_everything_is_filled_again(settings: Settings, results: Results) -> None:
    rows = windows(30)
    results.send(ZONE_COUNTS, rows)
    key = f"{settings.namespace}:trip_series:2"
    with redis.Redis.from_url(settings.redis_address, decode_responses=True) as client:
        with loading(settings, RedisSeriesSink(settings)):
            within_a_minute(lambda: client.zcard(key) == 30, "the series is there")
            for lost in client.scan_iter(f"{settings.namespace}:*"):
                client.delete(lost)
            results.send(ZONE_COUNTS, [counts(2, 30, trips=7)])
            within_a_minute(lambda: client.zcard(key) == 31, "the series is there again, and the new point")
        assert client.zrange(key, -1, -1)[0].split(":")[1] == "7"


def test_a_registry_that_is_away_is_waited_for(settings: Settings) -> None:
    stub = RegistryStub()
    try:
        own = settings.model_copy(update={"registry_url": stub.url})
        writer = Results(own)
        writer.create(ZONE_COUNTS)
        rows = windows(3)
        writer.send(ZONE_COUNTS, rows)
        stub.away = True
        with loading(own, ClickHouseSink(own), pace=Pace(50, 0.1)) as metrics:
            within_a_minute(
                lambda: metrics.registry.get_sample_value("hailstream_loader_retries_total", {"sink": "clickhouse"}),
                what="it tries again",
            )
            stub.away = False
            within_a_minute(has(own, expected_of(rows)), "the rows are loaded")
    finally:
        stub.close()
