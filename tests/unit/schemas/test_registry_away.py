from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports
from hailstream.schemas_registry import Registry
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED

LATEST = {"subject": "s", "id": 7, "version": 2, "schema": '{"type": "record", "name": "X", "fields": []}'}


class _Answers(BaseHTTPRequestHandler):
    script: list[tuple[int, object]]

    def do_GET(self) -> None:
        status, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[tuple[str, list[tuple[int, object]]]]:
    script: list[tuple[int, object]] = []
    handler = type("Handler", (_Answers,), {"script": script})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(url: str) -> Settings:
    return Settings(_env_file=None, registry_url=url)


def test_a_registry_that_is_away_is_waited_for_and_said_once(answers: tuple[str, list[tuple[int, object]]]) -> None:
    url, script = answers
    script += [(503, {}), (502, {}), (200, LATEST)]
    said: list[str] = []
    newest = Registry(settings(url), say=said.append).latest(TRIPS_STARTED)
    assert newest is not None
    assert newest[:2] == (7, 2)
    assert len(said) == 2
    assert "away" in said[0]
    assert "back" in said[1]


def test_a_registry_that_stays_away_is_an_error_once_the_wait_is_over() -> None:
    (port,) = free_ports(1)
    said: list[str] = []
    with pytest.raises(HailstreamError, match=f"127.0.0.1:{port} did not answer within 0.1 s"):
        Registry(settings(f"http://127.0.0.1:{port}"), wait=0.1, say=said.append).latest(TRIPS_STARTED)
    assert len(said) == 1


def test_a_registry_that_says_no_is_not_asked_again(answers: tuple[str, list[tuple[int, object]]]) -> None:
    url, script = answers
    script += [(401, {"error_code": 40101, "message": "who are you"}), (200, LATEST)]
    with pytest.raises(HailstreamError, match="who are you"):
        Registry(settings(url), say=lambda _: None).latest(TRIPS_STARTED)
    assert len(script) == 1
