"""Configuration of the embedded Flink cluster: memory, timeouts, checkpoints, Python."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from hailstream.archive.s3 import flink_options
from hailstream.local.zookeeper import high_availability
from hailstream.settings import LOOPBACK, Settings

# What Flink opens inside the JDK since Java 17; its scripts take it from their
# own config.yaml, which ours replaces. Left out: the Java compiler's packages,
# which the runtime we use has not got and Flink asks for in tests only.
JAVA_OPTIONS = (
    *(
        f"--add-exports={package}=ALL-UNNAMED"
        for package in (
            "java.rmi/sun.rmi.registry",
            "java.security.jgss/sun.security.krb5",
        )
    ),
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang",
            "java.net",
            "java.io",
            "java.nio",
            "sun.nio.ch",
            "java.lang.reflect",
            "java.text",
            "java.time",
            "java.util",
            "java.util.concurrent",
            "java.util.concurrent.atomic",
            "java.util.concurrent.locks",
        )
    ),
    "-Djava.security.manager=allow",
    "-Duser.timezone=UTC",
    "-XX:+IgnoreUnrecognizedVMOptions",
)


@dataclass(frozen=True)
class Memory:
    """How the TaskManager's memory is divided, in MB.

    Flink's start scripts compute this with a JVM of their own; giving every
    part ourselves saves that start and lets the manager run Java itself.
    """

    heap: int
    managed: int
    network: int
    framework_heap: int = 128
    framework_off_heap: int = 128
    metaspace: int = 256
    overhead: int = 128

    @classmethod
    def of(cls, total: int) -> Memory:
        """Divide ``total`` MB: more than half of what is free to the heap, where windows live."""
        free = total - (cls.framework_off_heap + cls.metaspace + cls.overhead)
        managed, network = free * 30 // 100, free * 15 // 100
        return cls(heap=free - managed - network, managed=managed, network=network)

    @property
    def total(self) -> int:
        return self.heap + self.managed + self.network + self.framework_off_heap + self.metaspace + self.overhead

    def java_options(self) -> tuple[str, ...]:
        return (
            f"-Xms{self.heap}m",
            f"-Xmx{self.heap}m",
            f"-XX:MaxDirectMemorySize={self.framework_off_heap + self.network}m",
            f"-XX:MaxMetaspaceSize={self.metaspace}m",
        )


def configuration(settings: Settings, folder: Path, checkout: Path) -> dict[str, str | int | bool]:
    """``config.yaml`` of the cluster and of clients that submit to it.

    Args:
        folder: data of the cluster: checkpoints and savepoints.
        checkout: put on the workers' Python path, so that they import our packages.
    """
    memory = Memory.of(settings.taskmanager_memory)
    interval_ms = int(settings.checkpoint_interval * 1000)
    values: dict[str, str | int | bool] = {
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": settings.flink_rpc_port,
        "jobmanager.bind-host": LOOPBACK,
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": settings.flink_port,
        "rest.bind-port": str(settings.flink_port),
        "taskmanager.host": LOOPBACK,
        "taskmanager.bind-host": LOOPBACK,
        "taskmanager.numberOfTaskSlots": settings.task_slots,
        "taskmanager.cpu.cores": settings.task_slots,
        "taskmanager.memory.framework.heap.size": f"{memory.framework_heap}m",
        "taskmanager.memory.framework.off-heap.size": f"{memory.framework_off_heap}m",
        "taskmanager.memory.task.heap.size": f"{memory.heap - memory.framework_heap}m",
        "taskmanager.memory.task.off-heap.size": "0m",
        "taskmanager.memory.network.min": f"{memory.network}m",
        "taskmanager.memory.network.max": f"{memory.network}m",
        "taskmanager.memory.managed.size": f"{memory.managed}m",
        "taskmanager.memory.jvm-metaspace.size": f"{memory.metaspace}m",
        "taskmanager.memory.jvm-overhead.min": f"{memory.overhead}m",
        "taskmanager.memory.jvm-overhead.max": f"{memory.overhead}m",
        # A killed TaskManager is noticed and its job restarted within seconds.
        "heartbeat.interval": "1 s",
        "heartbeat.timeout": "10 s",
        # A TaskManager that was up before its JobManager asks again at once, not after 10 s.
        "cluster.registration.error-delay": "300 ms",
        "cluster.registration.refused-registration-delay": "1 s",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "200 ms",
        "restart-strategy.exponential-delay.max-backoff": "5 s",
        "restart-strategy.exponential-delay.backoff-multiplier": "1.5",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "1 min",
        "restart-strategy.exponential-delay.jitter-factor": "0",
        "execution.checkpointing.interval": f"{interval_ms} ms",
        "execution.checkpointing.min-pause": f"{interval_ms // 2} ms",
        "execution.checkpointing.timeout": "2 min",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        # Without a standby JobManager a job goes on from here after its death.
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.num-retained": 2,
        "execution.checkpointing.dir": settings.checkpoint_dir or (folder / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (folder / "savepoints").as_uri(),
        "state.backend.type": settings.state_backend,
        "parallelism.default": settings.parallelism,
        "table.local-time-zone": "UTC",
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "python.pythonpath": str(checkout),
        "classloader.check-leaked-classloader": False,
        # Metrics that are asked for are this old, in ms, where the default is ten seconds.
        "metrics.fetcher.update-interval": 1000,
        "web.submit.enable": False,
        # For clients that are started by Flink's own scripts.
        "env.java.opts.all": " ".join(JAVA_OPTIONS),
        **flink_options(settings),
    }
    return values | (high_availability(settings, folder) if settings.flink_ha == "zookeeper" else {})


def as_yaml(configuration: dict[str, str | int | bool]) -> str:
    """Flat keys; a JSON scalar is a YAML scalar."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in configuration.items())
