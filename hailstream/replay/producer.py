"""Sends messages so that none is lost silently: each is acknowledged, or the replay fails.

The producer is idempotent and without gaps: what a partition holds after any
failure is the beginning of what was sent to it, in order, nothing left out.
It is there once, with one exception: Kafka forgets a producer whose newest
record is a day old *by the record's timestamp*, so a broker that crashes while
it takes history may take what it had not yet acknowledged a second time. The
account shows how many; jobs drop them by trip id. For the same reason one
request is under way at a time: a broker that has forgotten the producer would
take the second before the first, and then drop the first as a repetition. A broker that is away is
waited for, for ever; it is said once that it is away and once that it is back.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hailstream.errors import HailstreamError
from hailstream.replay.batch import ReadyBatch
from hailstream.settings import Settings

log = logging.getLogger(__name__)
Say = Callable[[str], None]
Stopped = Callable[[], bool]

QUEUE_MESSAGES = 200_000  # produced and not yet acknowledged
POLL = 0.05  # seconds


def producer_config(settings: Settings, *, paced: bool) -> dict[str, object]:
    """librdkafka's settings for a replay.

    Args:
        paced: short linger, for freshness; otherwise large batches, for speed.
    """
    return dict(settings.kafka_config()) | {
        "enable.idempotence": True,
        "enable.gapless.guarantee": True,
        "max.in.flight.requests.per.connection": 1,
        "acks": "all",
        "message.timeout.ms": 0,  # never give a message up
        "compression.type": "lz4",
        "linger.ms": 5 if paced else 50,
        "batch.size": 1_000_000,
        "batch.num.messages": 50_000,
        "queue.buffering.max.messages": 2 * QUEUE_MESSAGES,
        "queue.buffering.max.kbytes": 1_000_000,
        "delivery.report.only.error": True,
        "log_level": 2,  # its warnings would say again what we say
        "logger": logging.getLogger("hailstream.kafka"),
    }


class EventProducer:
    """Sends ready batches and heartbeats.

    Args:
        partitions: number of partitions of each event topic, by name.
        stopped: asked while waiting; true makes the waits end early.

    Attributes:
        sent: messages handed over, by topic name; heartbeats not counted.
        heartbeats: heartbeats handed over.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: Mapping[str, int],
        *,
        paced: bool,
        stopped: Stopped = lambda: False,
        say: Say = log.warning,
    ) -> None:
        self._servers = settings.kafka_servers
        self._places = [(topic, p) for topic, count in partitions.items() for p in range(count)]
        self._stopped = stopped
        self._say = say
        self._failures = 0
        self._first_failure = ""
        self._handed_over = 0
        self._away_at: int | None = None  # messages acknowledged when the broker went away
        self.sent: Counter[str] = Counter()
        self.heartbeats = 0
        config = producer_config(settings, paced=paced)
        self._producer = Producer(config | {"on_delivery": self._on_delivery, "error_cb": self._on_error})

    def room(self, messages: int) -> bool:
        """Wait until so many messages can be handed over at once; false when stopped before.

        Raises:
            HailstreamError: a message was refused for good; says how many, and why.
        """
        while len(self._producer) + messages > QUEUE_MESSAGES:
            if self._stopped():
                return False
            self.poll(POLL)
        return True

    def send(self, batch: ReadyBatch, start: int, end: int) -> None:
        """Hand over messages ``start`` to ``end`` of a batch.

        Raises:
            HailstreamError: a message cannot be sent at all, e.g. is larger than Kafka takes.
        """
        produce = self._producer.produce
        part = slice(start, end)
        columns = (batch.topics[part], batch.values[part], batch.keys[part], batch.partitions[part], batch.times[part])
        for topic, value, key, partition, time in zip(*columns, strict=True):
            try:
                produce(topic, value, key, partition, None, None, time)
            except (BufferError, KafkaException) as error:
                self._again(error, topic, value, key, partition, time)
        self.sent.update(batch.topics[part])
        self._handed_over += end - start

    def beat(self, time: int) -> None:
        """Hand over a heartbeat to every partition.

        Args:
            time: event time reached, ms.
        """
        for topic, partition in self._places:
            try:
                self._producer.produce(topic, None, None, partition, None, None, time)
            except (BufferError, KafkaException) as error:
                self._again(error, topic, None, None, partition, time)
        self.heartbeats += len(self._places)
        self._handed_over += len(self._places)

    def flush(self, *, while_true: Callable[[], bool] = lambda: True) -> bool:
        """Wait until everything handed over is acknowledged.

        Args:
            while_true: asked twenty times a second; false ends the wait.

        Returns:
            Whether all is acknowledged.

        Raises:
            HailstreamError: a message was refused for good; says how many, and why.
        """
        while len(self._producer) and while_true():
            self._serve(self._producer.flush, POLL)
        self._check()
        return len(self._producer) == 0

    def poll(self, seconds: float = 0.0) -> None:
        """Serve delivery reports for so long.

        Raises:
            HailstreamError: a message was refused for good; says how many, and why.
        """
        self._serve(self._producer.poll, seconds)

    def close(self) -> None:
        """Give up what is not acknowledged (nothing, after a flush) and free the connection."""
        if len(self._producer):
            self._producer.purge()
            self._producer.poll(0)
        self._producer.close()

    def _serve(self, wait: Callable[[float], int], seconds: float) -> None:
        try:
            wait(seconds)
        except KafkaException as error:  # fatal for the producer: a gap cannot be filled
            raise self._failure(error.args[0].str()) from error
        self._notice()
        self._check()

    def _again(
        self,
        error: BufferError | KafkaException,
        topic: str,
        value: bytes | None,
        key: str | None,
        partition: int,
        time: int,
    ) -> None:
        """The queue is full of bytes (large messages): wait and send this one before any other."""
        while isinstance(error, BufferError):
            self.poll(POLL)
            try:
                self._producer.produce(topic, value, key, partition, None, None, time)
            except (BufferError, KafkaException) as again:
                error = again
            else:
                return
        raise self._failure(f"{topic}[{partition}]: {error.args[0].str()}")

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures += 1
            self._first_failure = self._first_failure or f"{message.topic()}[{message.partition()}]: {error.str()}"

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and self._away_at is None:
            self._away_at = self._acknowledged()
            self._say(f"Kafka at {self._servers} is away: {len(self._producer):,} messages wait for it")
        elif error.fatal() or error.code() == KafkaError._AUTHENTICATION:
            self._first_failure = self._first_failure or error.str()
            self._failures = max(self._failures, 1)

    def _acknowledged(self) -> int:
        """A little less than is, while messages are handed over."""
        return self._handed_over - len(self._producer)

    def _notice(self) -> None:
        if self._away_at is not None and self._acknowledged() > self._away_at:
            self._away_at = None
            self._say(f"Kafka at {self._servers} is back")

    def _check(self) -> None:
        if self._failures:
            raise self._failure(self._first_failure)

    def _failure(self, reason: str) -> HailstreamError:
        count = max(1, self._failures)
        return HailstreamError(
            f"{count:,} or more messages were not taken by Kafka: {reason}",
            hint="what was acknowledged before stays; once the cause is gone, --resume goes on from there",
        )
