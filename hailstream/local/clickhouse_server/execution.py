"""From a request to its answer: choose the engine call, keep the result moving."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hailstream.local.clickhouse_server import statement
from hailstream.local.clickhouse_server.answer import Answer
from hailstream.local.clickhouse_server.engine import Block, Connection, Counts, Engine, quote
from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.multipart import ExternalTable
from hailstream.local.clickhouse_server.request import QueryRequest
from hailstream.local.clickhouse_server.sessions import Sessions

# As much of a statement as is looked at to find the data behind it; the
# engine's own limit for a query's text (max_query_size).
_HEAD = 256 << 10
# Rows without a frame around them: blocks of these can be sent as they come.
_STREAMED = frozenset({
    "native", "rowbinary", "csv", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "raw", "lineasstring",
    "jsoneachrow", "jsonlines", "ndjson", "jsonstringseachrow", "jsoncompacteachrow", "jsoncompactstringseachrow",
})  # fmt: skip
# The statements that the engine gives out block by block.
_SELECTS = frozenset({b"SELECT", b"WITH", b"FROM"})


class Executor:
    """Runs requests; any number at a time, each in the thread that calls."""

    def __init__(self, engine: Engine, sessions: Sessions) -> None:
        self._engine = engine
        self._sessions = sessions
        self._running: set[str] = set()
        self._lock = threading.Lock()

    @property
    def running(self) -> int:
        return len(self._running)

    def start(self, request: QueryRequest) -> Answer:
        """The answer, with its first piece or its whole result ready.

        Raises:
            ClickHouseError: before anything of the answer is known.
        """
        with ExitStack() as stack:
            stack.enter_context(self._registered(request.query_id))
            settings = dict(request.settings)
            if request.stop_with_client:
                # The engine gives statements ids of its own: this is how to find it again.
                settings["log_comment"] = request.query_id
            connection = stack.enter_context(self._sessions.borrow(request.session, request.database, settings))
            for table in request.tables:
                stack.enter_context(_external(connection, table))
            answer = self._run(request, connection)
            # What it ran with is let go after the blocks are closed.
            resources = stack.pop_all()
            resources.push(answer.resources.pop_all())
            answer.resources = resources
            return answer

    def cancel(self, request: QueryRequest) -> None:
        """Stop the query of ``request`` if it only reads; it must have been started to stop with its client."""
        self._kill(f"query_kind = 'Select' AND Settings['log_comment'] = {quote(request.query_id)}")

    def cancel_all(self) -> None:
        """Stop every statement; their clients get the engine's error."""
        self._kill("1")

    def _kill(self, condition: str) -> None:
        connection = self._engine.connect()
        try:
            connection.run(f"KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' AND {condition} ASYNC")
        finally:
            connection.close()

    def _run(self, request: QueryRequest, connection: Connection) -> Answer:
        text = _text(request)
        head = _take(text, _HEAD)
        insert = statement.find_insert(head)
        if insert is None:
            # Not an INSERT with data, or one whose statement is longer than any should be: all of it is the text.
            head = b"".join((head, *text))
            insert = statement.find_insert(head) if len(head) > _HEAD else None
        if insert is not None:
            return self._insert(request, connection, insert, itertools.chain([head[insert.data_start :]], text))
        return self._query(request, connection, head)

    def _insert(
        self, request: QueryRequest, connection: Connection, insert: statement.Insert, data: Iterator[bytes]
    ) -> Answer:
        if request.read_only:
            raise _read_only()
        connection.set({f"param_{name}": value for name, value in request.params.items()})
        counts = connection.insert(insert, data)
        return _done(counts)

    def _query(self, request: QueryRequest, connection: Connection, sql: bytes) -> Answer:
        if statement.is_empty(sql):
            raise ClickHouseError(62, "SYNTAX_ERROR", "Syntax error: Empty query")
        count, only_reads = connection.statements(sql)
        if count > 1:
            raise ClickHouseError(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
        keyword = statement.first_keyword(sql)
        output = statement.result_format(sql) or request.output or "TabSeparated"
        if count == 1 and request.read_only and not only_reads and keyword not in (b"SET", b"USE"):
            raise _read_only()
        if only_reads and keyword in _SELECTS and output.lower() in _STREAMED and not _has_extra_blocks(request, sql):
            return _begun(request, output, connection.stream(sql, output, request.params))
        block = connection.run(sql, output, request.params)
        self._sessions.note(request.session, keyword)
        if not only_reads and not block.data:
            return _done(block.counts)
        return _begun(request, output, iter([block]))

    @contextmanager
    def _registered(self, query_id: str) -> Iterator[None]:
        with self._lock:
            if query_id in self._running:
                raise ClickHouseError(
                    216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", f"Query with id = {query_id} is already running"
                )
            self._running.add(query_id)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(query_id)


@contextmanager
def _external(connection: Connection, table: ExternalTable) -> Iterator[None]:
    connection.run(f"CREATE TEMPORARY TABLE {table.name} ({table.structure}) ENGINE = Memory")
    try:
        connection.insert(statement.Insert(f"INSERT INTO {table.name}".encode(), table.format), [table.data])
        yield
    finally:
        connection.run(f"DROP TEMPORARY TABLE {table.name}")


def _done(counts: Counts) -> Answer:
    answer = Answer(iter([Block(b"", counts)]), None)
    answer.hold(everything=True)
    return answer


def _begun(request: QueryRequest, output: str, blocks: Iterator[Block]) -> Answer:
    answer = Answer(blocks, output, request.accept_encoding)
    try:
        answer.hold(everything=request.whole_result_first)
    except BaseException:
        answer.close()
        raise
    return answer


def _text(request: QueryRequest) -> Iterator[bytes]:
    if request.query:
        yield request.query if request.body.size == 0 else request.query + b"\n"
    yield from request.body.pieces()


def _take(text: Iterator[bytes], enough: int) -> bytes:
    taken = bytearray()
    for piece in text:
        taken += piece
        if len(taken) >= enough:
            break
    return bytes(taken)


def _has_extra_blocks(request: QueryRequest, sql: bytes) -> bool:
    """Totals and extremes follow the rows; block by block they would follow each block."""
    return b"TOTALS" in sql.upper() or "extremes" in request.settings or b"EXTREMES" in sql.upper()


def _read_only() -> ClickHouseError:
    return ClickHouseError(
        164,
        "READONLY",
        "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
        "You should use method POST for modifying queries",
    )
