"""Downloads of monthly files from a server on this machine, in all the ways servers and networks fail."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from hailstream.errors import HailstreamError
from hailstream.replay import fetch_commands
from hailstream.replay.download import ATTEMPTS
from hailstream.replay.fetch import Fetched, fetch, file_name

NAME = "green_tripdata_2024-01.parquet"
TODAY = date(2026, 1, 1)


def parquet(rows: int) -> bytes:
    buffer = io.BytesIO()
    # Incompressible, so that the file has parts to be cut in.
    pl.DataFrame({"a": pl.int_range(rows, eager=True).hash()}).write_parquet(buffer, compression="uncompressed")
    return buffer.getvalue()


@dataclass
class Server:
    """What a server of files does, changed by each test.

    Attributes:
        files: by name.
        etag: of every file; empty is none.
        ranges: whether it knows Range.
        cuts: for each answer to come, after how many bytes the connection breaks.
        statuses: for each answer to come, a status instead of the file.
        asked: the Range header of every request so far.
    """

    files: dict[str, bytes]
    etag: str = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        body = self.files.get(request.path.rsplit("/", 1)[-1])
        status = self.statuses.pop(0) if self.statuses else 200 if body is not None else 403
        if status != 200 or body is None:
            request.send_response(status)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if request.headers.get("If-Range", self.etag) != self.etag:
            first = 0
        if first >= len(body) > 0:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(body)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(body) - first))
        request.end_headers()
        cut = self.cuts.pop(0) if self.cuts else len(body)
        request.wfile.write(body[first : first + cut])
        request.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    behaviour = Server({NAME: parquet(20_000)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behaviour.answer(self)

        def log_message(self, *_args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    behaviour.url = f"http://127.0.0.1:{httpd.server_port}/trip-data"
    yield behaviour
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def get(server: Server, into: Path, **options: Any) -> Fetched:
    return fetch("green", "2024-01", into, base_url=server.url, today=TODAY, wait=lambda _state: 0.0, **options)


def test_a_month_is_downloaded_under_its_official_name(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetched = get(server, tmp_path / "new" / "folder", progress=lambda done, total: seen.append((done, total)))
    assert fetched.path == tmp_path / "new" / "folder" / NAME
    assert fetched.path.read_bytes() == server.files[NAME]
    assert (fetched.rows, fetched.downloaded) == (20_000, len(server.files[NAME]))
    assert seen[-1] == (fetched.downloaded, fetched.downloaded)
    assert [path.name for path in fetched.path.parent.iterdir()] == [NAME]


def test_a_month_that_is_there_is_not_asked_for_again_unless_forced(server: Server, tmp_path: Path) -> None:
    get(server, tmp_path)
    server.files[NAME] = parquet(10)
    assert get(server, tmp_path).downloaded == 0
    assert len(server.asked) == 1
    assert get(server, tmp_path, force=True).rows == 10


def test_a_connection_that_breaks_is_resumed_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [50_000, 0, 30_000]
    fetched = get(server, tmp_path)
    assert fetched.path.read_bytes() == server.files[NAME]
    assert server.asked == [None, "bytes=50000-", "bytes=50000-", "bytes=80000-"]
    assert fetched.downloaded == len(server.files[NAME])


def test_a_download_given_up_is_resumed_by_the_next_one(server: Server, tmp_path: Path) -> None:
    server.cuts = [60_000]
    server.statuses = [200, *[503] * ATTEMPTS]
    with pytest.raises(HailstreamError, match="answered 503") as error:
        get(server, tmp_path)
    assert "goes on where it stopped" in error.value.hint
    assert not (tmp_path / NAME).exists()
    fetched = get(server, tmp_path)
    assert fetched.path.read_bytes() == server.files[NAME]
    assert fetched.downloaded == len(server.files[NAME]) - 60_000


def test_progress_renews_the_attempts(server: Server, tmp_path: Path) -> None:
    server.cuts = [9_000] * (2 * ATTEMPTS)
    assert get(server, tmp_path).path.read_bytes() == server.files[NAME]


def test_a_server_without_ranges_is_read_from_the_start_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [50_000]
    assert get(server, tmp_path).path.read_bytes() == server.files[NAME]


def test_parts_of_two_versions_are_never_joined(server: Server, tmp_path: Path) -> None:
    server.cuts = [50_000]
    server.statuses = [200, *[503] * ATTEMPTS]
    with pytest.raises(HailstreamError):
        get(server, tmp_path)
    server.files[NAME], server.etag = parquet(15_000), '"v2"'
    assert get(server, tmp_path).path.read_bytes() == server.files[NAME]


def test_without_a_version_nothing_is_resumed(server: Server, tmp_path: Path) -> None:
    server.etag = ""
    server.cuts = [50_000]
    assert get(server, tmp_path).path.read_bytes() == server.files[NAME]
    assert server.asked == [None, None]


def test_a_part_that_is_whole_needs_only_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(server.files[NAME])
    (tmp_path / f"{NAME}.part.version").write_text('"v1"')
    fetched = get(server, tmp_path)
    assert (fetched.downloaded, fetched.rows) == (0, 20_000)
    assert fetched.path.exists()


@pytest.mark.parametrize("status", [403, 404])
def test_a_month_that_is_not_published_is_told_at_once(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(HailstreamError, match=f"not there \\({status}\\)") as error:
        get(server, tmp_path)
    assert "not published" in error.value.hint
    assert len(server.asked) == 1


def test_what_is_no_parquet_file_does_not_stay(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = b"<html>welcome to the hotel network</html>"
    with pytest.raises(HailstreamError, match="what came is no monthly file"):
        get(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_by_the_server_itself_does_not_pass_the_check_of_its_footer(server: Server, tmp_path: Path) -> None:
    server.files[NAME] = server.files[NAME][:-100]
    with pytest.raises(HailstreamError, match="what came is no monthly file"):
        get(server, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_a_server_out_of_reach_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(HailstreamError, match=f"127.0.0.1:{port}/{NAME}: .*refused") as error:
        fetch("green", "2024-01", tmp_path, base_url=f"http://127.0.0.1:{port}", today=TODAY, wait=lambda _s: 0.0)
    assert "check the network" in error.value.hint


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError):
        fetch("green", "2024-01", tmp_path, base_url="ftp//nowhere", today=TODAY, wait=lambda _s: 0.0)


def test_a_second_download_of_the_same_month_at_once_is_refused(server: Server, tmp_path: Path) -> None:
    refused: list[str] = []

    def meanwhile(_done: int, _total: int | None) -> None:
        with pytest.raises(HailstreamError) as error:
            get(server, tmp_path)
        refused.append(error.value.message)

    get(server, tmp_path, progress=meanwhile)
    assert refused
    assert all("by another process" in message for message in refused)


@pytest.mark.parametrize(
    ("kind", "month", "message"),
    [
        ("blue", "2024-01", "no kind of trips"),
        ("fhvhv", "2024-01", "not supported yet"),
        ("green", "2024-13", "is no month"),
        ("green", "24-1", "is no month"),
        ("green", "2013-07", "there are no green trips of 2013-07"),
        ("yellow", "2026-02", "there are no yellow trips of 2026-02"),
    ],
)
def test_months_that_cannot_be_are_refused_before_asking(kind: str, month: str, message: str) -> None:
    with pytest.raises(HailstreamError, match=message) as error:
        file_name(kind, month, today=TODAY)
    assert error.value.exit_code == 2


def test_the_command_gets_several_months_and_says_where_they_are(server: Server, tmp_path: Path) -> None:
    app = typer.Typer()
    fetch_commands.register(app)
    app.callback()(lambda: None)
    server.files["green_tripdata_2024-02.parquet"] = parquet(7)
    result = CliRunner().invoke(
        app, ["fetch", "green", "2024-01", "2024-02", "--into", str(tmp_path), "--base-url", server.url]
    )
    assert result.exit_code == 0, result.output
    assert f"{NAME}: 20,000 trips" in result.output.replace("\n", "")
    assert (tmp_path / "green_tripdata_2024-02.parquet").exists()
