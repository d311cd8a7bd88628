"""Rebuilt rows put in the place of live ones, in one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.kappa.built import Built
from hailstream.kappa.compare import IN_SPAN, KEY, is_by_batch, months
from hailstream.loader.members import loaders_at_work
from hailstream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Say = Callable[[str], None]

_SINK: Final = "clickhouse"


def require_no_loader(settings: Settings) -> None:
    """Refuse while a loader writes: what it inserted between the copy and the swap would be lost.

    Raises:
        HailstreamError: one does.
    """
    at_work = loaders_at_work(_SINK, settings)
    if at_work:
        raise HailstreamError(
            f"the ClickHouse loader of namespace {settings.namespace} is at work ({', '.join(sorted(set(at_work)))}):"
            " what it inserts meanwhile would be lost, so nothing was swapped",
            hint="stop it, `hailstream kappa swap` with the same --job, and start it again: it goes on where it was",
        )


def swap(built: Built, settings: Settings, shadow: Settings, say: Say) -> int:
    """Make the table that is to be, with newer and older rows of the live one, and exchange the two.

    The old table stays in the shadow's database as ``<table>_before``.

    Returns:
        rows, versions counted each, that were copied from the live table.

    Raises:
        HailstreamError: a loader is at work, or ClickHouse fails. The live
            table is as it was then.
    """
    require_no_loader(settings)
    live, rebuilt, to_be, before = _tables(built.table, settings, shadow)
    with reachable(settings, database=settings.database) as client:
        for name in (to_be, before):
            client.command(f"DROP TABLE IF EXISTS {name} SYNC")
        client.command(f"CREATE TABLE {to_be} AS {live}")
        columns = _columns(client, built.table, settings)
        copied = 0
        for month in months(built.table, settings, shadow):
            say(f"{built.table}: copying {month // 100}-{month % 100:02}")
            copied += _copy(client, built, (live, rebuilt, to_be), columns, month)
        client.command(f"EXCHANGE TABLES {live} AND {to_be}")
        client.command(f"RENAME TABLE {to_be} TO {before}")
    return copied


def _tables(table: str, settings: Settings, shadow: Settings) -> tuple[str, str, str, str]:
    raw, beside = f"{table}_raw", f"`{shadow.database}`"
    return f"`{settings.database}`.{raw}", f"{beside}.{raw}", f"{beside}.{table}_to_be", f"{beside}.{table}_before"


def _columns(client: Client, table: str, settings: Settings) -> str:
    query = (
        "SELECT name FROM system.columns WHERE database = {database:String} AND table = {name:String} ORDER BY position"
    )
    rows = client.query(query, {"database": settings.database, "name": f"{table}_raw"}).result_rows
    return ", ".join(name for (name,) in rows)


def _copy(client: Client, built: Built, names: tuple[str, str, str], columns: str, month: int) -> int:
    live, rebuilt, to_be = names
    asked = {"begin": built.begin, "until": built.until, "month": month}
    of_month = "toYYYYMM(window_start) = {month:UInt32}"
    insert = f"INSERT INTO {to_be} ({columns})"
    # Of rows in the range: what the log does not make, and batch knows; tombstones too, or what they hide came back.
    kept = (
        f"{is_by_batch('version')} AND ({', '.join(KEY)}) NOT IN"
        f" (SELECT {', '.join(KEY)} FROM {rebuilt} WHERE {of_month} AND {IN_SPAN})"
    )
    # Equal blocks are no repetitions here.
    once = "SETTINGS insert_deduplicate = 0"
    client.command(f"{insert} SELECT {columns} FROM {rebuilt} WHERE {of_month} AND {IN_SPAN} {once}", asked)
    mine = f"{of_month} AND (NOT ({IN_SPAN}) OR ({kept}))"
    client.command(f"{insert} SELECT {columns} FROM {live} WHERE {mine} {once}", asked)
    return int(client.query(f"SELECT count() FROM {live} WHERE {mine}", asked).result_rows[0][0])
