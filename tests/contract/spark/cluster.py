"""A standalone Spark cluster on loopback, as an operator starts one: a master and its workers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pyspark

from hailstream.local.apart import free_ports
from hailstream.settings import LOOPBACK

PATIENCE = 120.0
_DEPLOY = "org.apache.spark.deploy"


@contextmanager
def spark_cluster(folder: Path, java_home: Path, workers: int = 2) -> Iterator[str]:
    """Run it with its files in ``folder``; gives its address, ``spark://…``, when all workers have registered."""
    port, page, *ports = free_ports(2 + 2 * workers)
    master = f"spark://{LOOPBACK}:{port}"
    environment = os.environ | {
        "JAVA_HOME": str(java_home),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_DIRS": str(folder),
        # Its own way to find itself asks the first Python on the path.
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
    }
    with ExitStack() as running:
        _start(running, environment, folder / "master", f"{_DEPLOY}.master.Master", port, page)
        for number in range(workers):
            own = folder / f"worker{number}"
            name = f"{_DEPLOY}.worker.Worker"
            options = ("--cores", "1", "--memory", "1g", "--work-dir", str(own), master)
            _start(running, environment, own, name, *ports[2 * number : 2 * number + 2], *options)
        _wait(f"http://{LOOPBACK}:{page}/json/", workers, folder)
        yield master


def _start(
    running: ExitStack, environment: dict[str, str], folder: Path, name: str, port: int, page: int, *more: str
) -> None:
    folder.mkdir(parents=True)
    command = [str(Path(sys.executable).parent / "spark-class"), name, "--host", LOOPBACK]
    command += ["--port", str(port), "--webui-port", str(page), *more]
    log = running.enter_context((folder / "log").open("wb"))
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    running.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(url: str, workers: int, folder: Path) -> None:
    expiry = time.monotonic() + PATIENCE
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < expiry:
            try:
                if client.get(url).json()["aliveworkers"] == workers:
                    return
            except (httpx.HTTPError, ValueError):
                pass
            time.sleep(0.1)
    logs = "\n".join(path.read_text(errors="replace")[-1000:] for path in folder.glob("*/log"))
    raise AssertionError(f"no Spark cluster of {workers} workers at {url}:\n{logs}")
