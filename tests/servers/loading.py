"""Results written as the jobs write them, a loader at work, and what it stored."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.contract import Sink
from hailstream.loader.loop import run_loader
from hailstream.loader.metrics import Metrics
from hailstream.schemas import frame, load_schema
from hailstream.settings import Settings
from hailstream.topics import Topic, topic_config
from tests.contract.loader.results import counts, encode
from tests.stack import wait_until

PARTITIONS = 3


def within_a_minute(predicate: Callable[[], object], what: str) -> None:
    wait_until(predicate, 60, f"not true in time: {what}")


class Results:
    """Stands for the jobs: writes results as they do."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._admin = AdminClient(settings.kafka_config() | {"log_level": "0"})
        self._producer = Producer(settings.kafka_config() | {"linger.ms": 1, "log_level": 0})
        self._ids: dict[Topic, int] = {}

    def create(self, *topics: Topic) -> None:
        new = [NewTopic(t.name(self.settings.namespace), PARTITIONS, 1, config=topic_config(t, -1)) for t in topics]
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
