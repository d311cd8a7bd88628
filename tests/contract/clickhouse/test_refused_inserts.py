"""An insert that fails behind its parser is an error, and nothing of it is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contract.clickhouse.asking import Target, run

FORBIDDEN = 4_000_000_000
CONSTRAINT = "CONSTRAINT small CHECK n < 1000000000"
# What is sent, and where the row is that breaks the constraint. Clients cut the longest into several blocks.
BROKEN = {
    "alone": [FORBIDDEN],
    "first": [FORBIDDEN, *range(10)],
    "last": [*range(10), FORBIDDEN],
    "in a later block": [*range(700_000), FORBIDDEN, 1],
}


@pytest.fixture
def guarded(http: httpx.Client) -> httpx.Client:
    """A table that takes small numbers only."""
    run(http, f"CREATE TABLE t (n UInt32, s String DEFAULT 'x', {CONSTRAINT}) ENGINE = MergeTree ORDER BY n")
    return http


@pytest.fixture(params=["lz4", False])
def client(request: pytest.FixtureRequest, target: Target, database: str, guarded: httpx.Client) -> Client:  # noqa: ARG001
    return target.connect(database=database, compress=request.param)


def by_rows(client: Client, numbers: Sequence[int]) -> Any:
    return client.insert("t", [[n] for n in numbers], column_names=["n"])


def by_frame(client: Client, numbers: Sequence[int]) -> Any:
    return client.insert_df("t", pd.DataFrame({"n": pd.Series(numbers, dtype="uint32")}))


def by_arrow(client: Client, numbers: Sequence[int]) -> Any:
    schema = pa.schema({"n": pa.uint32()})
    starts = range(0, len(numbers), 300_000)
    batches = [pa.record_batch({"n": numbers[at : at + 300_000]}, schema=schema) for at in starts]
    return client.insert_arrow("t", pa.Table.from_batches(batches))


@pytest.mark.parametrize("insert", [by_rows, by_frame, by_arrow])
@pytest.mark.parametrize("numbers", BROKEN.values(), ids=BROKEN)
def test_the_client_library_hears_of_a_broken_constraint(
    client: Client, insert: Callable[[Client, Sequence[int]], Any], numbers: list[int]
) -> None:
    with pytest.raises(DatabaseError, match="Constraint `small`") as refusal:
        insert(client, numbers)
    assert refusal.value.code == 469
    assert client.command("SELECT count() FROM t") == 0
    good = [n for n in numbers if n != FORBIDDEN] or [1]
    assert insert(client, good).written_rows == len(good)
    assert client.command("SELECT count() FROM t") == len(good)


def native(http: httpx.Client, numbers: Sequence[int]) -> bytes:
    """Native in as many blocks as there are parts of ten thousand rows."""
    blocks = []
    for at in range(0, len(numbers), 10_000):
        tsv = "".join(f"{n}\n" for n in numbers[at : at + 10_000])
        files = {"sent": ("sent.tsv", tsv)}
        params = {"query": "SELECT n FROM sent FORMAT Native", "sent_structure": "n UInt32"}
        blocks.append(http.post("/", params=params, files=files).content)
    return b"".join(blocks)


WRITERS: dict[str, Callable[[httpx.Client, Sequence[int]], bytes]] = {
    "Native": native,
    "TabSeparated": lambda _, numbers: "".join(f"{n}\n" for n in numbers).encode(),
    "Values": lambda _, numbers: ", ".join(f"({n})" for n in numbers).encode(),
    "JSONEachRow": lambda _, numbers: "".join(f'{{"n":{n}}}\n' for n in numbers).encode(),
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("numbers", [BROKEN["alone"], [*range(30_000), FORBIDDEN]], ids=["alone", "in a later block"])
def test_over_http_a_broken_constraint_is_a_500_with_its_code(
    guarded: httpx.Client, form: str, numbers: list[int]
) -> None:
    head = "INSERT INTO t (n) VALUES " if form == "Values" else f"INSERT INTO t (n) FORMAT {form}\n"
    response = guarded.post("/", content=head.encode() + WRITERS[form](guarded, numbers))
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "469")
    assert "Constraint `small`" in response.text
    assert response.text.count("DB::Exception") == 1
    assert run(guarded, "SELECT count() FROM t") == "0\n"


def test_an_insert_select_that_breaks_a_constraint_is_refused(guarded: httpx.Client) -> None:
    response = guarded.post("/", content="INSERT INTO t (n) SELECT 4000000000")
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "469")


@pytest.mark.parametrize(
    ("table", "before", "settings", "code"),
    [
        ("(n UInt32) ENGINE = MergeTree PARTITION BY n ORDER BY n", "", {"max_partitions_per_insert_block": "2"}, 252),
        (
            "(n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1",
            "INSERT INTO t SELECT 7",
            {},
            252,
        ),
        (
            "(n UInt32, s String DEFAULT repeat(repeat('x', 1000000), 100)) ENGINE = MergeTree ORDER BY n",
            "",
            {"max_memory_usage": "50000000"},
            241,
        ),
        ("(n UInt32, s String DEFAULT throwIf(n = 3)) ENGINE = MergeTree ORDER BY n", "", {}, 395),
    ],
    ids=["too many partitions", "too many parts", "memory limit", "throwing default"],
)
def test_what_else_fails_as_it_is_written_is_told(
    http: httpx.Client, table: str, before: str, settings: dict[str, str], code: int
) -> None:
    run(http, f"CREATE TABLE t {table}")
    run(http, "SYSTEM STOP MERGES t")
    if before:
        run(http, before)
    rows = run(http, "SELECT count() FROM t")
    response = http.post("/", content="INSERT INTO t (n) FORMAT CSV\n1\n2\n3\n4\n", params=settings)
    assert (response.status_code, response.headers.get("X-ClickHouse-Exception-Code")) == (500, str(code))
    assert run(http, "SELECT count() FROM t") == rows


def test_a_view_that_fails_is_told(http: httpx.Client) -> None:
    run(http, "CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
    run(http, "CREATE MATERIALIZED VIEW v ENGINE = Memory AS SELECT throwIf(n = 2, 'on purpose') FROM t")
    response = http.post("/", content="INSERT INTO t FORMAT CSV\n1\n2\n")
    assert (response.status_code, response.headers.get("X-ClickHouse-Exception-Code")) == (500, "395")
