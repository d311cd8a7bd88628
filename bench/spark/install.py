"""Spark's environment: packages, jars and a JDK, brought once and kept in the project's home folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from bench.skip import Skipped
from hailstream.errors import HailstreamError
from hailstream.local.jars import ensure_jars
from hailstream.spark.java import SPARK_VERSIONS, find_spark_java, install_command

LOCK_FILE = Path(__file__).with_name("jgo.lock.toml")
REQUIREMENTS = Path(__file__).with_name("requirements.lock")
INSTALL_SECONDS = 900


@dataclass(frozen=True)
class SparkHome:
    """What a Spark program is started with."""

    python: Path
    jars: tuple[Path, ...]
    java_home: Path

    def environment(self) -> dict[str, str]:
        """Environment of the program; nothing of the project's own packages is in it."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPARK_", "JAVA_"))}
        return plain | {
            "JAVA_HOME": str(self.java_home),
            "PYSPARK_PYTHON": str(self.python),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }


def ensure_spark(folder: Path) -> SparkHome:
    """Bring what is missing to ``folder``; at once when all is there.

    Raises:
        Skipped: it cannot be had here; says what, and the command that installs a JDK.
    """
    java_home = find_java()
    try:
        jars = ensure_jars(folder, lock=LOCK_FILE)
    except HailstreamError as error:
        raise Skipped(f"Spark's jars: {error.message}") from None
    return SparkHome(_ensure_packages(folder / "venv"), tuple(sorted(jars.kafka.glob("*.jar"))), java_home)


def find_java() -> Path:
    """A JDK that Spark runs on: JAVA_HOME, the one on PATH, or one where package managers put them.

    Raises:
        Skipped: there is none.
    """
    if home := find_spark_java():
        return home
    releases = " or ".join(map(str, SPARK_VERSIONS))
    raise Skipped(f"Spark needs a JDK {releases}; install one by `{install_command()}`, or point JAVA_HOME at it")


def _ensure_packages(folder: Path) -> Path:
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    locked = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == locked and python.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-cache-dir",
        "--require-hashes",
        "-r",
        REQUIREMENTS,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Skipped(f"Spark's packages: {last}")
    stamp.write_text(locked)
    return python


if __name__ == "__main__":
    print(ensure_spark(Path(sys.argv[1])))
