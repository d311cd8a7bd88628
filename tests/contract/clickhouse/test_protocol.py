"""The HTTP interface itself: where the query is, how the answer is wrapped, what a session keeps."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.clickhouse.asking import Target, run, summary


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_health_checks_answer_ok(target: Target, path: str) -> None:
    response = httpx.get(target.url + path)
    assert (response.status_code, response.text) == (200, "Ok.\n")
    assert httpx.head(target.url + path).status_code == 200


def test_the_query_may_be_in_the_url_the_body_or_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content="SELECT 1").text == "1\n"
    assert http.post("/", params={"query": "SELECT 1"}, content="+ 1").text == "2\n"
    assert http.post("/", params={"query": "SELECT 1"}).text == "1\n"


def test_a_query_says_what_it_read(table: httpx.Client) -> None:
    run(table, "INSERT INTO t SELECT number, '' FROM numbers(1000)")
    response = table.post("/", content="SELECT sum(n) FROM t", params={"wait_end_of_query": "1"})
    assert response.text == "499500\n"
    assert summary(response)["read_rows"] == 1000
    assert summary(response)["result_rows"] == 1
    assert response.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert response.headers["Content-Type"].startswith("text/tab-separated-values")
    assert response.headers["X-ClickHouse-Timezone"]
    assert response.headers["X-ClickHouse-Server-Display-Name"]


def test_the_format_is_asked_for_in_three_places_and_the_query_has_the_last_word(http: httpx.Client) -> None:
    in_header = {"X-ClickHouse-Format": "CSV"}
    assert http.post("/", content="SELECT 'a' AS x", headers=in_header).text == '"a"\n'
    by_param = http.post("/", content="SELECT 'a' AS x", headers=in_header, params={"default_format": "JSONEachRow"})
    assert by_param.text == '{"x":"a"}\n'
    by_query = http.post("/", content="SELECT 'a' AS x FORMAT TSV", params={"default_format": "JSONEachRow"})
    assert (by_query.text, by_query.headers["X-ClickHouse-Format"]) == ("a\n", "TSV")
    named = http.post("/", content="SELECT 1 AS format FORMAT JSONEachRow SETTINGS max_threads = 1")
    assert (named.text, named.headers["X-ClickHouse-Format"]) == ('{"format":1}\n', "JSONEachRow")


def test_a_session_keeps_temporary_tables_settings_and_database(http: httpx.Client, database: str) -> None:
    def ask(sql: str, **params: str) -> str:
        response = http.post("/", content=sql, params={"session_id": "keeper", **params})
        assert response.status_code == 200, response.text
        return response.text

    ask("CREATE TEMPORARY TABLE mine (n UInt8)")
    ask("INSERT INTO mine VALUES (1), (2)")
    ask("SET max_block_size = 1234")
    ask("USE system", database="")
    assert ask("SELECT sum(n) FROM mine") == "3\n"
    assert ask("SELECT getSetting('max_block_size')") == "1234\n"
    assert ask("SELECT getSetting('max_block_size')", max_block_size="99") == "99\n"
    assert ask("SELECT getSetting('max_block_size')", session_check="1") == "1234\n"
    assert ask("SELECT currentDatabase()", database="") == "system\n"
    assert ask("SELECT currentDatabase()") == f"{database}\n"
    assert ask("SELECT currentDatabase()", database="") == "system\n"
    elsewhere = http.post("/", content="SELECT * FROM mine", params={"session_id": "other"})
    assert elsewhere.headers["X-ClickHouse-Exception-Code"] == "60"


def test_form_fields_carry_query_and_parameters_and_files_are_tables(http: httpx.Client) -> None:
    form = {"query": (None, "SELECT {x:UInt8} + 1"), "param_x": (None, "41")}
    assert http.post("/", files=form).text == "42\n"
    files = {"pairs": ("pairs.csv", b"1,a\r\n2,b\n", "text/plain")}
    params = {
        "query": "SELECT n FROM pairs ORDER BY n FORMAT CSV",
        "pairs_structure": "n UInt8, s String",
        "pairs_format": "CSV",
    }
    response = http.post("/", params=params, files=files)
    assert response.text == "1\n2\n"


@pytest.mark.parametrize(
    "system_table",
    ["databases", "tables", "columns", "functions", "settings", "formats", "data_type_families", "processes", "parts"],
)
def test_system_tables_that_dashboards_read_are_there(http: httpx.Client, system_table: str) -> None:
    response = http.post("/", content=f"SELECT * FROM system.{system_table} LIMIT 3 FORMAT JSON")
    assert response.status_code == 200, response.text
    assert response.json()["meta"]


def test_a_query_can_be_as_large_as_the_engine_takes(http: httpx.Client) -> None:
    listed = ", ".join(str(n) for n in range(30_000))
    assert run(http, f"SELECT length([{listed}])") == "30000\n"
    refused = http.post("/", content=f"SELECT length([{listed}])", params={"max_query_size": "1000"})
    assert refused.headers["X-ClickHouse-Exception-Code"] == "62"
