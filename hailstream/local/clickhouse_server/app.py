"""The HTTP side: routes, what is checked before a query runs, one log line for each."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import string
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hailstream.local.clickhouse_server.answer import Answer
from hailstream.local.clickhouse_server.auth import Account, refuse_browsers
from hailstream.local.clickhouse_server.engine import Counts, Engine
from hailstream.local.clickhouse_server.errors import ClickHouseError, from_engine
from hailstream.local.clickhouse_server.execution import Executor
from hailstream.local.clickhouse_server.request import Body, QueryRequest, parse_parameters, read_request
from hailstream.local.clickhouse_server.response import answer_headers, respond

T = TypeVar("T")
log = logging.getLogger("hailstream.clickhouse")
# Statements that run at one time; further ones wait their turn. Pings do not.
CONCURRENT_STATEMENTS = 32


class Api:
    """ClickHouse's HTTP interface over an executor."""

    def __init__(self, engine: Engine, executor: Executor, account: Account) -> None:
        self._executor = executor
        self._account = account
        self._version = engine.version
        self._limit = anyio.CapacityLimiter(CONCURRENT_STATEMENTS)
        self._headers = {
            "X-ClickHouse-Server-Display-Name": socket.gethostname(),
            "X-ClickHouse-Timezone": engine.timezone,
        }

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "OPTIONS"]  # Starlette adds HEAD to GET
        return Starlette(
            routes=[
                Route("/ping", self.ping, methods=["GET"]),
                Route("/replicas_status", self.ping, methods=["GET"]),
                Route("/", self.query, methods=methods),
                Route("/query", self.query, methods=methods),
            ],
            exception_handlers={404: self.not_found},
        )

    async def ping(self, request: Request) -> Response:  # noqa: ARG002
        return PlainTextResponse("Ok.\n", media_type="text/html")

    async def not_found(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        text = f"There is no handle {request.url.path}. Use / or /ping for health checks, or POST queries to /\n"
        return PlainTextResponse(text, status_code=404)

    async def query(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        began = time.monotonic()
        body = Body(request.headers.get("content-encoding", ""))
        tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        headers = dict(self._headers) | {"X-ClickHouse-Exception-Tag": tag}

        def finished(counts: Counts, error: ClickHouseError | None, status: int = 200) -> None:
            body.close()
            _report(request, status, headers, began, counts, error)

        try:
            params = parse_parameters(request.scope["query_string"])
            self._check_sender(request, params)
            async for chunk in request.stream():
                body.write(chunk)
            if request.method in ("GET", "HEAD") and not body.size and not params.get("query"):
                body.close()
                return await self.ping(request)
            query = read_request(request.method, params, request.headers, body)
            headers["X-ClickHouse-Query-Id"] = query.query_id
            answer = await self._start(request, query)
        except ClickHouseError as error:
            return self._error(error, headers, finished)
        except ClientDisconnect:
            log.warning("the client left before its body was here; nothing was done")
            finished(Counts(), None, 499)
            return Response(status_code=499)
        except Exception as error:
            log.exception("unexpected failure")
            return self._error(from_engine(error), headers, finished)
        headers |= answer_headers(answer)
        return await respond(answer, headers, lambda error: self._late_error(error, tag), self._in_thread, finished)

    def _check_sender(self, request: Request, params: Mapping[str, str]) -> None:
        self._account.check(request.headers, params)
        if not self._account.password:
            refuse_browsers(request.headers)

    async def _start(self, request: Request, query: QueryRequest) -> Answer:
        """The answer's start. A query that is to stop with its client does so when the client goes away."""
        if not query.stop_with_client:
            return await self._in_thread(self._executor.start, query)

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            log.warning("%s: the client left, the query is cancelled", query.query_id)
            # Not one of the limited threads: they may all be busy with what is to be cancelled.
            await anyio.to_thread.run_sync(self._executor.cancel, query)

        watching = asyncio.create_task(watch())
        try:
            return await self._in_thread(self._executor.start, query)
        finally:
            watching.cancel()

    def _late_error(self, error: ClickHouseError, tag: str) -> bytes:
        """An error behind the first piece of a result, marked as the server marks it."""
        message = error.wire(self._version)
        size = len(message.encode())
        return f"\r\n__exception__\r\n{tag}\r\n{message}{size} {tag}\r\n__exception__\r\n".encode()

    def _error(self, error: ClickHouseError, headers: dict[str, str], finished: Callable[..., None]) -> Response:
        finished(Counts(), error, error.status)
        headers = headers | {"X-ClickHouse-Exception-Code": str(error.code)}
        if error.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        return PlainTextResponse(error.wire(self._version), status_code=error.status, headers=headers)

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limit)


def _report(
    request: Request,
    status: int,
    headers: Mapping[str, str],
    began: float,
    counts: Counts,
    error: ClickHouseError | None,
) -> None:
    """One line a request; neither its parameters nor its text, which may hold secrets."""
    log.log(
        logging.INFO if error is None else logging.WARNING,
        "%s %s %d %s %.0f ms, read %d, written %d, result %d rows%s",
        request.method,
        request.url.path,
        status,
        headers.get("X-ClickHouse-Query-Id", "-"),
        (time.monotonic() - began) * 1000,
        counts.read_rows,
        counts.written_rows,
        counts.result_rows,
        f"; {error.code} {error.name}" if error else "",
    )
