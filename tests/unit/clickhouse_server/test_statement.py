"""Where a statement ends and its data begins."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.statement import find_insert, first_keyword, is_empty, result_format


@pytest.mark.parametrize(
    ("sql", "head", "form", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", b"INSERT INTO t ", "CSV", b"1,2\n"),
        (b"insert into t (a, b) format Native \x01\x02", b"insert into t (a, b) ", "Native", b"\x01\x02"),
        (b"INSERT INTO t FORMAT TSV\r\n\n1", b"INSERT INTO t ", "TSV", b"\n1"),
        (b"INSERT INTO t FORMAT RowBinary\n\n\n", b"INSERT INTO t ", "RowBinary", b"\n\n"),
        (b"INSERT INTO t VALUES (1)", b"INSERT INTO t ", "Values", b" (1)"),
        (b"INSERT INTO t(format, values) VALUES(1, 2)", b"INSERT INTO t(format, values) ", "Values", b"(1, 2)"),
        (b"INSERT INTO values VALUES (1)", b"INSERT INTO values ", "Values", b" (1)"),
        (b"INSERT INTO db.format FORMAT CSV\n1", b"INSERT INTO db.format ", "CSV", b"1"),
        (b"INSERT INTO TABLE `FORMAT x` FORMAT CSV\n1", b"INSERT INTO TABLE `FORMAT x` ", "CSV", b"1"),
        (
            b"/* FORMAT A */ INSERT -- VALUES\n INTO t FORMAT CSV\n1",
            b"/* FORMAT A */ INSERT -- VALUES\n INTO t ",
            "CSV",
            b"1",
        ),
        (
            b"INSERT INTO t SETTINGS a = 'FORMAT X' FORMAT CSV\n1",
            b"INSERT INTO t ",
            "CSV",
            b"1",
        ),
        (b"INSERT INTO {t:Identifier} FORMAT CSV\n1", b"INSERT INTO {t:Identifier} ", "CSV", b"1"),
        (b"INSERT INTO FUNCTION null('a Int8') FORMAT CSV\n1", b"INSERT INTO FUNCTION null('a Int8') ", "CSV", b"1"),
    ],
)
def test_data_begins_behind_the_format(sql: bytes, head: bytes, form: str, data: bytes) -> None:
    insert = find_insert(sql)
    assert insert is not None
    assert (insert.head, insert.format, sql[insert.data_start :]) == (head, form, data)


@pytest.mark.parametrize(
    ("sql", "rewritten"),
    [
        (b"INSERT INTO t(a) VALUES (1)", b"INSERT INTO t(a) | FROM 'f' COMPRESSION 'none' || FORMAT Values"),
        (
            b"INSERT INTO settings (settings) SETTINGS a = 1, b = 'x' FORMAT CSV\n1",
            b"INSERT INTO settings (settings) | FROM 'f' COMPRESSION 'none' |SETTINGS a = 1, b = 'x' | FORMAT CSV",
        ),
        (b"INSERT INTO t -- end\nFORMAT CSV\n1", b"INSERT INTO t -- end\n| FROM 'f' COMPRESSION 'none' || FORMAT CSV"),
    ],
)
def test_the_data_may_be_in_a_file_and_the_settings_stay_behind_it(sql: bytes, rewritten: bytes) -> None:
    insert = find_insert(sql)
    assert insert is not None
    parts = [part.strip(b" ") for part in rewritten.replace(b"FROM", b"FROM INFILE").split(b"|")]
    assert [part.strip(b" ") for part in insert.reading(b"'f'").split(b"\n")] == b"\n".join(parts).split(b"\n")


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH 1 AS x SELECT x",
        b"INSERT INTO t",
        b"INSERT INTO t FORMAT",
        b"CREATE TABLE INSERT (a Int8)",
        b"'INSERT INTO t VALUES'",
        b"",
    ],
)
def test_what_carries_no_data_is_left_to_the_engine(sql: bytes) -> None:
    assert find_insert(sql) is None


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"INSERT INTO t SELECT * FROM input('a Int8') FORMAT CSV\n1", 48),
        (b"INSERT INTO t FROM INFILE 'x.csv' FORMAT CSV", 78),
    ],
)
def test_data_the_engine_would_lose_is_refused(sql: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        find_insert(sql)
    assert refusal.value.code == code


@given(st.binary(max_size=200))
def test_the_data_of_an_insert_is_never_changed(data: bytes) -> None:
    sql = b"INSERT INTO t FORMAT Native\n" + data
    insert = find_insert(sql)
    assert insert is not None
    assert sql[insert.data_start :] == data


@given(st.binary(max_size=100) | st.text(alphabet="INSERTFOMAVLU '\"`$/*-\n(){};", max_size=60).map(str.encode))
def test_no_text_breaks_the_lexer(sql: bytes) -> None:
    for read in (find_insert, result_format):
        with suppress(ClickHouseError):
            read(sql)


@pytest.mark.parametrize(
    ("sql", "form"),
    [
        (b"SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1\n FORMAT Native;", "Native"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT format FROM t", None),
        (b"SELECT (SELECT 1 FORMAT CSV)", None),
        (b"SELECT ' FORMAT CSV'", None),
        (b"SELECT 1 -- FORMAT CSV", None),
        (b"SELECT 1 /* */ FORMAT /* x */ CSV -- end", "CSV"),
        (b"SELECT format FORMAT format", "format"),
        (b"SELECT $x$ FORMAT CSV $x$ FORMAT TSV", "TSV"),
    ],
)
def test_the_format_clause_is_the_one_at_the_end(sql: bytes, form: str | None) -> None:
    assert result_format(sql) == form


def test_a_result_is_not_written_to_a_file() -> None:
    with pytest.raises(ClickHouseError) as refusal:
        result_format(b"SELECT 1 INTO OUTFILE '/tmp/x' FORMAT CSV")
    assert refusal.value.name == "INTO_OUTFILE_NOT_ALLOWED"


def test_the_first_word_counts_behind_comments_and_brackets() -> None:
    assert first_keyword(b"-- a\n /* b */ ((select 1))") == b"SELECT"
    assert first_keyword(b"'x'") == b""
    assert is_empty(b" -- nothing\n /* at all")
    assert not is_empty(b"-- nothing\n;")
