"""Where the embedded server keeps the data of an insert until it is in its table, and what is left of it."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.contract.clickhouse.embedded import Embedded
from tests.contract.clickhouse.test_process import WITHIN, ask, post, running, until

SLOW = "CREATE TABLE t (n UInt8, CONSTRAINT slow CHECK sleepEachRow(1) = 0) ENGINE = MergeTree ORDER BY n"
ENDLESS = "INSERT INTO t SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT CSV\n" + (
    "1\n" * 200
)


def incoming(server: Embedded) -> list[Path]:
    return list((server.path / "incoming").iterdir())


def inserting(server: Embedded) -> bool:
    return any("INSERT INTO t" in query for query in running(server.url))


def test_a_kill_in_the_middle_of_an_insert_leaves_no_file_and_no_row(own_server: Embedded) -> None:
    own_server.start()
    ask(own_server.url, SLOW)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, own_server.url, ENDLESS)
        until(lambda: inserting(own_server))
        own_server.kill()
        with pytest.raises(httpx.HTTPError):
            answer.result(WITHIN)
    left = own_server.path / "incoming" / "left by a kill"
    left.write_bytes(b"1\n")
    own_server.start()
    assert incoming(own_server) == []
    assert ask(own_server.url, "SELECT count() FROM t") == "0"


def test_it_stops_although_an_insert_would_run_for_minutes(own_server: Embedded) -> None:
    own_server.start()
    ask(own_server.url, SLOW)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, own_server.url, ENDLESS)
        until(lambda: inserting(own_server))
        assert own_server.terminate() == 0
        assert answer.result(WITHIN).headers["X-ClickHouse-Exception-Code"] == "394"
    own_server.start()
    assert ask(own_server.url, "SELECT count() FROM t") == "0"


def test_a_disk_that_is_full_as_the_data_arrives_is_an_error_and_not_the_end(own_server: Embedded) -> None:
    """No file may grow: what a full disk is to a program, without filling one."""
    own_server.start()
    ask(own_server.url, "CREATE TABLE t (n UInt8, s String) ENGINE = MergeTree ORDER BY n")
    sql = "INSERT INTO t FORMAT CSV\n" + f"1,{'x' * 9_999}\n" * 1_000
    server = psutil.Process(own_server.process_id)
    before = server.rlimit(resource.RLIMIT_FSIZE)
    server.rlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))
    response = post(own_server.url, sql)
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "243")
    server.rlimit(resource.RLIMIT_FSIZE, before)
    assert ask(own_server.url, "SELECT count() FROM t") == "0"
    assert post(own_server.url, sql).status_code == 200
    assert incoming(own_server) == []


def test_what_a_refused_row_says_does_not_name_the_file(own_server: Embedded) -> None:
    own_server.start()
    ask(own_server.url, "CREATE TABLE t (n UInt8) ENGINE = Memory")
    for form, data in (("CSV", "1\nx\n"), ("Native", "no block"), ("Parquet", "PAR1"), ("Values", "(1), (x)")):
        response = post(own_server.url, f"INSERT INTO t FORMAT {form}\n{data}")
        assert response.status_code >= 400
        assert "/fd/" not in response.text, form
        assert "from file" not in response.text, form
    assert incoming(own_server) == []


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    server = Embedded(tmp_path / "it's {a,b} *[x]? folder\\")
    try:
        server.start()
        ask(server.url, "CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
        ask(server.url, "INSERT INTO t VALUES (1), (2)")
        assert ask(server.url, "SELECT sum(n) FROM t") == "3"
    finally:
        server.stop()


def test_the_rows_of_a_parquet_file_come_in_the_same_order_each_time(embedded: Embedded, database: str) -> None:
    url = embedded.url
    window = "SETTINGS non_replicated_deduplication_window = 100"
    ask(url, f"CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY tuple() {window}", database=database)
    sql = "SELECT number::UInt32 AS n FROM numbers(3000000) FORMAT Parquet"
    rows = post(url, sql, output_format_parquet_row_group_size="50000").content
    params = {"query": "INSERT INTO t FORMAT Parquet", "database": database, "max_threads": "4"}
    for _ in range(4):
        assert httpx.post(url, params=params, content=rows, timeout=WITHIN).status_code == 200
    assert ask(url, "SELECT count() FROM t", database=database) == "3000000"
