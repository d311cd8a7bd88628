"""The command refuses what it must not do before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.local.clickhouse_server.__main__ import main
from hailstream.local.clickhouse_server.engine import Counts
from hailstream.local.clickhouse_server.formats import content_type
from hailstream.local.clickhouse_server.response import summary


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 1
    return capsys.readouterr().err


def test_it_serves_others_only_with_a_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--path", str(tmp_path), "--port", "0", "--host", "0.0.0.0")
    assert "refusing to serve 0.0.0.0 without a password" in said
    assert "--password-file" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot read the password"), (b"\n", "holds no password"), (b"\xff", "cannot read the password")],
)
def test_a_password_file_of_no_use_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    said = refused(capsys, "--path", str(tmp_path), "--port", "0", "--password-file", str(secret))
    assert str(secret) in said
    assert reason in said


def test_a_folder_that_is_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").write_text("")
    said = refused(capsys, "--path", str(tmp_path / "data"), "--port", "0")
    assert f"{tmp_path / 'data'}: cannot use this folder" in said


def test_a_host_that_does_not_exist_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    said = refused(
        capsys, "--path", str(tmp_path), "--port", "0", "--host", "256.0.0.1", "--password-file", str(secret)
    )
    assert "cannot listen on 256.0.0.1:0" in said


def test_counts_are_written_as_the_server_writes_them() -> None:
    assert summary(Counts(read_rows=2, elapsed=0.5) + Counts(read_rows=1, written_rows=4)) == (
        '{"read_rows":"3","read_bytes":"0","written_rows":"4","written_bytes":"0",'
        '"total_rows_to_read":"3","result_rows":"0","result_bytes":"0","elapsed_ns":"500000000"}'
    )


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("TabSeparatedWithNames", "text/tab-separated-values; charset=UTF-8"),
        ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
        ("JSON", "application/json; charset=UTF-8"),
        ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        ("ArrowStream", "application/octet-stream"),
        ("Pretty", "text/plain; charset=UTF-8"),
    ],
)
def test_a_format_has_its_media_type(output: str, kind: str) -> None:
    assert content_type(output) == kind
