"""Replays into a real broker, read back record by record."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from hailstream.errors import HailstreamError
from hailstream.local.stack import Stack
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.replay.accounting import ReplayReport
from hailstream.replay.options import ReplayOptions
from hailstream.replay.resume import state_path
from hailstream.replay.run import run_replay
from hailstream.schemas import load_schema, unframe
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic
from tests.integration.kafka_log import Record, events_only, read_log
from tests.stack import as_environment, free_ports, wait_until
from tests.unit.replay_sending.events import START_MS, MemorySource, event

Log = dict[tuple[str, int], list[Record]]


def event_log(settings: Settings) -> Log:
    return read_log(settings, *(topic.name(settings.namespace) for topic in (TRIPS_STARTED, TRIPS_ENDED)))


def nameless(log: Log, settings: Settings) -> dict[tuple[str, int], list[Record]]:
    """The log with topics named as in the live namespace."""
    return {(topic.removeprefix(f"{settings.namespace}."), p): records for (topic, p), records in log.items()}


def body(topic: Topic, record: Record) -> dict[str, Any]:
    assert record.value is not None
    row = fastavro.schemaless_reader(io.BytesIO(unframe(record.value)[1]), load_schema(topic).parsed, None)
    assert isinstance(row, dict)
    return row


def ride_events(count: int, step: int = 2_000) -> list[dict[str, Any]]:
    return [event(n, n * step) for n in range(count)]


def test_every_record_has_its_key_its_partition_and_its_event_time(namespace: Settings) -> None:
    report = run_replay(namespace, MemorySource(ride_events(500)))
    assert report.balanced
    log = event_log(namespace)
    for topic in (TRIPS_STARTED, TRIPS_ENDED):
        name = topic.name(namespace.namespace)
        records = [r for (t, _), by in events_only(log).items() for r in by if t == name]
        assert len(records) == report.sent[name] == 250
        for record in records:
            row = body(topic, record)
            assert (row["trip_id"], int(row["event_time"].timestamp() * 1000)) == (record.key, record.time)
        for place, by in log.items():
            assert [r.time for r in by] == sorted(r.time for r in by), place


def test_keys_are_where_kafkas_default_partitioner_puts_them(namespace: Settings) -> None:
    run_replay(namespace, MemorySource(ride_events(300)))
    ours = {place: [r.key for r in by] for place, by in events_only(event_log(namespace)).items()}
    producer = Producer(namespace.kafka_config() | {"partitioner": "murmur2_random"})
    scratch = namespace.model_copy(update={"namespace": f"{namespace.namespace}x"})
    name = TRIPS_STARTED.name(scratch.namespace)
    create_topics(scratch)
    try:
        for row in ride_events(300):
            if not row["is_end"]:
                producer.produce(name, b"x", row["trip_id"])
        assert producer.flush(30) == 0
        theirs = {p: [r.key for r in by] for (_, p), by in read_log(scratch, name).items()}
    finally:
        delete_topics(scratch)
    assert {p: keys for (t, p), keys in ours.items() if t == TRIPS_STARTED.name(namespace.namespace)} == theirs


def test_every_partition_of_both_topics_hears_every_heartbeat_and_the_last_closes_the_windows(
    namespace: Settings,
) -> None:
    report = run_replay(namespace, MemorySource([event(0, 0), event(2, 150_000), event(4, 151_000)]))
    log = event_log(namespace)
    assert len(log) == 2 * namespace.partitions
    for place, records in log.items():
        beats = [r for r in records if r.is_heartbeat]
        assert [r.key for r in beats] == [None, None], place
        assert [r.time - START_MS for r in beats] == [120_000, 151_000 + 15 * 60_000], place
    assert report.heartbeats == 2 * len(log)


def test_without_a_final_heartbeat_the_next_file_goes_on_where_this_one_ends(namespace: Settings) -> None:
    open_end = ReplayOptions(final_heartbeat=False)
    run_replay(namespace, MemorySource(ride_events(10)), open_end)
    following = MemorySource([event(n, 60_000 + n) for n in range(10, 20)])
    assert run_replay(namespace, following, open_end).balanced


def test_a_source_that_begins_before_the_topics_end_is_refused_and_nothing_is_sent(namespace: Settings) -> None:
    run_replay(namespace, MemorySource(ride_events(50)))
    before = event_log(namespace)
    with pytest.raises(HailstreamError, match=r"already reaches .* begins at 2013-01-01T00:00:00Z"):
        run_replay(namespace, MemorySource(ride_events(50)))
    assert event_log(namespace) == before
    report = run_replay(namespace, MemorySource(ride_events(50)), ReplayOptions(allow_late=True))
    assert report.balanced
    assert sum(map(len, events_only(event_log(namespace)).values())) == 100


def test_events_of_the_future_are_never_sent_and_each_is_written_down(namespace: Settings) -> None:
    now = datetime.now(UTC)
    late = [now + timedelta(seconds=90), datetime(2100, 1, 1, tzinfo=UTC)]
    rows = [*ride_events(20), *(event(100 + 2 * n, 0, event_time=time) for n, time in enumerate(late))]
    report = run_replay(namespace, MemorySource(rows))
    assert (report.balanced, dict(report.refused)) == (True, {"future": 2})
    assert report.refused_file is not None
    written = [json.loads(line) for line in report.refused_file.read_text().splitlines()]
    assert [(row["trip_id"], row["reason"]) for row in written] == [
        ("trip-000100", "future"),
        ("trip-000102", "future"),
    ]
    limit = START_MS + 40_000 + 15 * 60_000
    assert all(r.time <= limit for records in event_log(namespace).values() for r in records)


def test_live_data_is_closed_no_further_than_a_minute_from_now(namespace: Settings) -> None:
    now = datetime.now(UTC)
    run_replay(namespace, MemorySource([event(0, 0, event_time=now)]))
    latest = max(r.time for records in event_log(namespace).values() for r in records)
    assert latest <= (datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000


def test_raw_bytes_are_sent_as_they_are(namespace: Settings) -> None:
    rows = [event(0, 0), event(2, 1_000, raw=b"\x00\xffno avro"), event(4, 2_000, raw=b"")]
    run_replay(namespace, MemorySource(rows))
    values = {r.key: r.value for by in events_only(event_log(namespace)).values() for r in by}
    assert (values["trip-000002"], values["trip-000004"]) == (b"\x00\xffno avro", b"")


def test_a_message_that_the_broker_refuses_fails_the_replay_and_says_why(namespace: Settings) -> None:
    topic = TRIPS_STARTED.name(namespace.namespace)
    small = ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[small])
    admin = AdminClient(namespace.kafka_config())
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    rows = [event(0, 0), event(2, 1_000, raw=os.urandom(5_000))]
    with pytest.raises(HailstreamError, match=r"not taken by Kafka: .*(larger|too large)"):
        run_replay(namespace, MemorySource(rows))


class Command:
    """`hailstream replay` as a person runs it."""

    def __init__(self, settings: Settings, *arguments: str) -> None:
        environment = os.environ | as_environment(settings) | {"PYTHONUNBUFFERED": "1"}
        program = [sys.executable, "-c", "from hailstream.cli import main; main()", "replay", *arguments, "--json"]
        self.settings = settings
        self.process = subprocess.Popen(
            program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err

    def sent_some(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        return sum(map(len, events_only(event_log(self.settings)).values())) > 2_000


@pytest.fixture
def commands() -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start(settings: Settings, *arguments: str) -> Command:
        started.append(Command(settings, *arguments))
        return started[-1]

    yield start
    for command in started:
        with suppress(ProcessLookupError):
            command.process.kill()
        command.process.communicate()


@pytest.fixture
def rides(shared_data: Path) -> str:
    return str(shared_data / "ride_events_2013-01-01.csv.gz")


@pytest.fixture
def uninterrupted(namespace: Settings, commands: Callable[..., Command], rides: str) -> Iterator[Log]:
    """The log of the ride events' first 20,000 rows played in one go."""
    whole = namespace.model_copy(update={"namespace": f"{namespace.namespace}w"})
    code, out, err = commands(whole, rides, "--limit", "20000").finish()
    assert code == 0, err
    assert json.loads(out)["balanced"] is True
    yield nameless(event_log(whole), whole)
    delete_topics(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_and_resumed_the_log_is_that_of_an_uninterrupted_replay(
    namespace: Settings, commands: Callable[..., Command], rides: str, uninterrupted: Log, number: signal.Signals
) -> None:
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "300")
    wait_until(paced.sent_some, 60, "the replay sent nothing")
    paced.process.send_signal(number)
    code, out, err = paced.finish()
    assert code == 130, err
    first = json.loads(out)
    assert first["interrupted"]
    assert 2_000 <= first["events"] < 20_000
    code, out, err = commands(namespace, rides, "--limit", "20000", "--resume").finish()
    assert code == 0, err
    report = json.loads(out)
    assert (report["events"], report["found"], report["balanced"]) == (20_000, 0, True)
    assert nameless(event_log(namespace), namespace) == uninterrupted


def test_killed_and_resumed_no_event_is_lost_or_repeated(
    namespace: Settings, commands: Callable[..., Command], rides: str, uninterrupted: Log
) -> None:
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "300")
    wait_until(paced.sent_some, 60, "the replay sent nothing")
    paced.process.kill()
    assert paced.finish()[0] == -signal.SIGKILL
    code, out, err = commands(namespace, rides, "--limit", "20000", "--resume").finish()
    assert code == 0, err
    report = json.loads(out)
    assert (report["events"], report["balanced"]) == (20_000, True)
    assert report["found"] > 2_000
    assert nameless(events_only(event_log(namespace)), namespace) == events_only(uninterrupted)


def test_another_source_is_not_resumed(namespace: Settings, commands: Callable[..., Command], rides: str) -> None:
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "300")
    wait_until(paced.sent_some, 60, "the replay sent nothing")
    paced.process.send_signal(signal.SIGINT)
    paced.finish()
    before = event_log(namespace)
    code, _, err = commands(namespace, rides, "--limit", "19999", "--resume").finish()
    assert (code, "limit was 20000, is 19999" in " ".join(err.split())) == (1, True), err
    assert event_log(namespace) == before


def test_a_source_whose_events_changed_is_not_resumed(namespace: Settings) -> None:
    rows = ride_events(400)
    asked = iter(range(10**9))
    report = run_replay(namespace, MemorySource(rows, batch=50), stopped=lambda: next(asked) > 4)
    assert report.interrupted
    changed = [rows[0] | {"trip_id": "someone else"}, *rows[1:]]
    with pytest.raises(HailstreamError, match="are not those that were sent"):
        run_replay(namespace, MemorySource(changed, batch=50), ReplayOptions(resume=True))


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
