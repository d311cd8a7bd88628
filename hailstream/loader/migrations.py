"""The ClickHouse schema: numbered SQL files, each applied once and never changed afterwards."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_random

from hailstream.clickhouse import TABLE_EXISTS
from hailstream.errors import HailstreamError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

log = logging.getLogger(__name__)

MIGRATIONS_DIR = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
# A lock older than this was left behind by a process that died.
LOCK_SECONDS = 60
# How much longer one waits for a lock than it takes to count as left behind.
PATIENCE_SECONDS = 60

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations
(
    number     UInt16,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True)
class Migration:
    """One SQL file.

    Attributes:
        checksum: of the file's text; a change after it was applied is refused.
        statements: each may be repeated without harm, because a process can die
            between the statements and the record that they ran.
    """

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


def read_migrations(folder: Path = MIGRATIONS_DIR) -> list[Migration]:
    """All migrations in order.

    Raises:
        HailstreamError: a file is not named like ``0001_name.sql``, or a number is missing or doubled.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if not match:
            raise HailstreamError(f"migration {path.name} is not named like 0001_name.sql")
        text = path.read_text(encoding="utf-8")
        statements = tuple(split_statements(text))
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match[1]), match[2], checksum, statements))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise HailstreamError(f"migrations in {folder} are not numbered 1, 2, 3, ...: {[m.number for m in found]}")
    return found


def split_statements(text: str) -> Iterator[str]:
    """The statements of a migration: each ends with a line, no comment, that ends with a semicolon."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";") and not line.lstrip().startswith("--"):
            yield "\n".join(lines).strip().removesuffix(";")
            lines = []
    if any(line.strip() and not line.lstrip().startswith("--") for line in lines):
        yield "\n".join(lines).strip()


def migrate(client: Client, database: str, folder: Path = MIGRATIONS_DIR) -> list[Migration]:
    """Brings the database to the newest schema; returns the migrations that were applied now.

    Two processes may do this at once: one applies, the other waits for it.
    Nothing is written, and no right to write asked for, when all are applied.

    Raises:
        HailstreamError: a migration that is already applied has changed, or
            another process holds the lock and does not finish.
        clickhouse_connect.driver.exceptions.Error: the server is away or refuses a statement.
    """
    migrations = read_migrations(folder)
    client.database = None
    if not int(client.command("SELECT count() FROM system.databases WHERE name = {db:String}", {"db": database})):
        client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    client.database = database
    if not _pending(client, migrations):
        return []
    with _lock(client):
        # Another process may have applied some since.
        pending = _pending(client, migrations)
        client.command(_TABLE)
        for migration in pending:
            for statement in migration.statements:
                client.command(statement)
            client.insert(
                "migrations",
                [[migration.number, migration.name, migration.checksum]],
                column_names=["number", "name", "checksum"],
            )
            log.info("applied migration %04d %s to %s", migration.number, migration.name, database)
    return pending


def _pending(client: Client, migrations: list[Migration]) -> list[Migration]:
    exists = int(client.command("EXISTS TABLE migrations"))
    rows = client.query("SELECT number, checksum FROM migrations").result_rows if exists else []
    applied = dict(rows)
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise HailstreamError(
                f"migration {migration.number:04d}_{migration.name}.sql was changed after it was applied "
                f"to {client.database}",
                hint="restore the file and put the change into a new migration",
            )
    unknown = applied.keys() - {m.number for m in migrations}
    if unknown:
        log.warning("%s has migrations %s of a newer version of this program", client.database, sorted(unknown))
    return [m for m in migrations if m.number not in applied]


@contextmanager
def _lock(client: Client) -> Iterator[None]:
    """Held by one process at a time: creating a table either succeeds or says that it exists."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    owner = f"{socket.gethostname()} {os.getpid()}"

    def acquire() -> bool:
        try:
            client.command(f"CREATE TABLE migrations_lock (x UInt8) ENGINE = TinyLog COMMENT '{owner}'")
            return True
        except DatabaseError as error:
            if error.code != TABLE_EXISTS:
                raise
        age = client.command(
            "SELECT dateDiff('second', metadata_modification_time, now()) FROM system.tables "
            "WHERE database = currentDatabase() AND name = 'migrations_lock'"
        )
        if str(age).isdigit() and int(str(age)) > LOCK_SECONDS:
            log.warning("removing a migration lock that is %s s old", age)
            client.command("DROP TABLE IF EXISTS migrations_lock")
        return False

    try:
        Retrying(
            retry=retry_if_not_result(lambda got: got),
            wait=wait_random(0.1, 0.5),
            stop=stop_after_delay(LOCK_SECONDS + PATIENCE_SECONDS),
            retry_error_callback=_give_up,
        )(acquire)
    except TimeoutError:
        raise HailstreamError(
            f"another process has been migrating {client.database} for {LOCK_SECONDS + PATIENCE_SECONDS} s",
            hint="if none is running: DROP TABLE migrations_lock",
        ) from None
    try:
        yield
    finally:
        client.command("DROP TABLE IF EXISTS migrations_lock")


def _give_up(_: object) -> None:
    raise TimeoutError
