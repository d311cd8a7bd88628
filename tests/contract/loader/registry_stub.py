"""A schema registry of two requests in the test's own process: it can be taken away and brought back at will."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RegistryStub:
    """Registers schemas and gives them back by id, as Confluent's protocol has it."""

    def __init__(self) -> None:
        self.away = False
        self._ids: dict[str, int] = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                number = int(self.path.split("/schemas/ids/")[1].split("?")[0])
                text = next((t for t, i in stub._ids.items() if i == number), None)
                self._answer(200, {"schema": text}) if text else self._answer(404, {"error_code": 40403, "message": ""})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(200, {"id": stub.register(body["schema"])})

            def _answer(self, status: int, data: dict[str, Any]) -> None:
                if stub.away:
                    status, data = 503, {"error_code": 503, "message": "away"}
                text = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def register(self, text: str) -> int:
        return self._ids.setdefault(text, len(self._ids) + 1)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
