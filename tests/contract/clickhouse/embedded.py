"""The embedded server as a process of its own, as the stack starts it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

UP_WITHIN = 90.0
DOWN_WITHIN = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(path: Path, port: int, *options: str) -> list[str]:
    module = "hailstream.local.clickhouse_server"
    return [sys.executable, "-m", module, "--path", str(path), "--port", str(port), *options]


@dataclass
class Embedded:
    """One folder, served by one process after another."""

    path: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log_file.read_text()

    @property
    def _log_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.log")

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        size: int = psutil.Process(self.process_id).memory_info().rss
        return size

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(command(self.path, self.port, *self.options), stderr=log)
        attempts = Retrying(
            stop=stop_after_delay(UP_WITHIN),
            wait=wait_fixed(0.05),
            retry=retry_if_exception_type(httpx.HTTPError),
            reraise=True,
        )
        for attempt in attempts:
            with attempt:
                assert self._process.poll() is None, self.log
                assert httpx.get(f"{self.url}/ping").text == "Ok.\n"

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(DOWN_WITHIN)

    def terminate(self) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(DOWN_WITHIN)

    def stop(self) -> None:
        """For the end of a test: whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
