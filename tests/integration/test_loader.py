"""The loader between real Kafka, ClickHouse and Redis, with everything killed at the worst moment."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.contract import Sink
from hailstream.loader.loop import Pace, run_loader
from hailstream.loader.metrics import Metrics
from hailstream.loader.redis_now import RedisNowSink
from hailstream.loader.redis_series import RedisSeriesSink
from hailstream.local.stack import Stack
from hailstream.schemas import frame, load_schema
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, LOAD_REJECTED, ZONE_COUNTS, ZONE_REVENUE, Topic, topic_config
from tests.contract.loader.fixtures import *  # noqa: F403
from tests.contract.loader.registry_stub import RegistryStub
from tests.contract.loader.results import counts, encode, revenue
from tests.contract.loader.servers import RunningServer
from tests.stack import Servers, as_environment, wait_until

PARTITIONS = 3


def within_a_minute(predicate: Callable[[], object], what: str) -> None:
    wait_until(predicate, 60, f"not true in time: {what}")


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Settings:
    """A namespace without topics, on servers that run."""
    servers("kafka", "registry", "clickhouse", "redis")
    return bare_namespace


class Results:
    """Stands for the jobs: writes results as they do."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._admin = AdminClient(settings.kafka_config() | {"log_level": "0"})
        self._producer = Producer(settings.kafka_config() | {"linger.ms": 1, "log_level": 0})
        self._ids: dict[Topic, int] = {}

    def create(self, *topics: Topic) -> None:
        new = [NewTopic(t.name(self.settings.namespace), PARTITIONS, 1, config=topic_config(-1)) for t in topics]
        for future in self._admin.create_topics(new).values():
            future.result()

    def delete(self, topic: Topic) -> None:
        name = topic.name(self.settings.namespace)
        self._admin.delete_topics([name])[name].result()
        within_a_minute(lambda: name not in self._admin.list_topics(timeout=10).topics, f"{name} is gone")

    def schema_id(self, topic: Topic) -> int:
        if topic not in self._ids:
            request = urllib.request.Request(
                f"{self.settings.registry_address}/subjects/{topic.subject(self.settings.namespace)}/versions",
                json.dumps({"schema": load_schema(topic).text}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as answer:
                self._ids[topic] = json.load(answer)["id"]
        return self._ids[topic]

    def send(self, topic: Topic, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            body = frame(self.schema_id(topic), encode(topic, row))
            self.send_raw(topic, body, partition=row.get("zone_id", 0) % PARTITIONS)
        self._producer.flush()

    def send_raw(self, topic: Topic, value: bytes | None, partition: int = 0) -> None:
        self._producer.produce(topic.name(self.settings.namespace), value=value, partition=partition)
        self._producer.flush()

    @contextmanager
    def transaction(self, topic: Topic, rows: Sequence[dict[str, Any]]) -> Iterator[Producer]:
        """Rows in a transaction that is still open."""
        producer = Producer(self.settings.kafka_config() | {"transactional.id": self.settings.namespace})
        producer.init_transactions()
        producer.begin_transaction()
        for row in rows:
            body = frame(self.schema_id(topic), encode(topic, row))
            producer.produce(topic.name(self.settings.namespace), value=body, partition=row["zone_id"] % PARTITIONS)
        producer.flush()
        yield producer


@pytest.fixture
def results(settings: Settings) -> Results:
    made = Results(settings)
    made.create(ZONE_COUNTS, ZONE_REVENUE)
    return made


@contextmanager
def loading(settings: Settings, sink: Sink, **options: Any) -> Iterator[Metrics]:
    """A loader in a thread, stopped at the end as by SIGTERM."""
    stop, metrics = threading.Event(), Metrics()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            run_loader(settings, sink, stop, metrics=metrics, **options)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield metrics
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not thread.is_alive()
    assert failures == []


def load_all(settings: Settings, sink: Sink, **options: Any) -> None:
    """Loads until there is nothing left."""
    run_loader(settings, sink, threading.Event(), until_idle=0.5, **options)


def query(settings: Settings, text: str) -> list[tuple[Any, ...]]:
    with reachable(settings, database=settings.database) as client:
        return [tuple(row) for row in client.query(text).result_rows]


def shown(settings: Settings) -> list[tuple[Any, ...]]:
    """Every window that the view shows, as zone, minute and trips."""
    return query(
        settings,
        "SELECT zone_id, intDiv(toUnixTimestamp(window_start) - 1356998400, 60) AS minute, trips "
        "FROM zone_counts ORDER BY zone_id, minute",
    )


def has(settings: Settings, expected: list[tuple[Any, ...]]) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return shown(settings) == expected
        except HailstreamError:
            return False

    return check


def windows(minutes: int, zones: int = 6) -> list[dict[str, Any]]:
    return [
        counts(zone, minute, trips=zone * 1000 + minute) for minute in range(minutes) for zone in range(1, zones + 1)
    ]


def expected_of(rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    start = min(row["window_start"] for row in rows)
    newest = {(row["zone_id"], int((row["window_start"] - start).total_seconds()) // 60): row["trips"] for row in rows}
    return sorted((zone, minute, trips) for (zone, minute), trips in newest.items())


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


def test_an_unreadable_message_and_a_refused_row_are_kept_with_their_reasons_and_the_rest_goes_in(
    settings: Settings, results: Results
) -> None:
    good = windows(5)
    results.send(ZONE_COUNTS, good[:10])
    garbage = frame(results.schema_id(ZONE_COUNTS), b"\x01\x02\x03")
    unfit = frame(results.schema_id(ZONE_COUNTS), encode(ZONE_COUNTS, counts(zone=70000)))
    for value in (garbage, b"", None, frame(4711, b"x"), unfit):
        results.send_raw(ZONE_COUNTS, value, partition=1)
    results.send(ZONE_COUNTS, good[10:])
    # The rejections are loaded by a second run at the latest.
    for _ in range(2):
        load_all(settings, ClickHouseSink(settings))
    assert shown(settings) == expected_of(good)
    found = query(settings, "SELECT topic, partition, reason, hex(value) FROM load_rejected ORDER BY offset")
    assert {(topic, partition) for topic, partition, _, _ in found} == {(ZONE_COUNTS.name(settings.namespace), 1)}
    reasons = [reason for _, _, reason, _ in found]
    words = ["not readable", "0 bytes are no framed message", "no value", "no schema 4711", "zone_id = 70000"]
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True)), reasons
    originals = [garbage, b"", b"", frame(4711, b"x"), unfit]
    assert [text for *_, text in found] == [value.hex().upper() for value in originals]


def test_a_rejection_that_is_unreadable_itself_goes_round_no_more(settings: Settings, results: Results) -> None:
    results.create(LOAD_REJECTED)
    results.send_raw(LOAD_REJECTED, b"\x00garbage")
    load_all(settings, ClickHouseSink(settings))
    load_all(settings, ClickHouseSink(settings))
    assert query(settings, "SELECT count() FROM load_rejected") == [(0,)]


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


def test_the_command_ends_cleanly_on_sigterm_and_serves_its_metrics(settings: Settings, results: Results) -> None:
    rows = windows(10)
    results.send(ZONE_COUNTS, rows)
    program = "import typer; from hailstream.loader import commands; app = typer.Typer(); commands.register(app); app()"
    loader = subprocess.Popen(
        [sys.executable, "-c", program, "load", "clickhouse"],
        env=os.environ | as_environment(settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        within_a_minute(has(settings, expected_of(rows)), "the rows are loaded")
        name = ZONE_COUNTS.name(settings.namespace)
        wanted = f'hailstream_loader_rows_total{{sink="clickhouse",topic="{name}"}} {len(rows)}.0'

        def scraped() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
                return str(answer.read(), "utf-8")

        within_a_minute(lambda: wanted in scraped(), "the rows are counted")
        assert "hailstream_loader_append_to_stored_seconds_bucket" in scraped()
        loader.send_signal(signal.SIGTERM)
        _, log = loader.communicate(timeout=60)
    finally:
        loader.kill()
        loader.wait()
    assert loader.returncode == 0, log
    assert "Traceback" not in log
    # Everything was committed: nothing is read again.
    metrics = Metrics()
    load_all(settings, ClickHouseSink(settings), metrics=metrics)
    assert (
        metrics.registry.get_sample_value("hailstream_loader_rows_total", {"sink": "clickhouse", "topic": name}) is None
    )
