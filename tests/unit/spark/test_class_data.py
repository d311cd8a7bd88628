"""When a JVM maps a file of classes, when it is to make one, and when neither."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hailstream.settings import Settings
from hailstream.spark.class_data import ClassData
from tests.unit.spark.javas import a_jdk


@pytest.fixture
def java(tmp_path: Path) -> Path:
    home = a_jdk(tmp_path / "jdk", "17")
    (home / "lib" / "server").mkdir(parents=True)
    (home / "lib" / "server" / "classes.jsa").touch()
    # A JVM that writes what it has loaded: `jcmd PID VM.cds dynamic_dump FILE`.
    tool = home / "bin" / "jcmd"
    tool.write_text('#!/bin/sh\necho "classes of $1, $2 $3" > "$4"\n')
    tool.chmod(0o755)
    (home / "release").write_text('JAVA_VERSION="17.0.1"\n')
    return home


def class_data(tmp_path: Path, java: Path, *, keeps: bool = True) -> ClassData:
    return ClassData.of(Settings(home=tmp_path / "home"), java, tmp_path / "more jars", keeps=keeps)


def test_the_first_run_makes_it_and_the_next_one_maps_it(
    tmp_path: Path, java: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = class_data(tmp_path, java)
    assert "-XX:+RecordDynamicDumpInfo" in first.java_options()
    first.keep(4711)
    assert first.file.read_text() == "classes of 4711, VM.cds dynamic_dump\n"
    assert "starts faster from now on" in capsys.readouterr().err

    second = class_data(tmp_path, java, keeps=False)
    assert f'"-XX:SharedArchiveFile={first.file}"' in second.java_options()
    second.keep(4712)
    assert first.file.read_text() == "classes of 4711, VM.cds dynamic_dump\n"


def test_another_java_or_other_jars_have_a_file_of_their_own_and_the_old_one_goes(tmp_path: Path, java: Path) -> None:
    old = class_data(tmp_path, java)
    old.keep(1)
    torn = old.file.with_name(f"{old.file.name}.99")
    torn.touch()
    (java / "release").write_text('JAVA_VERSION="17.0.2"\n')
    new = class_data(tmp_path, java)
    assert "-XX:+RecordDynamicDumpInfo" in new.java_options()
    new.keep(2)
    assert list(new.file.parent.iterdir()) == [new.file]
    (tmp_path / "more jars").mkdir()
    assert class_data(tmp_path, java).file != new.file


@pytest.mark.parametrize("lacking", ["bin/jcmd", "lib/server/classes.jsa", "asked"])
def test_nothing_is_asked_of_a_java_that_cannot_or_for_a_run_that_is_not_to(
    tmp_path: Path, java: Path, lacking: str
) -> None:
    if lacking != "asked":
        (java / lacking).unlink()
    found = class_data(tmp_path, java, keeps=lacking != "asked")
    assert found.java_options() == ()
    found.keep(1)
    assert not found.file.exists()


def test_where_it_cannot_be_written_there_is_none(tmp_path: Path, java: Path) -> None:
    (java / "bin" / "jcmd").write_text('#!/bin/sh\necho torn > "$4"; exit 1\n')
    failed = class_data(tmp_path, java)
    failed.keep(1)
    assert list(failed.file.parent.iterdir()) == []
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    (tmp_path / "home").touch()
    class_data(tmp_path, java).keep(1)
    assert not class_data(tmp_path, java).file.exists()
