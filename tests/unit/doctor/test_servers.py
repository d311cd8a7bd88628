"""External servers are asked who they are."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from hailstream.doctor import Finding, Status
from hailstream.doctor.servers import check_servers
from hailstream.settings import Settings

Seen = list[dict[str, str]]


@contextmanager
def answering(bodies: dict[str, str], date: str | None = None) -> Iterator[tuple[str, Seen]]:
    """An HTTP server with an answer for each path; gives its address and the headers it saw."""
    seen: Seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            body = bodies.get(urlsplit(self.path).path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def findings(**settings: object) -> list[Finding]:
    return list(check_servers(Settings(**settings)))  # type: ignore[arg-type]


def test_without_external_servers_nobody_is_asked() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("kafka_bootstrap", "127.0.0.1:1"),
        ("registry_url", "http://127.0.0.1:1/apis/ccompat/v7"),
        ("redis_url", "redis://127.0.0.1:1/0"),
        ("clickhouse_url", "http://127.0.0.1:1"),
        ("flink_url", "http://127.0.0.1:1"),
    ],
)
def test_a_server_that_does_not_answer_is_an_error_that_names_the_setting(
    field: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hailstream.doctor.servers.SECONDS", 0.5)
    (found,) = findings(**{field: address})
    assert found.status is Status.ERROR
    assert f"HAILSTREAM_{field.upper()}" in found.action


@pytest.mark.parametrize(("version", "status"), [("26.9.2.1", Status.OK), ("23.3.1.2", Status.WARNING)])
def test_clickhouse_is_asked_with_the_users_credentials(version: str, status: Status) -> None:
    with answering({"": version, "/": version}) as (url, seen):
        (found,) = findings(clickhouse_url=url, clickhouse_username="joe", clickhouse_password="hush")  # noqa: S106
    assert (found.status, version in found.found) == (status, True)
    assert (seen[0]["x-clickhouse-user"], seen[0]["x-clickhouse-key"]) == ("joe", "hush")


@pytest.mark.parametrize(("level", "status"), [("BACKWARD", Status.OK), ("NONE", Status.WARNING)])
def test_a_registry_that_takes_any_schema_is_warned_of(level: str, status: Status) -> None:
    with answering({"/v7/config": json.dumps({"compatibilityLevel": level})}) as (url, seen):
        (found,) = findings(registry_url=f"{url}/v7", registry_username="joe", registry_password="hush")  # noqa: S106
    assert found.status is status
    assert seen[0]["authorization"] == "Basic " + base64.b64encode(b"joe:hush").decode()


@pytest.mark.parametrize(("version", "status"), [("2.3.0", Status.OK), ("2.30.0", Status.WARNING)])
def test_jobs_are_for_one_release_of_flink(version: str, status: Status) -> None:
    with answering({"/config": json.dumps({"flink-version": version})}) as (url, _):
        (found,) = findings(flink_url=url)
    assert found.status is status


def test_a_server_whose_clock_differs_is_warned_of() -> None:
    with answering({"": "26.9.2.1", "/": "26.9.2.1"}, date="Tue, 01 Jan 2013 00:00:00 GMT") as (url, _):
        warned = [f for f in findings(clickhouse_url=url) if f.status is Status.WARNING]
    assert ["clock" in f.found for f in warned] == [True]


def test_an_address_of_something_else_is_an_error_not_a_crash() -> None:
    with answering({"/config": "<html>hello</html>"}) as (url, _):
        found = findings(flink_url=url, registry_url=url, clickhouse_url=f"{url}/nothing")
    assert [f.status for f in found] == [Status.ERROR] * 3
