"""The engine: one data folder, one process, any number of connections side by side."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from hailstream.errors import HailstreamError
from hailstream.local.clickhouse_server.errors import ClickHouseError, from_engine
from hailstream.local.clickhouse_server.spool import FOLDER, Spool
from hailstream.local.clickhouse_server.statement import Insert

LOCK_FILE = "server.lock"
# chDB starts its connections as clickhouse-local does; a server has the first three otherwise. Without the last the
# rows of one Parquet file come in another order each time, and no block of a repeated insert is known again.
_SERVER_DEFAULTS = (
    "SET implicit_select = 0, allow_introspection_functions = 0, storage_file_read_method = 'pread', "
    "input_format_parquet_preserve_order = 1"
)
# Names that chDB's Python layer would take as "give me a Python object".
_NOT_FORMATS = frozenset({"arrowtable", "dataframe", "datastore"})


@dataclass(frozen=True)
class Counts:
    """What a statement read and wrote, as far as the engine knows. Time in seconds."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Block:
    """A piece of a result, already in its output format."""

    data: bytes
    counts: Counts


def quote(value: str) -> str:
    """``value`` as an SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except ClickHouseError:
        raise
    except Exception as error:
        raise from_engine(error) from error


class Connection:
    """A session of the engine: settings, current database and temporary tables of its own.

    One statement at a time. Every failure is a :class:`ClickHouseError`.
    """

    def __init__(self, raw: Any, spool: Spool) -> None:
        self._raw = raw
        self._spool = spool
        self.run(_SERVER_DEFAULTS)

    def run(self, sql: str | bytes, output: str = "TabSeparated", params: Mapping[str, str] | None = None) -> Block:
        """Run one statement; the whole result is in memory."""
        with _engine_errors():
            return _block(self._raw.query(sql, _checked(output), params=dict(params or {})))

    def stream(self, sql: bytes, output: str, params: Mapping[str, str]) -> Iterator[Block]:
        """Run a query block by block: closing the iterator stops it.

        Each block is a complete document of its format, so only formats
        without a frame around their rows can be joined.
        """
        with _engine_errors():
            result = self._raw.send_query(sql, _checked(output), params=dict(params))
            try:
                while (piece := result.fetch()) is not None:
                    yield _block(piece)
            finally:
                result.close()

    def insert(self, insert: Insert, data: Iterable[bytes]) -> Counts:
        """Run ``insert`` over ``data``; nothing on failure of ``data``.

        By way of a file, because chDB's own way to stream an insert drops what
        fails behind the parser: a constraint, a full disk, too many parts.
        """
        with _engine_errors(), self._spool.hold(data) as file:
            done = self._raw.query(insert.reading(quote(file).encode()))
            rows, size = done.rows_written(), done.bytes_written()
            return Counts(rows, size, rows, size, rows, size, done.elapsed())

    def statements(self, sql: bytes) -> tuple[int, bool]:
        """How many statements ``sql`` is, and whether all only read; (0, False) if it cannot be parsed."""
        with _engine_errors():
            seen = self._raw._conn.classify_query(sql.decode())
            return seen["statement_count"], seen["query_class"].name == "READ_ONLY"

    def set(self, settings: Mapping[str, str]) -> None:
        if settings:
            self.run("SET " + ", ".join(f"{_identifier(name)} = {quote(value)}" for name, value in settings.items()))

    def use(self, database: str) -> None:
        escaped = database.replace("\\", "\\\\").replace("`", "\\`")
        self.run(f"USE `{escaped}`")

    def scalar(self, sql: str) -> str:
        return self.run(sql, "TabSeparatedRaw").data.decode().rstrip("\n")

    def close(self) -> None:
        self._raw.close()


class Engine:
    """The tables in ``path``, opened for this process alone.

    Raises:
        HailstreamError: another server has the folder open, or it cannot be
            written or opened.
    """

    def __init__(self, path: Path, *, memory_limit: int = 0) -> None:
        self._path = path
        self._lock = _take(path)
        self._spool = _spool(path)
        self._target = f"{path}?max_server_memory_usage={memory_limit}" if memory_limit else str(path)
        try:
            # Kept open: the engine shuts down with its last connection.
            self._root = self.connect()
        except ClickHouseError as error:
            raise HailstreamError(
                f"{path}: the engine cannot open this folder: {error.text}",
                hint="move the folder away to start with an empty one",
            ) from error
        self.version = self._root.scalar("SELECT version()")
        self.timezone = self._root.scalar("SELECT timezone()")

    def connect(self) -> Connection:
        import chdb

        with _engine_errors():
            return Connection(chdb.connect(self._target), self._spool)

    def close(self) -> None:
        """Let the engine finish what it writes, and free the folder."""
        self._root.close()
        os.close(self._lock)


def _take(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HailstreamError(
            f"{path}: cannot use this folder: {error.strerror}", hint="choose a folder you may write to"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(handle, 32, 0).decode(errors="replace").strip()
        os.close(handle)
        raise HailstreamError(
            f"{path} is already served by another process" + (f" (pid {owner})" if owner else ""),
            hint="stop that one first, or choose another folder",
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _spool(path: Path) -> Spool:
    try:
        return Spool(path / FOLDER)
    except OSError as error:
        raise HailstreamError(
            f"{path / FOLDER}: cannot use this folder: {error.strerror}", hint="it must hold nothing but files of ours"
        ) from error


def _checked(output: str) -> str:
    if output.lower() in _NOT_FORMATS:
        raise ClickHouseError(73, "UNKNOWN_FORMAT", f"Unknown format {output}")
    return output


def _identifier(name: str) -> str:
    if not name.isascii() or not name.isidentifier():
        raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
    return name


def _block(result: Any) -> Block:
    data: bytes = result.bytes()
    counts = Counts(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read() or result.rows_written(),
        result_bytes=result.bytes_read() or result.bytes_written(),
        elapsed=result.elapsed(),
    )
    return Block(data, counts)
