"""Replays that are stopped or killed, and go on where they were."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import delete_topics
from hailstream.replay.options import ReplayOptions
from hailstream.replay.run import run_replay
from hailstream.settings import Settings
from tests.servers.kafka_log import events_only
from tests.servers.replaying import Log, event_log, nameless, ride_events
from tests.stack import wait_until
from tests.unit.replay_sending.events import MemorySource


class Command:
    """`hailstream replay` as a person runs it."""

    def __init__(self, settings: Settings, *arguments: str) -> None:
        environment = os.environ | settings.as_environment() | {"PYTHONUNBUFFERED": "1"}
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
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "60")
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
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "60")
    wait_until(paced.sent_some, 60, "the replay sent nothing")
    paced.process.kill()
    assert paced.finish()[0] == -signal.SIGKILL
    code, out, err = commands(namespace, rides, "--limit", "20000", "--resume").finish()
    assert code == 0, err
    report = json.loads(out)
    assert (report["events"], report["balanced"]) == (20_000, True)
    # What was sent since it last said how far it is.
    assert report["found"] > 0
    assert nameless(events_only(event_log(namespace)), namespace) == events_only(uninterrupted)


def test_another_source_is_not_resumed(namespace: Settings, commands: Callable[..., Command], rides: str) -> None:
    paced = commands(namespace, rides, "--limit", "20000", "--speed", "60")
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
