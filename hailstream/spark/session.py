"""A Spark session with every setting we rely on and why."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hailstream.archive.s3 import in_s3, spark_options
from hailstream.errors import HailstreamError
from hailstream.settings import LOOPBACK, Settings
from hailstream.spark.class_data import ClassData
from hailstream.spark.code import code_sent
from hailstream.spark.java import find_spark_java, install_command

if TYPE_CHECKING:
    from py4j.java_gateway import JVMView
    from pyspark.sql import SparkSession


_S3_CLASS = "org.apache.hadoop.fs.s3a.S3AFileSystem"
#: A batch of minutes on two cores: with its usual thresholds the optimising compiler takes as long as the tasks do.
_JAVA_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:+UseParallelGC",
    "-XX:Tier4InvocationThreshold=60000",
    "-XX:Tier4MinInvocationThreshold=20000",
    "-XX:Tier4CompileThreshold=200000",
    "-XX:Tier4BackEdgeThreshold=500000",
)
#: Before a session can be told what to log, Spark has logged.
_LOG = Path(__file__).with_name("log4j2.properties").as_uri()
_MANY_FILES = 1_000_000
_CUT_OF_EMPTY_PLANS = "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation"
_RAISED = re.compile(r"[\w.]+(Error|Exception): ")


@contextmanager
def open_session(name: str, settings: Settings, *, keep_classes: bool = False) -> Iterator[SparkSession]:
    """A session, stopped in the end: the one of ``spark-submit`` if this runs below it, else a local one.

    Args:
        keep_classes: a local one makes the file of :mod:`hailstream.spark.class_data` in the end if there is none.

    Raises:
        HailstreamError: there is no Java that Spark can use, or nothing by which it reads an archive in S3;
            or a task failed, with what it said.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    classes = None
    if not _submitted():
        classes = ClassData.of(settings, _choose_java(), _more_jars(settings), keeps=keep_classes)
    interrupted = signal.getsignal(signal.SIGINT)
    # Workers run the Python that this is.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(f"hailstream.{settings.namespace}.{name}")
    for option, value in session_options(settings, classes.java_options() if classes else ()).items():
        builder = builder.config(option, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    jvm = spark.sparkContext._jvm
    try:
        if in_s3(settings):
            _open_s3(spark, settings)
        with code_sent(spark):
            yield spark
    except (PySparkException, Py4JJavaError) as error:
        raise failed(str(error)) from error
    finally:
        spark.stop()
        # Spark's own answer to Ctrl-C needs the session, and would stay when that is gone.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupted)
    if classes is not None and classes.wanted and jvm is not None:
        classes.keep(_retired(jvm))


def failed(text: str) -> HailstreamError:
    """The error of a job whose task failed: the last thing that was raised in it, without the traces above."""
    raised = [line.strip() for line in text.splitlines() if _RAISED.match(line.strip())]
    told = next((line for line in raised if line.startswith("hailstream.")), raised[-1] if raised else text[:500])
    return HailstreamError(f"a task of Spark failed: {told.split(': ', 1)[-1][:1000]}")


def session_options(settings: Settings, java_options: Sequence[str] = ()) -> dict[str, str]:
    """Spark's options by its own names; below ``spark-submit`` machine and memory are what that was told.

    Args:
        java_options: more of them for a JVM that is ours.
    """
    local = settings.home_dir / "spark"
    options = {
        # Times are instants: read and written as UTC, whatever the machine's clock says.
        "spark.sql.session.timeZone": "UTC",
        # A sum that overflows is an error and no null.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.shuffle.partitions": str(settings.spark_partitions),
        # A plan that is cut where no row follows loses what is counted on the way, which is then counted again.
        "spark.sql.adaptive.optimizer.excludedRules": _CUT_OF_EMPTY_PLANS,
        # Times in Parquet files as everybody else reads them.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if not in_s3(settings):
        # More than 32 files would be looked at by a task each; an archive has thousands, and a disk answers at once.
        options["spark.sql.sources.parallelPartitionDiscovery.threshold"] = str(_MANY_FILES)
    if _local():
        options["spark.python.daemon.module"] = "hailstream.spark.workers"
    if not _submitted():
        options |= {
            "spark.master": "local[*]",
            "spark.driver.memory": settings.spark_memory,
            "spark.driver.extraJavaOptions": " ".join(
                (*_JAVA_OPTIONS, *java_options, f'"-Dlog4j2.configurationFile={_LOG}"')
            ),
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.host": LOOPBACK,
            "spark.local.dir": str(local / "local"),
            "spark.sql.warehouse.dir": str(local / "warehouse"),
            # What reads s3:// addresses; loaded when it is asked for.
            "spark.driver.extraClassPath": str(_more_jars(settings) / "*"),
        }
    return options


def _open_s3(spark: SparkSession, settings: Settings) -> None:
    """Tell Spark of the S3 server, in its driver's memory: options of a session stand on a command line."""
    configuration = spark.sparkContext._jsc.hadoopConfiguration()
    if configuration.getClassByNameOrNull(_S3_CLASS) is None:
        raise HailstreamError(
            "Spark lacks what reads s3:// addresses: hadoop-aws and parts of AWS's library",
            hint="batch/README.md says what spark-submit is given"
            if _submitted()
            else f"`make setup` brings it to {settings.home_dir / 'jars' / 'spark'}",
        )
    for name, value in spark_options(settings).items():
        configuration.set(name, value)


def _submitted() -> bool:
    """Whether ``spark-submit`` started this process, and with it a JVM of its own choice."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _local() -> bool:
    """Whether tasks run beside the driver, so that their Python workers have its packages and ours."""
    from pyspark import SparkConf

    return not _submitted() or (SparkConf().get("spark.master") or "").startswith("local")


def _retired(jvm: JVMView) -> int:
    """The process id of a JVM without a session; what it prints from now on is no result of a command."""
    nowhere = jvm.java.io.OutputStream.nullOutputStream()
    jvm.java.lang.System.setOut(jvm.java.io.PrintStream(nowhere))
    return int(jvm.java.lang.ProcessHandle.current().pid())


def _more_jars(settings: Settings) -> Path:
    """Where the jars are that Spark does not bring; a link to them is another class path for each home."""
    return (settings.home_dir / "jars" / "spark").resolve()


def _choose_java() -> Path:
    """The home of a Java that Spark can use and will, where its own choice would be another."""
    home = find_spark_java()
    if home is None:
        raise HailstreamError("Spark needs a JDK 17 or 21, and there is none", hint=f"`{install_command()}`")
    os.environ["JAVA_HOME"] = str(home)
    return home
