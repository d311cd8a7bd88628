"""Spark with every setting we rely on and why.

Its part here is to spread tasks and to let what belongs together meet; what is computed in tasks, DuckDB computes.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hailstream.errors import HINT, HailstreamError
from hailstream.settings import LOOPBACK, Settings
from hailstream.spark.code import code_sent
from hailstream.spark.java import find_spark_java, install_command

if TYPE_CHECKING:
    from pyspark import SparkContext


#: For a JVM that hands bytes on for some seconds: what optimises and collects takes cores that tasks compute on.
_JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
#: Before it can be told what to log, Spark has logged.
_LOG = Path(__file__).with_name("log4j2.properties").as_uri()
_RAISED = re.compile(r"[\w.]+(Error|Exception): ")


@contextmanager
def open_context(name: str, settings: Settings) -> Iterator[SparkContext]:
    """Spark, stopped in the end: that of ``spark-submit`` if this runs below it, else a local one.

    Raises:
        HailstreamError: there is no Java that Spark can use; or a task failed, with what it said.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException

    if not _submitted():
        _choose_java()
    interrupted = signal.getsignal(signal.SIGINT)
    # Workers run the Python that this is.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    given = SparkConf().setAppName(f"hailstream.{settings.namespace}.{name}")
    spark = SparkContext(conf=given.setAll(list(spark_options(settings).items())))
    spark.setLogLevel("ERROR")
    try:
        with code_sent(spark):
            yield spark
    except (PySparkException, Py4JJavaError) as error:
        raise failed(str(error)) from error
    finally:
        spark.stop()
        # Spark's own answer to Ctrl-C needs the context, and would stay when that is gone.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupted)


def failed(text: str) -> HailstreamError:
    """The error of a job whose task failed: what it raised and advised, without the traces above."""
    lines = [line.strip() for line in text.splitlines()]
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    ours = next((number for number in raised if lines[number].startswith("hailstream.")), None)
    if ours is None:
        told, hint = (lines[raised[-1]] if raised else text[:500]), ""
    else:
        told = lines[ours]
        until = next((number for number in raised if number > ours), len(lines))
        hint = next((line for line in lines[ours:until] if line.startswith(HINT)), "").removeprefix(HINT)
    return HailstreamError(f"a task of Spark failed: {told.split(': ', 1)[-1][:1000]}", hint=hint)


def spark_options(settings: Settings) -> dict[str, str]:
    """Spark's options by its own names; below ``spark-submit`` machine and memory are what that was told."""
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if _local():
        options["spark.python.daemon.module"] = "hailstream.spark.workers"
    if not _submitted():
        options |= {
            "spark.master": "local[*]",
            "spark.driver.memory": settings.spark_memory,
            "spark.driver.extraJavaOptions": " ".join((*_JAVA_OPTIONS, f'"-Dlog4j2.configurationFile={_LOG}"')),
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.host": LOOPBACK,
            "spark.local.dir": str(settings.home_dir / "spark" / "local"),
        }
    return options


def _submitted() -> bool:
    """Whether ``spark-submit`` started this process, and with it a JVM of its own choice."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _local() -> bool:
    """Whether tasks run beside the driver, so that their Python workers have its packages and ours."""
    from pyspark import SparkConf

    return not _submitted() or (SparkConf().get("spark.master") or "").startswith("local")


def _choose_java() -> Path:
    """The home of a Java that Spark can use and will, where its own choice would be another."""
    home = find_spark_java()
    if home is None:
        raise HailstreamError("Spark needs a JDK 17 or 21, and there is none", hint=f"`{install_command()}`")
    os.environ["JAVA_HOME"] = str(home)
    return home
