"""How far each part has come, looked at from outside twice a second, and when it is past a given point again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from redis import RedisError

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.redis_store import connect
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS

Place = tuple[str, int]
EVERY_SECONDS = 0.5
REQUEST_SECONDS = 3.0
# A request that was under way when its broker died may never be answered.
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Point:
    """A state of the log.

    Attributes:
        ends: end of each partition of the event topics.
        newest: newest event time, ms.
    """

    ends: Mapping[Place, int]
    newest: int


class Watch:
    """Asks Kafka, ClickHouse and Redis, each from a thread of its own; a context.

    A server that is away is asked again: what it said last is what is known.

    Attributes:
        clickhouse, redis: end of the newest window there, ms; 0 before the first.
    """

    def __init__(self, settings: Settings, jobs: tuple[str, ...]) -> None:
        self._settings = settings
        self._groups = {job: settings.consumer_group(job) for job in jobs}
        self._places = [(t.name(settings.namespace), p) for t in EVENT_TOPICS for p in range(settings.partitions)]
        self._ends: dict[Place, int] = {}
        self._newest = 0
        self._rounds = 0
        self._committed: dict[str, dict[Place, int]] = {}
        self.clickhouse = 0
        self.redis = 0
        self._stop = threading.Event()
        asks = (self._ask_kafka, self._ask_clickhouse, self._ask_redis)
        self._threads = [threading.Thread(target=self._repeat, args=(ask,), daemon=True) for ask in asks]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(REQUEST_SECONDS * 3)

    def point(self) -> Point:
        """The log as it was seen last."""
        return Point(dict(self._ends), self._newest)

    def rounds(self) -> int:
        """How often Kafka has answered all that it is asked."""
        return self._rounds

    def is_past(self, point: Point) -> bool:
        """Whether everything sent before the point was processed, and what was sent after it is shown.

        Every job has completed a checkpoint that covers the log up to the
        point, and ClickHouse and Redis each show a window that ends after it.
        """
        return self.is_processed(point) and min(self.clickhouse, self.redis) > point.newest

    def is_processed(self, point: Point) -> bool:
        """Whether every job has completed a checkpoint that covers the log up to the point."""
        return all(
            self._committed.get(job, {}).get(place, 0) >= end
            for job in self._groups
            for place, end in point.ends.items()
        )

    def processed(self) -> int:
        """Records that the slowest job's checkpoints cover."""
        return min((sum(self._committed.get(job, {}).values()) for job in self._groups), default=0)

    def _repeat(self, ask: Callable[[], None]) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            # Each failure ends with clients made anew: one whose broker died may never hear of the next one.
            with suppress(KafkaException, RedisError, HailstreamError, OSError):
                ask()

    def _ask_kafka(self) -> None:
        config = self._settings.kafka_config() | {"log_level": "0"}
        admin = AdminClient(config)
        # Not the AdminClient's own way: it crashes the process when a group's coordinator moves (librdkafka 2.16).
        members = {job: Consumer(config | {"group.id": group}) for job, group in self._groups.items()}
        asked = [TopicPartition(*place) for place in self._places]
        while not self._stop.wait(EVERY_SECONDS):
            self._newest = max(self._newest, *self._offsets(admin, OffsetSpec.max_timestamp(), "timestamp").values())
            self._ends |= self._offsets(admin, OffsetSpec.latest(), "offset")
            for job, member in members.items():
                found = member.committed(asked, timeout=REQUEST_SECONDS)
                self._committed[job] = {(p.topic, p.partition): max(p.offset, 0) for p in found}
            self._rounds += 1

    def _offsets(self, admin: AdminClient, what: OffsetSpec, field: str) -> dict[Place, int]:
        request = {TopicPartition(*place): what for place in self._places}
        answers = admin.list_offsets(request, request_timeout=REQUEST_SECONDS)
        return {
            (p.topic, p.partition): int(getattr(future.result(ANSWER_SECONDS), field)) for p, future in answers.items()
        }

    def _ask_clickhouse(self) -> None:
        with reachable(self._settings, database=self._settings.database) as client:
            while not self._stop.wait(EVERY_SECONDS):
                newest = client.query("SELECT toUnixTimestamp64Milli(max(window_end)) FROM zone_counts_raw")
                self.clickhouse = int(newest.result_rows[0][0])

    def _ask_redis(self) -> None:
        client = connect(self._settings)
        while not self._stop.wait(EVERY_SECONDS):
            self.redis = int(client.get(f"{self._settings.redis_prefix}trip_series:newest") or 0)
