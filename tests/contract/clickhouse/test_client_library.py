"""What only clickhouse-connect does with the protocol: frames, streams, asynchronous clients."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.contract.clickhouse.asking import Target


@pytest.fixture(params=["lz4", "zstd", "gzip", False])
def client(request: pytest.FixtureRequest, target: Target, database: str) -> Iterator[Client]:
    with target.connect(database=database, compress=request.param) as connected:
        yield connected


def frame(rows: int) -> pd.DataFrame:
    numbers = range(rows)
    return pd.DataFrame(
        {
            "zone_id": pd.Series([n % 265 for n in numbers], dtype="uint16"),
            "window_start": pd.to_datetime([1_700_000_000 + n * 60 for n in numbers], unit="s"),
            "fares": [n / 100 for n in numbers],
            "name": [f"zone {n}" for n in numbers],
        }
    )


def test_a_frame_goes_in_and_comes_out_the_same(client: Client) -> None:
    client.command(
        "CREATE TABLE t (zone_id UInt16, window_start DateTime('UTC'), fares Float64, name String) "
        "ENGINE = MergeTree ORDER BY window_start"
    )
    sent = frame(70_000)
    assert client.insert_df("t", sent).written_rows == len(sent)
    back = client.query_df("SELECT * FROM t ORDER BY window_start")
    back["window_start"] = back["window_start"].dt.tz_localize(None).astype(sent["window_start"].dtype)
    pd.testing.assert_frame_equal(back, sent, check_dtype=False)
    assert client.query_arrow("SELECT name FROM t WHERE zone_id = 264 LIMIT 2").num_rows == 2


def test_a_stream_gives_blocks_as_they_are_made(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(1000000)", {"max_block_size": 10_000}) as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 10


def test_an_error_in_a_stream_is_told_with_its_code(client: Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000, 'on purpose') FROM numbers(4000000)"
    seen = 0
    stream = client.query_row_block_stream(sql)

    def read() -> None:
        nonlocal seen
        with stream:
            for block in stream:
                seen += len(block)

    with pytest.raises(StreamFailureError, match="on purpose"):
        read()
    assert seen <= 3_000_000


def test_an_empty_result_has_its_columns(client: Client) -> None:
    assert client.query("SELECT 1 AS a, 'x' AS b LIMIT 0").column_names == ("a", "b")
    assert client.query("SELECT number FROM numbers(10) WHERE number > 10").result_rows == []


def test_a_table_may_come_with_the_query(client: Client) -> None:
    data = ExternalData(
        file_name="zones.csv", data=b"1,Newark\n2,Jamaica\n", fmt="CSV", structure="id UInt8, name String"
    )
    assert client.query("SELECT name FROM zones ORDER BY id", external_data=data).result_rows == [
        ("Newark",),
        ("Jamaica",),
    ]


def test_a_client_has_its_temporary_tables(client: Client) -> None:
    client.command("CREATE TEMPORARY TABLE mine (n UInt8)")
    client.insert("mine", [[1], [2]], column_names=["n"])
    assert client.query("SELECT sum(n) FROM mine").result_rows == [(3,)]


def test_raw_queries_and_inserts_pass_bytes_through(client: Client) -> None:
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    parquet = client.raw_query("SELECT number AS n FROM numbers(1000)", fmt="Parquet")
    assert parquet[:4] == b"PAR1"
    client.raw_insert("t", insert_block=parquet, fmt="Parquet")
    assert client.command("SELECT sum(n) FROM t") == 499_500


def test_the_wrong_password_is_an_authentication_error(target: Target) -> None:
    with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED") as refusal:
        target.connect(password=f"not {target.password}")
    assert refusal.value.code == 516
