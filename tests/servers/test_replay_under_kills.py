"""Replays into a broker that is away or is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from hailstream.local.apart import free_ports
from hailstream.local.stack import Stack
from hailstream.replay.accounting import ReplayReport
from hailstream.replay.options import ReplayOptions
from hailstream.replay.resume import state_path
from hailstream.replay.run import run_replay
from hailstream.settings import Settings
from tests.servers.kafka_log import events_only
from tests.servers.replaying import event_log, ride_events
from tests.stack import wait_until
from tests.unit.replay_sending.events import MemorySource


class _Background:
    """A replay in a thread."""

    def __init__(self, settings: Settings, source: MemorySource, options: ReplayOptions) -> None:
        self.said: list[str] = []
        self.result: ReplayReport | BaseException | None = None
        self._stop = False
        self._thread = threading.Thread(target=self._run, args=(settings, source, options))
        self._thread.start()

    def _run(self, settings: Settings, source: MemorySource, options: ReplayOptions) -> None:
        try:
            self.result = run_replay(settings, source, options, stopped=lambda: self._stop, say=self.said.append)
        except BaseException as error:
            self.result = error

    def finish(self, seconds: float) -> ReplayReport:
        self._thread.join(seconds)
        assert isinstance(self.result, ReplayReport), (self.result, self.said)
        return self.result

    def stop(self) -> None:
        self._stop = True
        self._thread.join(60)


@contextmanager
def forwarding(port: int, target: int) -> Iterator[None]:
    """Connections to ``port`` reach ``target``."""
    listener = socket.create_server(("127.0.0.1", port))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", target))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.close()


def test_a_broker_that_is_away_at_the_start_is_waited_for(namespace: Settings) -> None:
    (port,) = free_ports(1)
    settings = namespace.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{port}"})
    replay = _Background(settings, MemorySource(ride_events(100)), ReplayOptions())
    try:
        wait_until(lambda: any("away" in line for line in replay.said), 30, "nothing was said")
        with forwarding(port, namespace.kafka_port):
            assert replay.finish(60).balanced
    finally:
        replay.stop()
    assert any("is back" in line for line in replay.said)


@pytest.mark.parametrize("age", ["recent", "history"])
def test_a_broker_killed_in_the_middle_is_waited_for_and_nothing_is_lost(namespace: Settings, age: str) -> None:
    rows = ride_events(20_000, step=50)
    if age == "recent":
        shift = datetime.now(UTC) - timedelta(hours=1) - rows[0]["event_time"]
        rows = [row | {"event_time": row["event_time"] + shift} for row in rows]
    replay = _Background(namespace, MemorySource(rows), ReplayOptions(speed=100))
    try:
        wait_until(lambda: state_path(namespace).is_file(), 60, "the replay did not begin")
        wait_until(lambda: any(events_only(event_log(namespace)).values()), 60, "the replay sent nothing")
        (kafka,) = [status for status in Stack(namespace).status() if status.name == "kafka"]
        assert kafka.pid is not None
        os.kill(kafka.pid, signal.SIGKILL)
        report = replay.finish(120)
    finally:
        replay.stop()
    assert report.balanced
    assert sum(report.sent.values()) == 20_000
    log = event_log(namespace)
    keys = [r.key or "" for records in events_only(log).values() for r in records]
    assert sorted(set(keys)) == [row["trip_id"] for row in rows]
    # Kafka's memory of a producer goes by record timestamps: it is sure of recent ones only.
    assert report.repeated == sum(map(len, log.values())) - 20_000 - report.heartbeats
    if age == "recent":
        assert report.repeated == 0
    assert any("away" in line for line in replay.said), replay.said
    assert any("is back" in line for line in replay.said), replay.said
