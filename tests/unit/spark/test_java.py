"""Which Javas Spark can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.spark.java import spark_release
from tests.unit.spark.javas import VECTOR, a_java, a_jdk


@pytest.mark.parametrize(
    ("release", "modules", "expected"),
    [("17.0.2", (VECTOR,), 17), ("21", (VECTOR,), 21), ("17.0.2", (), None), ("25.0.1", (VECTOR,), None)],
)
def test_spark_uses_17_and_21_with_the_vector_module(
    tmp_path: Path, release: str, modules: tuple[str, ...], expected: int | None
) -> None:
    assert spark_release(a_jdk(tmp_path / "jdk", release, *modules)) == expected


@pytest.mark.parametrize("script", ["exit 1", "echo Unrecognized option: --list-modules >&2; exit 1", "echo java.base"])
def test_a_java_that_cannot_list_its_modules_is_none_for_spark(tmp_path: Path, script: str) -> None:
    assert spark_release(a_java(tmp_path / "jdk", script)) is None
