"""One writer at a time, on whatever machine: a table in ClickHouse that is made or is there already."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from hailstream.clickhouse import TABLE_EXISTS, reachable
from hailstream.errors import HailstreamError
from hailstream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_TABLE: Final = "batch_lock"
_BEAT_SECONDS: Final = 20.0
#: A lock whose owner has said nothing for so long was left behind by a process that died.
_STALE_SECONDS: Final = 90


@contextmanager
def alone(job: str, settings: Settings) -> Iterator[None]:
    """Hold the lock of the settings' database; its owner says every 20 seconds that it lives.

    Raises:
        HailstreamError: another process holds it, or ClickHouse cannot be reached.
    """
    owner = f"{job} on {socket.gethostname()}, process {os.getpid()}"
    with reachable(settings, database=settings.database) as client:
        _acquire(client, owner)
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(settings, owner, ended), name="batch-lock", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
        # A server that is away now finds the lock stale when it is back.
        with suppress(HailstreamError), reachable(settings, database=settings.database) as client:
            client.command(f"DROP TABLE IF EXISTS {_TABLE}")


def _acquire(client: Client, owner: str) -> None:
    from clickhouse_connect.driver.exceptions import DatabaseError

    for attempt in (1, 2):
        try:
            client.command(
                f"CREATE TABLE {_TABLE} (owner String, at DateTime64(3, 'UTC') DEFAULT now64(3))"
                " ENGINE = MergeTree ORDER BY at"
            )
        except DatabaseError as error:
            if error.code != TABLE_EXISTS:
                raise
        else:
            client.insert(_TABLE, [[owner]], column_names=["owner"])
            return
        [(holder, silent)] = client.query(
            f"SELECT argMax(owner, at), dateDiff('second', max(at), now64(3)) FROM {_TABLE}"
        ).result_rows
        if silent <= _STALE_SECONDS or attempt == 2:
            raise HailstreamError(
                f"another batch job writes to {client.database}: {holder or 'it has just begun'}",
                hint=f"wait for it; if it was killed, its lock is free {_STALE_SECONDS} s after its death",
            )
        client.command(f"DROP TABLE IF EXISTS {_TABLE}")


def _beat(settings: Settings, owner: str, ended: threading.Event) -> None:
    while not ended.wait(_BEAT_SECONDS):
        with suppress(HailstreamError), reachable(settings, database=settings.database) as client:
            client.insert(_TABLE, [[owner]], column_names=["owner"])
