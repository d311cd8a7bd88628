"""The Java that Spark runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SPARK_VERSIONS = (17, 21)
#: What Spark asks for beyond a runtime; small Java runtimes leave it out.
SPARK_MODULE = "jdk.incubator.vector"
_JAVA_SECONDS = 30


def find_spark_java() -> Path | None:
    """Home of a JDK that Spark can use, the one first that it would take by itself; None: there is none."""
    return next((home for home in java_homes() if spark_release(home)), None)


def spark_release(home: Path) -> int | None:
    """The release of the JDK at ``home`` if Spark can use it, else None."""
    try:
        command = [str(home / "bin" / "java"), "--list-modules"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=_JAVA_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    modules = dict(line.partition("@")[::2] for line in listed.split())
    release = re.match(r"\d+", modules.get("java.base", ""))
    usable = release and int(release[0]) in SPARK_VERSIONS and SPARK_MODULE in modules
    return int(release[0]) if release and usable else None


def java_homes() -> Iterator[Path]:
    """Java homes of this machine, the one first that Spark would take; each once."""
    java_home, java = os.environ.get("JAVA_HOME"), shutil.which("java")
    seen: set[Path] = set()
    chosen = [Path(java_home)] if java_home else [Path(java).resolve().parents[1]] if java else []
    for home in (*chosen, *usual_folders()):
        if (home / "bin" / "java").exists() and (real := home.resolve()) not in seen:
            seen.add(real)
            yield home


def usual_folders() -> list[Path]:
    """Where package managers put Javas."""
    patterns = ("usr/lib/jvm/*", "Library/Java/JavaVirtualMachines/*/Contents/Home", "opt/homebrew/opt/openjdk*")
    return [path for pattern in patterns for path in sorted(Path("/").glob(pattern))]


def install_command() -> str:
    """What installs a JDK that Spark can use here."""
    if sys.platform == "darwin":
        return "brew install openjdk@17"
    if shutil.which("dnf"):
        return "dnf install java-17-openjdk-headless"
    return "apt-get install openjdk-17-jdk-headless"
