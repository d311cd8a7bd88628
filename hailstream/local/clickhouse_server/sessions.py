"""Sessions: engine connections that outlive a request, found again by ``session_id``."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from hailstream.local.clickhouse_server.engine import Connection, quote
from hailstream.local.clickhouse_server.errors import ClickHouseError

DEFAULT_TIMEOUT = 60
MAX_TIMEOUT = 3600


@dataclass(frozen=True)
class SessionKey:
    """What a request says about its session. Timeout in seconds after its last use."""

    name: str
    timeout: int = DEFAULT_TIMEOUT
    must_exist: bool = False
    close_after: bool = False


@dataclass
class _Session:
    connection: Connection
    expires: float
    database: str = "default"
    busy: bool = field(default=True)
    # Settings a SET of the session may have made its own; only then is a look-up needed to restore them.
    customised: bool = False


class Sessions:
    """The open sessions. One request at a time in each; idle ones end after their timeout."""

    def __init__(self, connect: Callable[[], Connection], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._open: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, key: SessionKey | None, database: str | None, settings: dict[str, str]) -> Iterator[Connection]:
        """A connection with ``database`` and ``settings`` in effect for this request only.

        Without a key it is a new one, closed afterwards.

        Raises:
            ClickHouseError: 372 no such session, 373 in use, 81 no such
                database, 115 no such setting.
        """
        if key is None:
            connection = self._connect()
            try:
                _prepare(connection, database, settings)
                yield connection
            finally:
                connection.close()
            return
        session = self._enter(key)
        try:
            with _restored(session, database, settings):
                yield session.connection
        finally:
            self._leave(key, session)

    def note(self, key: SessionKey | None, keyword: bytes) -> None:
        """Tell that a statement that may change the session was run in it."""
        if key is None or keyword not in (b"SET", b"USE"):
            return
        with self._lock:
            session = self._open.get(key.name)
        if session is None:  # the server is stopping
            return
        if keyword == b"SET":
            session.customised = True
        else:
            session.database = session.connection.scalar("SELECT currentDatabase()")

    def expire(self) -> None:
        """Close what has been idle for longer than its timeout."""
        now = self._clock()
        with self._lock:
            old = [name for name, session in self._open.items() if not session.busy and session.expires <= now]
            ended = [self._open.pop(name) for name in old]
        for session in ended:
            session.connection.close()

    def close(self) -> None:
        with self._lock:
            idle = [session for session in self._open.values() if not session.busy]
            self._open.clear()
        for session in idle:
            session.connection.close()

    def _enter(self, key: SessionKey) -> _Session:
        self.expire()
        with self._lock:
            if (session := self._open.get(key.name)) is not None:
                if session.busy:
                    raise ClickHouseError(
                        373, "SESSION_IS_LOCKED", f"Session {key.name} is locked by a concurrent client"
                    )
                session.busy = True
                return session
            if key.must_exist:
                raise ClickHouseError(372, "SESSION_NOT_FOUND", f"Session {key.name} not found")
            session = _Session(self._connect(), expires=0.0)
            self._open[key.name] = session
            return session

    def _leave(self, key: SessionKey, session: _Session) -> None:
        session.expires = self._clock() + key.timeout
        with self._lock:
            session.busy = False
            gone = self._open.get(key.name) is not session
            if key.close_after and not gone:
                del self._open[key.name]
                gone = True
        if gone:
            session.connection.close()


def _prepare(connection: Connection, database: str | None, settings: dict[str, str]) -> None:
    connection.set(settings)
    if database:
        connection.use(database)


@contextmanager
def _restored(session: _Session, database: str | None, settings: dict[str, str]) -> Iterator[None]:
    """Settings and database of a request end with it; what SET and USE said in the session stays."""
    connection = session.connection
    before = _own_settings(connection, settings) if session.customised else {}
    try:
        connection.set(settings)
        if database and database != session.database:
            connection.use(database)
        yield
    finally:
        for name in settings:
            # A setting the engine refused has nothing to restore.
            with suppress(ClickHouseError):
                connection.run(f"SET {name} = {quote(before[name]) if name in before else 'DEFAULT'}")
        if database and database != session.database:
            connection.use(session.database)


def _own_settings(connection: Connection, settings: dict[str, str]) -> dict[str, str]:
    if not settings:
        return {}
    names = ", ".join(quote(name) for name in settings)
    rows = connection.run(
        f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})", "JSONCompactEachRow"
    )
    return dict(json.loads(line) for line in rows.data.splitlines())
