"""The Flink cluster: a JobManager and a TaskManager, run from the apache-flink package."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from hailstream.errors import HailstreamError
from hailstream.local import zookeeper
from hailstream.local.flink_config import JAVA_OPTIONS, Memory, as_yaml, configuration
from hailstream.local.jars import CHECKOUT, Jars
from hailstream.local.java import console_logging, java, java_home
from hailstream.local.server import CHECK_TIMEOUT, NotReadyError, Server, Service, get
from hailstream.settings import Settings

JOBMANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
CLIENT = "org.apache.flink.client.cli.CliFrontend"
# It coordinates and moves no data: a quick start is worth more than peak speed.
JOBMANAGER_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms128m",
    "-Xmx512m",
    "-XX:MaxMetaspaceSize=384m",
)
CANCEL_SECONDS = 8.0


def flink_home() -> Path:
    """Folder of the Flink distribution inside the Python package.

    Raises:
        HailstreamError: the package is not installed.
    """
    spec = importlib.util.find_spec("pyflink")
    if spec is None or spec.origin is None:
        raise HailstreamError(
            "no Flink: package apache-flink is not installed", hint="pip install 'hailstream[stream,local]'"
        )
    return Path(spec.origin).parent


def hadoop_jars() -> list[Path]:
    """The parts of Hadoop that Parquet asks for, where the package pyspark brings them."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        return []
    return sorted((Path(spec.origin).parent / "jars").glob("hadoop-client-*.jar"))


def _run_dir(settings: Settings) -> Path:
    return settings.home_dir / "run" / "flink"


def client_environment(settings: Settings) -> dict[str, str]:
    """Environment for `flink run` and for jobs started by plain Python.

    With it a client finds the cluster, our Java, and the Kafka connector and
    Avro formats on its class path: no ``-C`` and no ``--jarfile`` is needed.
    """
    run, home = _run_dir(settings), flink_home()
    return {
        "JAVA_HOME": str(java_home()),
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(run / "conf"),
        "FLINK_LIB_DIR": str(run / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(run / "plugins"),
        "FLINK_LOG_DIR": str(settings.home_dir / "logs"),
        "FLINK_PID_DIR": str(run),
        "FLINK_IDENT_STRING": "hailstream",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        # Flink looks for `python` on the path for what its options do not cover.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
    }


def client_command(settings: Settings) -> list[str]:
    """What to put before ``run -d -py job.py``: Flink's client without the 3 s of its start script."""
    run = _run_dir(settings)
    return [
        *java("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", *JAVA_OPTIONS),
        f"-Dlog.file={settings.home_dir / 'logs' / 'flink-client.log'}",
        f"-Dlog4j.configurationFile={run / 'conf' / 'log4j-cli.properties'}",
        "-cp",
        f"{run / 'lib'}/*",
        CLIENT,
    ]


def servers(settings: Settings, jars: Jars) -> tuple[Server, ...]:
    """The embedded cluster's two programs, and ZooKeeper where they are to be highly available."""
    run, folder = _run_dir(settings), settings.home_dir / "data" / "flink"
    conf = run / "conf"
    logging = console_logging(
        {
            "org.apache.pekko": "WARN",
            "org.apache.kafka": "WARN",
            "org.apache.flink.metrics.MetricGroup": "ERROR",  # names that collide in every Kafka sink
        }
    )
    files = {
        conf / "config.yaml": as_yaml(configuration(settings, folder, CHECKOUT)),
        conf / "log4j-console.properties": logging,
        conf / "log4j-cli.properties": _client_logging(),
    }
    options = (f"-Dlog4j.configurationFile={conf / 'log4j-console.properties'}", *JAVA_OPTIONS)
    arguments = ("--configDir", str(conf))
    class_path = f"{run / 'lib'}/*"
    # The client's options and the cluster's are one set: both read config.yaml.
    environment = {k: v for k, v in client_environment(settings).items() if k not in ("PATH", "PYTHONPATH")}
    environment["PYTHONPATH"] = str(CHECKOUT)

    def prepare() -> None:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (folder / "savepoints").mkdir(parents=True, exist_ok=True)
        link_libraries(run / "lib", jars)
        _link_only({jar.name: jar for jar in jars.plugins}, run / "plugins" / "s3")

    coordinators: tuple[Server, ...] = ()
    if settings.flink_ha == "zookeeper":
        coordinators = (zookeeper.server(settings, ("-cp", class_path), options[0], environment, prepare),)
    given = (*Memory.of(settings.taskmanager_memory).java_options(), *options, *settings.java_options.split())
    launcher = (sys.executable, "-m", "hailstream.local.taskmanager", str(settings.home_dir))
    return (
        *coordinators,
        Server(
            name="flink-jobmanager",
            command=(
                *java("-XX:+UseSerialGC", *JOBMANAGER_OPTIONS, *options, "-cp", class_path),
                JOBMANAGER,
                *arguments,
            ),
            ports={"HAILSTREAM_FLINK_PORT": settings.flink_port, "HAILSTREAM_FLINK_RPC_PORT": settings.flink_rpc_port},
            data=folder,
            check=lambda: _check_jobmanager(settings),
            environment=environment,
            files=files,
            prepare=prepare,
        ),
        Server(
            name="flink-taskmanager",
            command=(
                *launcher,
                # A thread that dies for want of memory would leave a Python worker waiting for it.
                *java("-XX:+UseParallelGC", "-XX:+ExitOnOutOfMemoryError", *given, "-cp", class_path),
                TASKMANAGER,
                *arguments,
            ),
            ports={},
            data=folder,
            check=lambda: check(settings),
            environment=environment,
            files=files,
            prepare=prepare,
        ),
    )


def link_libraries(lib: Path, jars: Jars) -> None:
    """Make ``lib`` the cluster's class path: Flink's own libraries, its Python runtime, the connectors, Parquet's.

    Python's runtime is there, and not only in each job, so that a session that
    runs many jobs loads its classes once.
    """
    home = flink_home()
    libraries = (*home.glob("lib/*.jar"), *home.glob("opt/flink-python-*.jar"), *jars.flink, *hadoop_jars())
    _link_only({jar.name: jar for jar in libraries}, lib)


def _link_only(wanted: dict[str, Path], folder: Path) -> None:
    """Let ``folder`` hold links to these files and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.name not in wanted or not link.is_symlink() or link.readlink() != wanted[link.name]:
            link.unlink(missing_ok=True)
    for name, jar in wanted.items():
        link = folder / name
        if not link.is_symlink():
            # The other program of the cluster, started at the same time, may be faster.
            with suppress(FileExistsError):
                link.symlink_to(jar)


def _client_logging() -> str:
    return (
        "rootLogger.level = INFO\n"
        "rootLogger.appenderRef.file.ref = File\n"
        "appender.file.name = File\n"
        "appender.file.type = FILE\n"
        "appender.file.append = true\n"
        "appender.file.fileName = ${sys:log.file}\n"
        "appender.file.layout.type = PatternLayout\n"
        "appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n\n"
        # What the job's own Python says goes to whoever submits it.
        "logger.python.name = org.apache.flink.client.python.PythonDriver\n"
        "logger.python.level = INFO\n"
        "logger.python.appenderRef.console.ref = Console\n"
        "appender.console.name = Console\n"
        "appender.console.type = CONSOLE\n"
        "appender.console.layout.type = PatternLayout\n"
        "appender.console.layout.pattern = %m%n%throwable{0}\n"
    )


def _overview(settings: Settings) -> dict[str, object]:
    try:
        answer = get(f"{settings.flink_address.rstrip('/')}/overview").json()
    except json.JSONDecodeError as error:
        raise NotReadyError("answers, but not as Flink") from error
    if not isinstance(answer, dict) or "slots-total" not in answer:
        raise NotReadyError("answers, but not as Flink")
    return answer


def _check_jobmanager(settings: Settings) -> None:
    _overview(settings)


def check(settings: Settings) -> None:
    """Raise NotReadyError unless the cluster has task slots."""
    if not _overview(settings)["slots-total"]:
        raise NotReadyError("no TaskManager has registered yet")


def cancel_jobs(settings: Settings) -> None:
    """Cancel what runs, so that its Kafka transactions are aborted and hold up no reader at the next start.

    Does its best within a few seconds and never raises: the cluster goes down anyway.
    """
    try:
        with httpx.Client(base_url=settings.flink_address, timeout=CHECK_TIMEOUT, trust_env=False) as client:
            running = _unfinished(client)
            for job in running:
                client.patch(f"/jobs/{job}", params={"mode": "cancel"})
            expiry = time.monotonic() + CANCEL_SECONDS
            while running and _unfinished(client) and time.monotonic() < expiry:
                time.sleep(0.1)
    except (httpx.HTTPError, ValueError, KeyError):
        return


def _unfinished(client: httpx.Client) -> list[str]:
    jobs = client.get("/jobs").json()["jobs"]
    return [job["id"] for job in jobs if job["status"] not in ("FINISHED", "CANCELED", "FAILED")]


SERVICE = Service(
    name="flink",
    external=lambda settings: settings.flink_url,
    check=check,
    servers=servers,
    before_stop=cancel_jobs,
)
