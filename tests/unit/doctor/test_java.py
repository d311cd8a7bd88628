"""Java: which one Spark would take, and whether the JVM parts are the locked ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hailstream.doctor import Status, java
from hailstream.settings import Settings
from hailstream.spark.java import install_command
from tests.unit.spark.javas import VECTOR, a_jdk

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def _no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("hailstream.spark.java.usual_folders", list)


def test_without_any_jdk_the_command_that_installs_one_is_said() -> None:
    (found,) = java.check_spark_java(SETTINGS)
    assert found.status is Status.WARNING
    assert install_command() in found.action


def test_an_unusable_java_home_is_answered_with_the_usable_jdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = a_jdk(tmp_path / "jdk-11", "11.0.2")
    good = a_jdk(tmp_path / "jdk-17", "17.0.2", VECTOR)
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setattr("hailstream.spark.java.usual_folders", lambda: [old, good])
    (found,) = java.check_spark_java(SETTINGS)
    assert found.status is Status.WARNING
    assert f"export JAVA_HOME={good}" in found.action


def test_the_java_that_spark_would_take_is_fine_if_it_can_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = a_jdk(tmp_path / "jdk-21", "21.0.8", VECTOR)
    monkeypatch.setenv("JAVA_HOME", str(good))
    (found,) = java.check_spark_java(SETTINGS)
    assert found.status is Status.OK


def test_the_embedded_java_starts() -> None:
    assert [f.status for f in java.check_embedded_java(SETTINGS)] == [Status.OK]


def test_a_missing_and_a_damaged_jvm_part_are_named(tmp_path: Path) -> None:
    parts = {"good": b"good", "absent": b"absent", "damaged": b"before"}
    lock = tmp_path / "jgo.lock.toml"
    lock.write_text(
        "".join(
            f'[[dependencies]]\ngroupId = "g"\nartifactId = "{name}"\nversion = "1"\npackaging = "jar"\n'
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            for name, content in parts.items()
        )
    )
    folder = tmp_path / "home" / "jars" / "kafka"
    folder.mkdir(parents=True)
    (folder / "good-1.jar").write_bytes(b"good")
    (folder / "damaged-1.jar").write_bytes(b"after")
    findings = list(java.check_jars(Settings(home=tmp_path / "home"), lock))
    assert [f.status for f in findings] == [Status.ERROR] * 2
    assert "absent-1.jar" in findings[0].found
    assert str(folder / "damaged-1.jar") in findings[1].found
    assert "good-1.jar" not in findings[0].found + findings[1].found
