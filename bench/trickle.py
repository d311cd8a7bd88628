"""A heartbeat now and then while a job is watched, as a source that is alive would send."""

from __future__ import annotations

import threading

from confluent_kafka import Producer

from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS

EVERY = 0.1  # seconds


class Trickle:
    """Sends heartbeats of one time to every partition, from a thread; a context manager.

    Flink's Kafka source commits offsets between two polls, and a poll that
    finds nothing lasts ten seconds: without these, progress would be seen late.

    Args:
        time: of the heartbeats, ms; that of the newest record in the log moves no watermark.
    """

    def __init__(self, settings: Settings, time: int) -> None:
        self._time = time
        self._places = [
            (topic.name(settings.namespace), p) for topic in EVENT_TOPICS for p in range(settings.partitions)
        ]
        self._producer = Producer({**settings.kafka_config(), "linger.ms": 0, "log_level": 0})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    def __enter__(self) -> Trickle:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.flush()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            for topic, partition in self._places:
                self._producer.produce(topic, None, None, partition, None, None, self._time)
            self._producer.poll(0)
