"""The embedded server as a process: what it keeps when killed, whom it lets in, how it stops."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from hailstream.local.clickhouse_server.app import CONCURRENT_STATEMENTS
from tests.contract.clickhouse.asking import Target
from tests.contract.clickhouse.embedded import Embedded, command

WITHIN = 60.0
ROWS = 1000
FOREVER = "SELECT sum(sleepEachRow(0.1)) FROM numbers(100000) SETTINGS max_block_size = 1"


def post(url: str, sql: str, **params: str) -> httpx.Response:
    return httpx.post(url, content=sql, params=params, timeout=WITHIN)


def ask(url: str, sql: str, **params: str) -> str:
    response = post(url, sql, **params)
    assert response.status_code == 200, response.text
    return response.text.strip()


def until(condition: Callable[[], bool]) -> None:
    Retrying(stop=stop_after_delay(WITHIN), wait=wait_fixed(0.02), retry=retry_if_result(lambda met: not met))(
        condition
    )


def running(url: str) -> list[str]:
    return ask(url, "SELECT query FROM system.processes WHERE query NOT LIKE '%system.processes%'").splitlines()


def test_a_kill_loses_nothing_acknowledged_and_halves_nothing(own_server: Embedded) -> None:
    own_server.start()
    ask(own_server.url, "CREATE TABLE t (writer UInt8, n UInt32) ENGINE = MergeTree ORDER BY (writer, n)")
    acknowledged = dict.fromkeys(range(4), 0)

    def write(writer: int) -> None:
        with httpx.Client(base_url=own_server.url, timeout=WITHIN) as http:
            while True:
                first = acknowledged[writer] * ROWS
                rows = "".join(f"{writer}\t{n}\n" for n in range(first, first + ROWS))
                try:
                    assert http.post("/", content=f"INSERT INTO t FORMAT TSV\n{rows}").status_code == 200
                except httpx.HTTPError:
                    return
                acknowledged[writer] += 1

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, writer) for writer in acknowledged]
        until(lambda: min(acknowledged.values()) >= 3)
        own_server.kill()
        for writer in writers:
            writer.result(WITHIN)
    own_server.start()
    for writer, batches in acknowledged.items():
        stored = int(ask(own_server.url, f"SELECT count() FROM t WHERE writer = {writer}"))
        # The one on its way when the process died may be there, but whole.
        assert stored in (batches * ROWS, (batches + 1) * ROWS)


def test_a_token_is_remembered_over_a_kill(own_server: Embedded) -> None:
    own_server.start()
    settings = "non_replicated_deduplication_window = 100"
    ask(own_server.url, f"CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n SETTINGS {settings}")
    token = {"insert_deduplication_token": "a"}
    for value in (1, 2):
        assert post(own_server.url, f"INSERT INTO t VALUES ({value})", **token).status_code == 200
        own_server.kill()
        own_server.start()
    assert ask(own_server.url, "SELECT groupArray(n) FROM t") == "[1]"


def test_it_stops_by_sigterm_with_exit_code_0_and_keeps_everything(own_server: Embedded) -> None:
    own_server.start()
    ask(own_server.url, "CREATE DATABASE kept")
    ask(own_server.url, "CREATE TABLE kept.t (n UInt8) ENGINE = MergeTree ORDER BY n")
    ask(own_server.url, "INSERT INTO kept.t VALUES (1), (2)")
    assert own_server.terminate() == 0
    own_server.start()
    assert ask(own_server.url, "SELECT sum(n) FROM kept.t") == "3"
    assert "Traceback" not in own_server.log


def test_it_stops_although_a_query_would_run_for_hours(own_server: Embedded) -> None:
    own_server.start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, own_server.url, FOREVER)
        until(lambda: running(own_server.url) != [])
        assert own_server.terminate() == 0
        assert answer.result(WITHIN).headers["X-ClickHouse-Exception-Code"] == "394"


def test_a_folder_is_served_once(own_server: Embedded, tmp_path: Path) -> None:
    own_server.start()
    second = subprocess.run(command(own_server.path, 0), capture_output=True, text=True, timeout=WITHIN, check=False)
    assert second.returncode == 1
    assert f"{tmp_path / 'data'} is already served by another process (pid " in second.stderr
    assert "Traceback" not in second.stderr
    assert ask(own_server.url, "SELECT 1") == "1"


def test_a_taken_port_is_named(embedded_target: Target, tmp_path: Path) -> None:
    port = httpx.URL(embedded_target.url).port
    assert port is not None
    second = subprocess.run(command(tmp_path, port), capture_output=True, text=True, timeout=WITHIN, check=False)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in second.stderr


def test_with_a_password_only_who_knows_it_gets_in_and_the_log_does_not_learn_it(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    server = Embedded(tmp_path / "data", ("--user", "hail", "--password-file", str(secret)))
    try:
        server.start()
        headers = {"X-ClickHouse-User": "hail", "X-ClickHouse-Key": "s3cret"}
        tries: list[tuple[httpx.Response, int]] = [
            (httpx.get(server.url, params={"query": "SELECT 1"}), 403),
            (httpx.get(server.url, params={"query": "SELECT 1"}, auth=("hail", "wrong")), 403),
            (httpx.get(server.url, params={"query": "SELECT 1"}, auth=("default", "s3cret")), 403),
            (httpx.get(server.url, params={"query": "SELECT 1"}, auth=("hail", "s3cret")), 200),
            (httpx.get(server.url, params={"query": "SELECT 1"}, headers=headers), 200),
            (httpx.get(server.url, params={"query": "SELECT 1", "user": "hail", "password": "s3cret"}), 200),
            (httpx.get(server.url, params={"query": "SELECT 1"}, headers=headers, auth=("hail", "s3cret")), 403),
            (httpx.get(f"{server.url}/ping"), 200),
        ]
        assert [response.status_code for response, _ in tries] == [status for _, status in tries]
        assert tries[0][0].headers["X-ClickHouse-Exception-Code"] == "516"
        post(server.url, "SELECT 'private words'", **{"user": "hail", "password": "s3cret"})
        assert "s3cret" not in server.log
        assert "private words" not in server.log
    finally:
        server.stop()


def test_web_pages_of_others_cannot_use_a_server_without_a_password(embedded_target: Target) -> None:
    for headers in (
        {"Origin": "http://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example"},
    ):
        response = httpx.post(embedded_target.url, content="SELECT 1", headers=headers)
        assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (403, "497"), headers
    own = {"Origin": embedded_target.url}
    assert httpx.post(embedded_target.url, content="SELECT 1", headers=own).text == "1\n"


def test_a_ping_does_not_wait_for_queries(embedded_target: Target) -> None:
    url = embedded_target.url
    queries = CONCURRENT_STATEMENTS + 4
    with ThreadPoolExecutor(queries) as pool:
        answers = [pool.submit(post, url, FOREVER, max_execution_time="4") for _ in range(queries)]
        pings = 0
        while not all(answer.done() for answer in answers):
            assert httpx.get(f"{url}/ping", timeout=3).text == "Ok.\n"
            pings += 1
        codes = {answer.result(WITHIN).headers["X-ClickHouse-Exception-Code"] for answer in answers}
    assert codes == {"159"}
    assert pings > 10


def test_a_query_ends_with_the_client_that_asked_for_that(embedded_target: Target) -> None:
    url = embedded_target.url
    params = {"cancel_http_readonly_queries_on_client_close": "1", "query_id": "abandoned"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url, content=FOREVER, params=params, timeout=0.5)
    until(lambda: not any("sleepEachRow" in query for query in running(url)))
    until(lambda: post(url, "SELECT 1", query_id="abandoned").status_code == 200)


def test_a_result_that_nobody_reads_on_is_given_up(embedded_target: Target) -> None:
    url = embedded_target.url
    params = {"query_id": "half-read"}
    with httpx.stream("POST", url, content="SELECT number FROM system.numbers", params=params) as response:
        next(response.iter_raw())
    until(lambda: post(url, "SELECT 1", query_id="half-read").status_code == 200)
    assert not any("system.numbers" in query for query in running(url))


def test_a_query_id_and_a_session_are_one_at_a_time(embedded_target: Target) -> None:
    url = embedded_target.url
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, url, FOREVER, query_id="only", session_id="one", max_execution_time="3")
        until(lambda: any("sleepEachRow" in query for query in running(url)))
        same_id = post(url, "SELECT 1", query_id="only")
        same_session = post(url, "SELECT 1", session_id="one")
        first.result(WITHIN)
    assert same_id.headers["X-ClickHouse-Exception-Code"] == "216"
    assert same_session.headers["X-ClickHouse-Exception-Code"] == "373"
    assert post(url, "SELECT 1", query_id="only", session_id="one").text == "1\n"


def test_eight_clients_at_once_each_get_their_own_answers(embedded_target: Target, database: str) -> None:
    url = embedded_target.url
    ask(
        url,
        "CREATE TABLE t (client UInt8, n UInt32) ENGINE = ReplacingMergeTree ORDER BY (client, n)",
        database=database,
    )
    begin = threading.Barrier(8)

    def work(client: int) -> None:
        with httpx.Client(base_url=embedded_target.url, params={"database": database}, timeout=WITHIN) as http:
            begin.wait(WITHIN)
            for batch in range(6):
                rows = "".join(f"{client}\t{n}\n" for n in range(batch * ROWS, (batch + 1) * ROWS))
                assert http.post("/", content=f"INSERT INTO t FORMAT TSV\n{rows}").status_code == 200
                mine = http.post("/", content=f"SELECT count(), max(n) FROM t FINAL WHERE client = {client}")
                assert mine.text == f"{(batch + 1) * ROWS}\t{(batch + 1) * ROWS - 1}\n"
                wrong = http.post("/", content=f"SELECT throwIf(1, 'client {client}')")
                assert f"client {client}" in wrong.text
                settings = http.post(
                    "/", content="SELECT getSetting('max_block_size')", params={"max_block_size": client + 1}
                )
                assert settings.text == f"{client + 1}\n"

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, client) for client in range(8)]:
            done.result(WITHIN * 2)
    assert ask(url, "SELECT count() FROM t FINAL", database=database) == str(8 * 6 * ROWS)


def test_a_body_of_100_megabytes_is_neither_slow_nor_held_many_times(embedded: Embedded, database: str) -> None:
    url = embedded.url
    ask(url, "CREATE TABLE t (n UInt64, s String CODEC(NONE)) ENGINE = MergeTree ORDER BY n", database=database)
    body = b"".join(b"%09d\t%s\n" % (n, b"x" * 89) for n in range(1_000_000))
    assert len(body) == 100_000_000
    before = embedded.memory
    began = time.monotonic()
    params = {"query": "INSERT INTO t FORMAT TSV", "database": database}
    response = httpx.post(url, params=params, content=body, timeout=WITHIN)
    took = time.monotonic() - began
    assert response.status_code == 200, response.text
    assert ask(url, "SELECT count(), sum(n) FROM t", database=database) == "1000000\t499999500000"
    assert took < 45, "copying the body again for each of its pieces takes minutes"
    assert embedded.memory - before < 8 * len(body)
