"""Two ways to ask a ClickHouse server, with one face: every case runs through both."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError


@dataclass(frozen=True)
class Target:
    """Where the server is, and as whom to ask."""

    url: str
    user: str
    password: str

    def http(self, **params: str) -> httpx.Client:
        headers = {"X-ClickHouse-User": self.user, "X-ClickHouse-Key": self.password}
        return httpx.Client(base_url=self.url, headers=headers, params=params, timeout=120)

    def connect(self, **options: Any) -> Client:
        url = httpx.URL(self.url)
        options = {"username": self.user, "password": self.password, "compress": "lz4"} | options
        return clickhouse_connect.get_client(
            host=url.host, port=url.port or 8123, secure=url.scheme == "https", **options
        )


def summary(response: httpx.Response) -> dict[str, int]:
    return {name: int(value) for name, value in json.loads(response.headers["X-ClickHouse-Summary"]).items()}


def run(http: httpx.Client, sql: str) -> str:
    response = http.post("/", content=sql)
    assert response.status_code == 200, response.text
    return response.text


class Refused(Exception):
    """The server answered with an exception; ``code`` is ClickHouse's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Asking(Protocol):
    def rows(
        self, sql: str, *, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[list[Any]]:
        """The result of a query; raises Refused."""

    def do(self, sql: str, *, settings: Mapping[str, Any] | None = None) -> None:
        """Run a statement without a result; raises Refused."""

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        """Insert rows; how many the server says it wrote. Raises Refused."""


class ByHttpx:
    """SQL in the body, parameters in the URL."""

    def __init__(self, target: Target, database: str) -> None:
        self._http = target.http(database=database)

    def post(self, content: str | bytes, settings: Mapping[str, Any] | None = None) -> httpx.Response:
        response = self._http.post("/", content=content, params=dict(settings or {}))
        if response.status_code != 200 or "X-ClickHouse-Exception-Code" in response.headers:
            raise Refused(int(response.headers["X-ClickHouse-Exception-Code"]), response.text)
        return response

    def rows(
        self, sql: str, *, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[list[Any]]:
        bound = {f"param_{name}": str(value) for name, value in (params or {}).items()}
        numbers = {"output_format_json_quote_64bit_integers": 0, "default_format": "JSONCompactEachRow"}
        response = self.post(sql, {**numbers, **bound, **(settings or {})})
        return [json.loads(line) for line in response.text.splitlines()]

    def do(self, sql: str, *, settings: Mapping[str, Any] | None = None) -> None:
        assert self.post(sql, settings).text == ""

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        response = self.post(f"INSERT INTO {table} ({', '.join(columns)}) FORMAT CSV\n{text.getvalue()}", settings)
        return int(json.loads(response.headers["X-ClickHouse-Summary"])["written_rows"])


class ByClickHouseConnect:
    """The client library: Native both ways, lz4, a session."""

    def __init__(self, target: Target, database: str) -> None:
        self._client = target.connect(database=database)

    def rows(
        self, sql: str, *, params: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[list[Any]]:
        try:
            result = self._client.query(sql, parameters=dict(params or {}), settings=dict(settings or {}))
        except DatabaseError as error:
            raise _refused(error) from error
        return [list(row) for row in result.result_rows]

    def do(self, sql: str, *, settings: Mapping[str, Any] | None = None) -> None:
        try:
            self._client.command(sql, settings=dict(settings or {}))
        except DatabaseError as error:
            raise _refused(error) from error

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        try:
            summary = self._client.insert(table, rows, column_names=list(columns), settings=dict(settings or {}))
        except DatabaseError as error:
            raise _refused(error) from error
        return int(summary.written_rows)


def _refused(error: DatabaseError) -> Refused:
    code = error.code
    assert code is not None, error
    return Refused(int(code), str(error))
