"""What has been rebuilt and waits to be swapped: a table beside the rebuilt ones says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_TABLE: Final = "rebuilt"


@dataclass(frozen=True)
class Built:
    """Rows of a table that were rebuilt.

    Attributes:
        table: name of its view.
        begin, until: ends of their windows lie in (begin, until].
        generation: of the definition.
    """

    table: str
    begin: datetime
    until: datetime
    generation: int


def find_built(table: str, shadow: Settings, begin: datetime | None) -> Built:
    """The rows that a job has made in the shadow's tables, and is sure of.

    All windows up to the newest row are there: a job that is stopped has one watermark everywhere.

    Args:
        begin: as it was asked for; None: just before the first row.

    Raises:
        HailstreamError: it has made none.
    """
    begins = "min(window_end) - INTERVAL 1 MILLISECOND" if begin is None else "{begin:DateTime64(3, 'UTC')}"
    query = f"SELECT count(), {begins}, max(window_end) FROM {table}"
    if begin is not None:
        query += " WHERE window_end > {begin:DateTime64(3, 'UTC')}"
    with reachable(shadow, database=shadow.database) as client:
        [(rows, first, last)] = client.query(query, {"begin": begin}).result_rows
    if not rows:
        raise HailstreamError(
            f"the log closes no window of {table}{'' if begin is None else f' after {begin:%Y-%m-%d %H:%M}'}",
            hint="windows close by newer events or heartbeats in every partition; HAILSTREAM_HORIZON as live?",
        )
    return Built(table, first, last, shadow.generation)


def keep_built(built: Built, shadow: Settings) -> None:
    """Say that they wait to be swapped."""
    with reachable(shadow, database=shadow.database) as client:
        client.command(
            f"CREATE OR REPLACE TABLE {_TABLE} (`table` String, begin DateTime64(3, 'UTC'),"
            " until DateTime64(3, 'UTC'), generation UInt16) ENGINE = MergeTree ORDER BY `table`"
        )
        row = [built.table, built.begin, built.until, built.generation]
        client.insert(_TABLE, [row], column_names=["table", "begin", "until", "generation"])


def read_built(table: str, shadow: Settings) -> Built:
    """What waits to be swapped.

    Raises:
        HailstreamError: nothing of that table does.
    """
    with reachable(shadow, database="default") as client:
        there = _there(client, shadow)
        rows = client.query(f"SELECT * FROM `{shadow.database}`.{_TABLE}").result_rows if there else []
    for row in rows:
        if row[0] == table:
            return Built(*row)
    raise HailstreamError(
        f"nothing of {table} has been rebuilt in namespace {shadow.namespace}",
        hint=f"`hailstream kappa rebuild --job {table}` first",
    )


def forget_built(shadow: Settings) -> None:
    """It has been swapped."""
    with reachable(shadow, database=shadow.database) as client:
        client.command(f"DROP TABLE IF EXISTS {_TABLE}")


def _there(client: Client, shadow: Settings) -> bool:
    query = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {name:String}"
    return bool(client.query(query, {"database": shadow.database, "name": _TABLE}).result_rows[0][0])
