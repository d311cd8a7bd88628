"""Classes of Spark's JVM, kept in a file that the next one maps instead of loading and checking them again.

That is the JVM's class data sharing (https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html). The
JVM itself checks that a file fits its version and its class path, and does without one that does not.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hailstream.settings import Settings

_DUMP_SECONDS: Final = 120
#: What it says of classes that cannot be shared would stand between a command's own lines.
_QUIET: Final = "-Xlog:cds*=off"


@dataclass(frozen=True)
class ClassData:
    """The file for a Java and its class path.

    Attributes:
        file: where it is, or will be.
        java: home of the Java.
        keeps: whether a JVM that finds none is to make it, which takes it some 20 s.
    """

    file: Path
    java: Path
    keeps: bool

    @classmethod
    def of(cls, settings: Settings, java: Path, class_path: Path, *, keeps: bool) -> ClassData:
        """For Spark's own jars and those of a folder.

        Args:
            class_path: folder of more jars; need not be there.
        """
        import pyspark

        parts = [str(java), _text(java / "release"), pyspark.__version__]
        for folder in (Path(pyspark.__file__).parent / "jars", class_path):
            with suppress(OSError):
                parts += [str(folder), str(folder.stat().st_mtime_ns)]
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return cls(settings.home_dir / "classes" / f"spark-{key}.jsa", java, keeps)

    def java_options(self) -> tuple[str, ...]:
        """What the JVM is started with."""
        if self.file.is_file():
            return (_QUIET, f'"-XX:SharedArchiveFile={self.file}"')
        return (_QUIET, "-XX:+RecordDynamicDumpInfo") if self.wanted else ()

    def keep(self, pid: int) -> None:
        """Make the file of what a JVM has loaded, if there is none; where that fails, there is none.

        Args:
            pid: of a JVM that is not needed any more: one that cannot write its file may end.
        """
        if not self.wanted:
            return
        print("keeping Spark's classes, so that it starts faster from now on", file=sys.stderr, flush=True)
        unfinished = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        command = [str(self._jcmd), str(pid), "VM.cds", "dynamic_dump", str(unfinished)]
        with suppress(OSError, subprocess.TimeoutExpired):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if subprocess.run(command, capture_output=True, timeout=_DUMP_SECONDS, check=False).returncode:
                # Of a disk that was full, say.
                unfinished.unlink(missing_ok=True)
                return
            # Whole or not at all; another run may have been faster.
            unfinished.replace(self.file)
            for other in self.file.parent.glob("spark-*.jsa*"):
                if other != self.file:
                    other.unlink(missing_ok=True)

    @property
    def _jcmd(self) -> Path:
        return self.java / "bin" / "jcmd"

    @property
    def wanted(self) -> bool:
        """Whether this run is to make the file, and its Java can."""
        # It adds to the classes of Java itself, which not every Java has kept.
        bases = (self.java / "lib" / "server").glob("classes*.jsa")
        return self.keeps and not self.file.is_file() and self._jcmd.is_file() and any(bases)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
