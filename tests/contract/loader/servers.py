"""Real servers for the loader's tests: started, killed and started again by a test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hailstream.local.server import NotReadyError, Server
from tests.stack import wait_until


class RunningServer:
    """A server of the embedded stack as a process of the test's own."""

    def __init__(self, server: Server, log: Path) -> None:
        self._server = server
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for path, text in self._server.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if self._server.prepare is not None:
            self._server.prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._server.command, stdout=log, stderr=log, env={**os.environ, **self._server.environment}
            )
        wait_until(self._answers, self._server.expiry, f"{self._server.name} does not answer, see {self._log}")
        if self._server.first_steps is not None:
            self._server.first_steps()

    def kill(self) -> None:
        """As by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._server.name} ended: {self._log.read_text()[-800:]}"
        try:
            self._server.check()
        except NotReadyError:
            return False
        return True
