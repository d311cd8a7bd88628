"""ZooKeeper, where JobManagers choose their leader and find the jobs of one that died.

Flink brings it along, for tests of its own: the same server under another
package name, so nothing needs to be downloaded.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from hailstream.local.java import java
from hailstream.local.server import CHECK_TIMEOUT, NotReadyError, Server
from hailstream.settings import LOOPBACK, Settings

MAIN = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain"
# The server allows sessions of 2 to 20 ticks.
TICK_MS = 1000
#: How long a dead JobManager is still taken for the leader.
SESSION = "10 s"


def high_availability(settings: Settings, folder: Path) -> dict[str, str | int | bool]:
    """Flink's configuration of it: what a JobManager leaves for the next one is below ``folder``."""
    return {
        "high-availability.type": "zookeeper",
        "high-availability.storageDir": (folder / "ha").as_uri(),
        "high-availability.zookeeper.quorum": f"{LOOPBACK}:{settings.zookeeper_port}",
        "high-availability.zookeeper.client.session-timeout": SESSION,
        "high-availability.zookeeper.client.connection-timeout": SESSION,
        # Else a free one each time.
        "high-availability.jobmanager.port": str(settings.flink_rpc_port),
    }


def server(
    settings: Settings,
    class_path: tuple[str, ...],
    logging: str,
    environment: Mapping[str, str],
    prepare: Callable[[], None],
) -> Server:
    """The embedded ZooKeeper.

    Args:
        class_path: Java's option for Flink's own libraries.
        logging: Java's option for the cluster's log4j configuration.
        environment: of Flink's programs.
        prepare: makes the class path.
    """
    data = settings.home_dir / "data" / "zookeeper"
    config = settings.home_dir / "run" / "zookeeper" / "zoo.cfg"
    lines = {
        "dataDir": data,
        "clientPortAddress": LOOPBACK,
        "clientPort": settings.zookeeper_port,
        "tickTime": TICK_MS,
        "admin.enableServer": "false",
        "autopurge.purgeInterval": 1,
    }

    def make_folders() -> None:
        prepare()
        data.mkdir(parents=True, exist_ok=True)

    options = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms32m", "-Xmx128m", "-XX:+ExitOnOutOfMemoryError")
    return Server(
        name="flink-zookeeper",
        command=(*java(*options, logging, "-Dzookeeper.jmx.log4j.disable=true", *class_path), MAIN, str(config)),
        ports={"HAILSTREAM_ZOOKEEPER_PORT": settings.zookeeper_port},
        data=data,
        check=lambda: check(settings),
        environment=environment,
        files={config: "".join(f"{name}={value}\n" for name, value in lines.items())},
        prepare=make_folders,
    )


def check(settings: Settings) -> None:
    """Raise NotReadyError unless the server tells of itself."""
    try:
        with socket.create_connection((LOOPBACK, settings.zookeeper_port), timeout=CHECK_TIMEOUT) as connection:
            connection.sendall(b"srvr")
            answer = connection.makefile("rb").read()
    except OSError as error:
        raise NotReadyError(f"nobody answers on port {settings.zookeeper_port}") from error
    if b"Mode: standalone" not in answer:
        raise NotReadyError("answers, but not as ZooKeeper")
