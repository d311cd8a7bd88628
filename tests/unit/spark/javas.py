"""Folders that look like a Java."""

from __future__ import annotations

from pathlib import Path

VECTOR = "jdk.incubator.vector"


def a_java(home: Path, script: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return home


def a_jdk(home: Path, release: str, *modules: str) -> Path:
    lines = "\\n".join(f"{module}@{release}" for module in ("java.base", *modules))
    return a_java(home, f"printf '{lines}\\n'")
