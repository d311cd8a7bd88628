"""The Kafka broker: one KRaft node that is its own controller."""

from __future__ import annotations

import subprocess
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from hailstream.errors import HailstreamError
from hailstream.local.jars import Jars
from hailstream.local.java import console_logging, java
from hailstream.local.server import CHECK_TIMEOUT, NotReadyError, Server, Service, check_open
from hailstream.settings import LOOPBACK, Settings

# One node has one cluster for ever: a fixed id spares a question at formatting.
CLUSTER_ID = "hailstreamAAAAAAAAAAAA"
HEAP = "512m"


def properties(settings: Settings, data: Path) -> dict[str, str]:
    """``server.properties``: nothing expires by time, one replica of everything, loopback only."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{settings.kafka_port},"
        f"CONTROLLER://{LOOPBACK}:{settings.kafka_controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{settings.kafka_port},"
        f"CONTROLLER://{LOOPBACK}:{settings.kafka_controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{settings.kafka_controller_port}",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        # Retention works on record timestamps, which here are event times of any year.
        "log.retention.ms": "-1",
        "log.retention.bytes": "-1",
        "offsets.retention.minutes": str(365 * 24 * 60),
        # A group of consumers need not wait for members that will not come.
        "group.initial.rebalance.delay.ms": "0",
        # Flink's producers ask for 15 minutes.
        "transaction.max.timeout.ms": str(15 * 60 * 1000),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # One node: one replica; few partitions start faster.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # After a kill the node is let in again as soon as its old session is over.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
    }


def server(settings: Settings, jars: Jars) -> Server:
    """The embedded broker."""
    home = settings.home_dir
    data = home / "data" / "kafka"
    config = home / "run" / "kafka" / "server.properties"
    logging = home / "run" / "kafka" / "log4j2.properties"
    # The broker's partition and index tables are outside the heap.
    command = java(
        f"-Xms{HEAP}",
        f"-Xmx{HEAP}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={logging}",
        *settings.java_options.split(),
        "-cp",
        f"{jars.kafka}/*",
    )
    return Server(
        name="kafka",
        command=(*command, "kafka.Kafka", str(config)),
        ports={
            "HAILSTREAM_KAFKA_PORT": settings.kafka_port,
            "HAILSTREAM_KAFKA_CONTROLLER_PORT": settings.kafka_controller_port,
        },
        data=data,
        check=lambda: check(settings),
        files={
            config: "".join(f"{key}={value}\n" for key, value in properties(settings, data).items()),
            logging: console_logging({"org.apache.kafka.storage.internals.log": "WARN", "state.change.logger": "WARN"}),
        },
        prepare=lambda: _format(data, config, jars),
        stop_wait=20,
    )


def _format(data: Path, config: Path, jars: Jars) -> None:
    """Format the storage once."""
    if (data / "meta.properties").is_file():
        return
    data.mkdir(parents=True, exist_ok=True)
    options = java("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{jars.kafka}/*", "kafka.tools.StorageTool")
    done = subprocess.run(
        [*options, "format", "--standalone", "--ignore-formatted", "-t", CLUSTER_ID, "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise HailstreamError(
            f"cannot format Kafka's storage in {data}: {(done.stderr or done.stdout).strip()[-400:]}",
            hint="is the disk full or not writable?",
        )


def check(settings: Settings) -> None:
    """Raise NotReadyError unless the broker hands out metadata and lists its topics."""
    if settings.kafka_bootstrap is None:
        check_open(settings.kafka_port)
    try:
        metadata = AdminClient({**settings.kafka_config(), "log_level": 0}).list_topics(timeout=CHECK_TIMEOUT)
    except KafkaException as error:
        raise NotReadyError(f"no metadata: {error.args[0].str()}") from error
    if not metadata.brokers:
        raise NotReadyError("no broker has registered yet")


SERVICE = Service(
    name="kafka",
    external=lambda settings: settings.kafka_bootstrap,
    check=check,
    servers=lambda settings, jars: (server(settings, jars),),
)
