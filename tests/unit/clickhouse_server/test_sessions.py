"""Sessions over a stand-in for the engine that remembers what it was told."""

from __future__ import annotations

from typing import cast

import pytest

from hailstream.local.clickhouse_server.engine import Block, Connection, Counts
from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.sessions import SessionKey, Sessions


class FakeConnection:
    """Settings and database, nothing more."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.database = "default"
        self.closed = False

    def run(self, sql: str, output: str = "") -> Block:  # noqa: ARG002
        name, _, value = sql.removeprefix("SET ").partition(" = ")
        if sql.startswith("SELECT"):
            return Block(
                b"".join(b'["%s", "%s"]\n' % (n.encode(), v.encode()) for n, v in self.settings.items()), Counts()
            )
        if value == "DEFAULT":
            self.settings.pop(name, None)
        else:
            self.settings[name] = value.strip("'")
        return Block(b"", Counts())

    def set(self, settings: dict[str, str]) -> None:
        if "wrong" in settings:
            raise ClickHouseError(115, "UNKNOWN_SETTING", "wrong")
        self.settings |= settings

    def use(self, database: str) -> None:
        if database == "nowhere":
            raise ClickHouseError(81, "UNKNOWN_DATABASE", "nowhere")
        self.database = database

    def scalar(self, sql: str) -> str:  # noqa: ARG002
        return self.database

    def close(self) -> None:
        self.closed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.made: list[FakeConnection] = []
        self.sessions = Sessions(self._connect, clock=self.clock)

    def _connect(self) -> Connection:
        self.made.append(FakeConnection())
        return cast(Connection, self.made[-1])


@pytest.fixture
def bench() -> Bench:
    return Bench()


KEY = SessionKey("s", timeout=10)


def test_without_a_session_each_request_has_a_connection_that_is_closed(bench: Bench) -> None:
    for _ in range(2):
        with bench.sessions.borrow(None, "d", {"a": "1"}):
            assert (bench.made[-1].database, bench.made[-1].settings) == ("d", {"a": "1"})
            assert not bench.made[-1].closed
    assert [made.closed for made in bench.made] == [True, True]


def test_settings_and_database_of_a_request_end_with_it_and_what_set_and_use_said_stays(bench: Bench) -> None:
    with bench.sessions.borrow(KEY, None, {}):
        bench.made[0].settings["kept"] = "by SET"
        bench.sessions.note(KEY, b"SET")
    with bench.sessions.borrow(KEY, None, {}):
        bench.made[0].database = "used"
        bench.sessions.note(KEY, b"USE")
    with bench.sessions.borrow(KEY, "d", {"kept": "for now", "other": "1"}):
        assert (bench.made[0].database, bench.made[0].settings) == ("d", {"kept": "for now", "other": "1"})
    assert (bench.made[0].database, bench.made[0].settings) == ("used", {"kept": "by SET"})
    assert len(bench.made) == 1


@pytest.mark.parametrize(("database", "settings"), [("nowhere", {"a": "1"}), (None, {"a": "1", "wrong": "1"})])
def test_a_refused_request_leaves_its_session_usable(
    bench: Bench, database: str | None, settings: dict[str, str]
) -> None:
    with pytest.raises(ClickHouseError), bench.sessions.borrow(KEY, database, settings):
        pytest.fail("it should have been refused")
    with bench.sessions.borrow(KEY, None, {}):
        assert (bench.made[0].database, bench.made[0].settings.get("a")) == ("default", None)


def test_a_session_in_use_is_locked(bench: Bench) -> None:
    with (
        bench.sessions.borrow(KEY, None, {}),
        pytest.raises(ClickHouseError) as refusal,
        bench.sessions.borrow(KEY, None, {}),
    ):
        pytest.fail("two at once")
    assert refusal.value.name == "SESSION_IS_LOCKED"
    with bench.sessions.borrow(KEY, None, {}):
        assert len(bench.made) == 1


def test_a_session_ends_when_it_was_idle_for_its_timeout(bench: Bench) -> None:
    with bench.sessions.borrow(KEY, None, {}):
        bench.clock.now = 100.0
        bench.sessions.expire()
        assert not bench.made[0].closed, "it is in use"
    bench.clock.now = 109.9
    with bench.sessions.borrow(SessionKey("s", timeout=10, must_exist=True), None, {}):
        assert len(bench.made) == 1
    bench.clock.now = 119.9
    gone = SessionKey("s", must_exist=True)
    with pytest.raises(ClickHouseError) as refusal, bench.sessions.borrow(gone, None, {}):
        pytest.fail("it has ended")
    assert refusal.value.name == "SESSION_NOT_FOUND"
    assert bench.made[0].closed


def test_a_session_can_be_closed_by_its_last_request(bench: Bench) -> None:
    with bench.sessions.borrow(SessionKey("s", close_after=True), None, {}):
        assert not bench.made[0].closed
    assert bench.made[0].closed


def test_at_the_end_sessions_in_use_close_when_they_are_given_back(bench: Bench) -> None:
    with bench.sessions.borrow(SessionKey("idle"), None, {}):
        pass
    with bench.sessions.borrow(KEY, None, {}):
        bench.sessions.close()
        assert [made.closed for made in bench.made] == [True, False]
    assert [made.closed for made in bench.made] == [True, True]
