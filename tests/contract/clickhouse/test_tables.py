"""What the loader needs of tables, through both clients."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.contract.clickhouse.asking import Asking, Refused


def test_rows_come_back_as_they_were_inserted(ask: Asking) -> None:
    ask.do("CREATE TABLE t (id UInt64, name String, part LowCardinality(String)) ENGINE = MergeTree ORDER BY id")
    rows = [[1, "a,'\"\\\t", "x"], [2**64 - 1, "żółć 🚕", "y"], [3, "", "x"]]
    assert ask.insert("t", ["id", "name", "part"], rows) == 3
    assert ask.rows("SELECT id, name, part FROM t ORDER BY id") == sorted(rows)


def test_decimals_nulls_and_times_are_exact(ask: Asking) -> None:
    ask.do(
        "CREATE TABLE t (k UInt8, money Decimal(18, 2), maybe Nullable(Int64), at DateTime64(3, 'UTC')) "
        "ENGINE = MergeTree ORDER BY k"
    )
    ask.do("INSERT INTO t VALUES (1, 1266922.59, NULL, '2013-01-01 05:00:00.123'), (2, -0.01, -5, 0)")
    assert ask.rows("SELECT toString(money), maybe, toUnixTimestamp64Milli(at) FROM t ORDER BY k") == [
        ["1266922.59", None, 1357016400123],
        ["-0.01", -5, 0],
    ]
    assert ask.rows("SELECT toString(sum(money)) FROM t") == [[str(Decimal("1266922.58"))]]
    moment = datetime(2013, 1, 1, 5, 0, 0, 123000, tzinfo=UTC)
    assert ask.rows(
        "SELECT count() FROM t WHERE at = toDateTime64({at:Float64}, 3)", params={"at": moment.timestamp()}
    ) == [[1]]


def test_one_token_inserts_once(ask: Asking) -> None:
    ask.do("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100")
    for token, value in [("first", 1), ("first", 2), ("second", 3), ("first", 4)]:
        ask.insert("t", ["n"], [[value]], settings={"insert_deduplication_token": token})
    assert ask.rows("SELECT n FROM t ORDER BY n") == [[1], [3]]


def test_without_a_token_equal_rows_of_two_inserts_are_one_block_in_the_window(ask: Asking) -> None:
    ask.do("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100")
    for value in (7, 7, 8):
        ask.insert("t", ["n"], [[value]])
    assert ask.rows("SELECT n FROM t ORDER BY n") == [[7], [8]]


def test_the_newest_version_wins_and_a_deleted_row_is_gone(ask: Asking) -> None:
    ask.do(
        "CREATE TABLE t (k UInt8, value String, version UInt64, is_deleted UInt8) "
        "ENGINE = ReplacingMergeTree(version, is_deleted) ORDER BY k"
    )
    columns = ["k", "value", "version", "is_deleted"]
    ask.insert("t", columns, [[1, "new", 5, 0], [2, "kept", 1, 0], [3, "gone", 1, 0]])
    ask.insert("t", columns, [[1, "old", 4, 0], [3, "gone", 2, 1]])
    assert ask.rows("SELECT k, value FROM t FINAL ORDER BY k") == [[1, "new"], [2, "kept"]]
    assert ask.rows("SELECT count() FROM t") == [[5]]


def test_tables_change_places_in_one_step(ask: Asking) -> None:
    for name, value in (("a", 1), ("b", 2)):
        ask.do(f"CREATE TABLE {name} (n UInt8) ENGINE = MergeTree ORDER BY n")
        ask.insert(name, ["n"], [[value]])
    ask.do("EXCHANGE TABLES a AND b")
    assert ask.rows("SELECT (SELECT n FROM a), (SELECT n FROM b)") == [[2, 1]]
    assert ask.rows("SELECT engine FROM system.databases WHERE name = currentDatabase()") == [["Atomic"]]


def test_a_bad_row_among_good_ones_leaves_nothing(ask: Asking) -> None:
    ask.do("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
    with pytest.raises(Refused):
        ask.do("INSERT INTO t VALUES " + ", ".join(f"({n})" for n in range(200)) + ", ('no number')")
    assert ask.rows("SELECT count() FROM t") == [[0]]


def test_partitions_are_dropped_one_at_a_time(ask: Asking) -> None:
    ask.do("CREATE TABLE t (k UInt8, n UInt8) ENGINE = MergeTree PARTITION BY k ORDER BY n")
    ask.insert("t", ["k", "n"], [[1, 1], [2, 2], [2, 3]])
    ask.do("ALTER TABLE t DROP PARTITION 2")
    assert ask.rows("SELECT k, n FROM t") == [[1, 1]]


@pytest.mark.parametrize("value", ["plain", "it's", 'back\\slash and "quotes"', "tab\tline\nend", "żółć", "{x:String}"])
def test_a_parameter_arrives_as_it_was(ask: Asking, value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    # The client library escapes by itself; on the wire the value is escaped as in TabSeparated.
    sent = escaped if type(ask).__name__ == "ByHttpx" else value
    assert ask.rows("SELECT {x:String}", params={"x": sent}) == [[value]]


def test_parameters_name_tables_and_bound_lists(ask: Asking) -> None:
    ask.do("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
    ask.insert("t", ["n"], [[1], [2], [3]])
    sql = "SELECT n FROM {table:Identifier} WHERE n IN {wanted:Array(UInt8)} ORDER BY n"
    assert ask.rows(sql, params={"table": "t", "wanted": [1, 3, 9]}) == [[1], [3]]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM no_such_table", 60),
        ("SELECT * FROM no_such_database.t", 81),
        ("SELEKT 1", 62),
        ("SELECT no_such_column FROM system.one", 47),
        ("SELECT no_such_function(1)", 46),
        ("SELECT {x:UInt8}", 456),
        ("SELECT throwIf(1, 'on purpose')", 395),
    ],
)
def test_a_refusal_carries_the_code_of_clickhouse(ask: Asking, sql: str, code: int) -> None:
    with pytest.raises(Refused) as refusal:
        ask.rows(sql)
    assert refusal.value.code == code
    assert f"Code: {code}. DB::Exception: " in str(refusal.value)


def test_settings_hold_for_one_request(ask: Asking) -> None:
    look = "SELECT toInt64(getSetting('max_threads')), getSetting('session_timezone')"
    before = ask.rows(look)
    assert ask.rows(look, settings={"max_threads": 7, "session_timezone": "America/New_York"}) == [
        [7, "America/New_York"]
    ]
    assert ask.rows(look) == before


def test_a_result_of_many_blocks_is_whole(ask: Asking) -> None:
    rows = ask.rows("SELECT number, cityHash64(number) FROM numbers(300000)")
    assert [row[0] for row in rows] == list(range(300_000))


def test_an_insert_from_a_select_and_a_view(ask: Asking) -> None:
    ask.do("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    ask.do("CREATE VIEW doubled AS SELECT n * 2 AS m FROM t")
    ask.do("INSERT INTO t SELECT number FROM numbers(10)")
    assert ask.rows("SELECT sum(m) FROM doubled") == [[90]]
    assert ask.rows("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 't'") == [["n"]]
