"""Spark's classes are kept by one process and mapped by the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = """
import subprocess, sys
from pathlib import Path
from hailstream.settings import Settings
from hailstream.spark.java import find_spark_java
from hailstream.spark.session import open_session

with open_session("classes", Settings(home=Path(sys.argv[1]), spark_memory="1g"), keep_classes=True) as spark:
    spark.range(9).groupBy().sum("id").collect()
    java = str(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid())
    command = [find_spark_java() / "bin" / "jcmd", java, "PerfCounter.print"]
    counters = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    print([line.split("=")[1] for line in counters.splitlines() if line.startswith("java.cls.sharedLoadedClasses=")][0])
"""


def run(home: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(home)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout), done.stderr


def test_a_second_start_maps_what_the_first_one_loaded(tmp_path: Path) -> None:
    first, told = run(tmp_path)
    assert "keeping Spark's classes" in told
    [file] = (tmp_path / "classes").iterdir()
    kept = (file.stat().st_ino, file.stat().st_mtime_ns)
    second, told = run(tmp_path)
    assert second > first + 5000
    assert "classes" not in told
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == kept
