"""Answers as HTTP responses: whole ones, and those that are sent while they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anyio
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hailstream.local.clickhouse_server.answer import Answer
from hailstream.local.clickhouse_server.engine import Counts
from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.formats import content_type

#: Runs a blocking call in a thread.
InThread = Callable[..., Awaitable[Any]]
#: Called once with what became of the request.
Finished = Callable[[Counts, ClickHouseError | None], None]


class BrokenAnswer(Exception):
    """The engine failed after the status line had gone out: the connection is cut so that nobody takes it for whole."""


def answer_headers(answer: Answer) -> dict[str, str]:
    """The headers that speak of the answer. Counts of one that still runs are those so far, as from a server."""
    headers = {"X-ClickHouse-Summary": summary(answer.counts)}
    if answer.output is not None:
        headers |= {"X-ClickHouse-Format": answer.output, "Content-Type": content_type(answer.output)}
        if answer.encoding:
            headers["Content-Encoding"] = answer.encoding
    return headers


async def respond(
    answer: Answer,
    headers: Mapping[str, str],
    late_error: Callable[[ClickHouseError], bytes],
    run: InThread,
    done: Finished,
) -> Response:
    """The response to ``answer``, which is closed when the response has been sent or given up."""
    if not answer.complete:
        return _Stream(answer, headers, late_error, run, done)
    content = b"".join(answer.body)
    await run(answer.close)
    done(answer.counts, None)
    return Response(content, headers=dict(headers))


class _Stream(StreamingResponse):
    def __init__(
        self,
        answer: Answer,
        headers: Mapping[str, str],
        late_error: Callable[[ClickHouseError], bytes],
        run: InThread,
        done: Finished,
    ) -> None:
        self._answer = answer
        self._late_error = late_error
        self._run = run
        self._done = done
        self._failure: ClickHouseError | None = None
        super().__init__(self._pieces(), headers=headers)

    async def _pieces(self) -> AsyncIterator[bytes]:
        body = self._answer.body
        try:
            while (piece := await self._run(next, body, None)) is not None:
                if piece:
                    yield piece
        except ClickHouseError as error:
            self._failure = error
            yield self._answer.last_words(self._late_error(error))
            raise BrokenAnswer(error.text) from error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Also when the client has gone, perhaps before the first piece.
            with anyio.CancelScope(shield=True):
                await self._run(self._answer.close)
            self._done(self._answer.counts, self._failure)


def summary(counts: Counts) -> str:
    """X-ClickHouse-Summary: numbers as strings, as the server writes them."""
    values = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": counts.written_rows,
        "written_bytes": counts.written_bytes,
        "total_rows_to_read": counts.read_rows,
        "result_rows": counts.result_rows,
        "result_bytes": counts.result_bytes,
        "elapsed_ns": int(counts.elapsed * 1e9),
    }
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in values.items()) + "}"
