"""The process: port, folder, signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from hailstream.errors import HailstreamError
from hailstream.local.clickhouse_server.app import Api
from hailstream.local.clickhouse_server.auth import Account
from hailstream.local.clickhouse_server.engine import Engine
from hailstream.local.clickhouse_server.execution import Executor
from hailstream.local.clickhouse_server.response import BrokenAnswer
from hailstream.local.clickhouse_server.sessions import Sessions

log = logging.getLogger("hailstream.clickhouse")
# How long running statements may go on after SIGTERM, in seconds; then they are cancelled.
GRACE = 4
_CANCEL_GRACE = 3
_SESSION_SWEEP = 5.0


def serve(path: Path, host: str, port: int, account: Account, *, memory_limit: int = 0) -> None:
    """Serve ``path`` until SIGTERM or SIGINT; returns when all is closed.

    Raises:
        HailstreamError: the port or the folder is taken or cannot be used.
    """
    listener = _listen(host, port)
    with listener:
        engine = Engine(path, memory_limit=memory_limit)
        sessions = Sessions(engine.connect)
        executor = Executor(engine, sessions)
        try:
            asyncio.run(_run(Api(engine, executor, account), executor, sessions, listener))
        finally:
            stuck = executor.running
            sessions.close()
            engine.close()
            log.info("stopped" if not stuck else f"stopped, {stuck} statements could not be ended")
            if stuck:
                # Their threads would keep the process alive. Nothing acknowledged depends on them.
                logging.shutdown()
                os._exit(0)


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would send them on to this process when done, and end it before we have closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(api: Api, executor: Executor, sessions: Sessions, listener: socket.socket) -> None:
    config = uvicorn.Config(
        api.app(),
        log_config=None,
        access_log=False,  # it would write query texts and passwords
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE + _CANCEL_GRACE,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=1 << 20,
    )
    address, port = listener.getsockname()[:2]
    log.info("serving on http://%s:%d", address, port)
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not server.should_exit:
            server.should_exit = True
            loop.call_later(GRACE, lambda: loop.run_in_executor(None, executor.cancel_all))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    sweep = asyncio.create_task(_sweep(sessions))
    try:
        await server.serve(sockets=[listener])
    finally:
        sweep.cancel()


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(_SESSION_SWEEP)
        await asyncio.to_thread(sessions.expire)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise HailstreamError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another port, or stop what uses this one"
        ) from error
    return listener


class HideBrokenAnswers(logging.Filter):
    """An answer that was cut on purpose has its own line already."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], BrokenAnswer))
