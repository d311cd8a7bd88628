"""Connections to ClickHouse, and what its errors mean to a caller."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hailstream.errors import HailstreamError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from hailstream.settings import Settings

CONNECT_SECONDS = 5
REQUEST_SECONDS = 60

# The errors that a row can cause: wrong value, wrong type, broken constraint,
# unreadable block. Whatever is not listed is taken to be the server's trouble
# and is tried again, because a retry loses nothing and a rejection does.
_DATA_ERRORS = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        25,  # CANNOT_PARSE_ESCAPE_SEQUENCE
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        33,  # CANNOT_READ_ALL_DATA
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)
TABLE_EXISTS = 57
_AUTHENTICATION = frozenset({192, 193, 194, 516})


def connect(settings: Settings, *, database: str | None = None) -> Client:
    """A client of the configured server, without session, for one thread.

    Args:
        settings: address, credentials and certificate.
        database: default database of the statements; it need not exist yet.

    Raises:
        HailstreamError: the address makes no sense or credentials were refused.
        clickhouse_connect.driver.exceptions.Error: the server cannot be reached.
    """
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import DatabaseError

    address = urlsplit(settings.clickhouse_address)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise HailstreamError(
            "HAILSTREAM_CLICKHOUSE_URL is not an http:// or https:// address",
            hint="e.g. https://clickhouse.example.org:8443",
            exit_code=2,
        )
    # What it would log, it also raises.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    secure = address.scheme == "https"
    try:
        client = clickhouse_connect.get_client(
            host=address.hostname,
            port=address.port or (8443 if secure else 8123),
            interface=address.scheme,
            proxy_path=address.path,
            username=settings.clickhouse_username,
            password=settings.clickhouse_password.get_secret_value(),
            ca_cert=str(settings.clickhouse_ca_file) if settings.clickhouse_ca_file else None,
            # One statement at a time needs no session, and a session would
            # refuse a second statement while the first still runs.
            autogenerate_session_id=False,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=REQUEST_SECONDS,
            # Its retries would hide the state of the server; the callers have their own.
            query_retries=0,
            client_name="hailstream",
        )
    except DatabaseError as error:
        if error.code in _AUTHENTICATION:
            raise HailstreamError(
                f"ClickHouse at {address.hostname} refused user {settings.clickhouse_username!r}",
                hint="set HAILSTREAM_CLICKHOUSE_USERNAME and HAILSTREAM_CLICKHOUSE_PASSWORD",
            ) from None
        raise
    if database is not None:
        # After connecting: the constructor would fail on a database that does not exist yet.
        client.database = database
    return client


@contextmanager
def reachable(settings: Settings, *, database: str | None = None) -> Iterator[Client]:
    """A client for one piece of work, closed afterwards, with errors that a person can act on.

    Raises:
        HailstreamError: the server cannot be reached, or refused a statement.
    """
    from clickhouse_connect.driver.exceptions import ClickHouseError
    from urllib3.exceptions import HTTPError

    try:
        client = connect(settings, database=database)
        try:
            yield client
        finally:
            client.close()
    except (ClickHouseError, HTTPError, OSError) as error:
        raise away(settings, error) from None


def is_about_data(error: Exception) -> bool:
    """Whether a row of the insert caused ``error``; False when the server or the way to it did."""
    return getattr(error, "code", None) in _DATA_ERRORS


def first_line(error: Exception) -> str:
    """The server's sentence without stack and version, for people."""
    text = str(error).strip() or type(error).__name__
    lines = [line for line in text.splitlines() if line.strip()]
    sentence = next((line for line in lines if "DB::Exception" in line), lines[0])
    if refused := re.search(r"\[Errno -?\d+\] [^\"')]+", sentence):
        return refused[0]
    sentence = sentence.split("DB::Exception: ", 1)[-1].split(" (version", 1)[0]
    # A syntax error goes on with every word that would have been right.
    return sentence.split(" Expected one of:", 1)[0].strip()[:500]


def away(settings: Settings, error: Exception) -> HailstreamError:
    """The error to show when the server cannot be reached, or cannot do what it is asked."""
    if getattr(error, "code", None) is not None:
        return HailstreamError(f"ClickHouse at {settings.clickhouse_address} cannot do it: {first_line(error)}")
    return HailstreamError(
        f"ClickHouse at {settings.clickhouse_address} cannot be reached: {first_line(error)}",
        hint="`hailstream up` starts the embedded one; HAILSTREAM_CLICKHOUSE_URL names another",
    )
