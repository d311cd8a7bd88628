"""What the ClickHouse sink and its tables promise beyond every sink's contract."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from hailstream.clickhouse import connect, reachable
from hailstream.errors import HailstreamError
from hailstream.loader.clickhouse_sink import ClickHouseSink, table_of
from hailstream.loader.contract import TopicState
from hailstream.loader.migrations import migrate
from hailstream.loader.version import Authority, pack
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, EVENTS_REJECTED, LOAD_REJECTED, RESULT_TOPICS, ZONE_COUNTS, ZONE_REVENUE
from tests.contract.loader.results import counts, revenue, rows_of

STATE = TopicState("first", 0)


@pytest.fixture
def sink(settings: Settings) -> ClickHouseSink:
    made = ClickHouseSink(settings)
    made.open({})
    return made


def query(settings: Settings, text: str) -> list[tuple[Any, ...]]:
    with reachable(settings, database=settings.database) as client:
        return [tuple(row) for row in client.query(text).result_rows]


def run(settings: Settings, text: str) -> None:
    with reachable(settings, database=settings.database) as client:
        client.command(text)


def test_rows_of_2013_outlive_merges_and_retention(settings: Settings, sink: ClickHouseSink) -> None:
    sink.write(rows_of(settings, [counts(zone, minute) for minute in range(60) for zone in range(1, 266)]))
    # What a TTL of event time would do at its next merge is forced now.
    for table in ("zone_counts_raw", "zone_revenue_raw", "rejected_raw", "late_raw", "load_rejected_raw"):
        with contextlib.suppress(HailstreamError):  # refused where there is no TTL at all
            run(settings, f"ALTER TABLE {table} MATERIALIZE TTL SETTINGS mutations_sync = 2")
        run(settings, f"OPTIMIZE TABLE {table} FINAL")
    definitions = query(settings, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase()")
    assert not [text for (text,) in definitions if re.search(r"TTL (?!ingested_at)", text)]
    assert query(settings, "SELECT count(), toString(min(window_start)) FROM zone_counts") == [
        (60 * 265, "2013-01-01 00:00:00.000")
    ]


def test_a_row_that_breaks_a_constraint_is_refused_and_the_rest_goes_in(
    settings: Settings, sink: ClickHouseSink
) -> None:
    rows = [counts(zone=zone if zone not in (7, 30) else 300) for zone in range(1, 51)]
    refused = sink.write(rows_of(settings, rows, first_offset=100))
    assert [(r.partition, r.offset) for r in refused] == [(0, 106), (0, 129)]
    assert all("zone_exists" in r.reason for r in refused)
    assert query(settings, "SELECT count() FROM zone_counts") == [(48,)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"zone_id": 65536 + 5}, "zone_id = 65541 does not fit UInt16"),
        ({"zone_id": -1}, "zone_id = -1"),
        ({"trips": 2**40}, "trips = 1099511627776 does not fit UInt32"),
        ({"generation": -2}, "generation = -2"),
        ({"window_end": datetime(2500, 1, 1, tzinfo=UTC)}, "window_end"),
    ],
)
def test_a_value_that_the_server_would_cut_silently_is_refused(
    settings: Settings, sink: ClickHouseSink, fields: dict[str, Any], reason: str
) -> None:
    [refused] = sink.write(rows_of(settings, [counts(zone=1), counts(zone=2, **fields), counts(zone=3)]))
    assert refused.offset == 1
    assert reason in refused.reason
    assert query(settings, "SELECT zone_id FROM zone_counts ORDER BY zone_id") == [(1,), (3,)]


def test_a_batch_of_nothing_but_refused_rows_is_no_error(settings: Settings, sink: ClickHouseSink) -> None:
    assert len(sink.write(rows_of(settings, [counts(zone=300), counts(zone=0)]))) == 2
    assert query(settings, "SELECT count() FROM zone_counts_raw") == [(0,)]


def test_the_same_batch_twice_is_stored_once_even_before_a_merge(settings: Settings, sink: ClickHouseSink) -> None:
    for _ in range(2):
        sink.write(rows_of(settings, [counts(1), counts(2)]))
    assert query(settings, "SELECT count() FROM zone_counts_raw") == [(2,)]


def test_equal_offsets_of_a_topic_made_anew_are_not_taken_for_a_repetition(
    settings: Settings, sink: ClickHouseSink
) -> None:
    sink.write(rows_of(settings, [counts(1, trips=1)], state=TopicState("first", 0)))
    sink.write(rows_of(settings, [counts(2, trips=2)], state=TopicState("second", 1)))
    assert query(settings, "SELECT zone_id, trips FROM zone_counts ORDER BY zone_id") == [(1, 1), (2, 2)]


def test_partitions_with_equal_offsets_do_not_hide_each_other(settings: Settings, sink: ClickHouseSink) -> None:
    for partition in range(4):
        sink.write(rows_of(settings, [counts(zone=partition + 1)], partition=partition))
    assert query(settings, "SELECT count() FROM zone_counts") == [(4,)]


def test_a_batch_that_spans_more_months_than_the_server_allows_an_insert_goes_in(
    settings: Settings, sink: ClickHouseSink
) -> None:
    months = 150
    rows = [counts(minute=month * 31 * 24 * 60) for month in range(months)]
    assert sink.write(rows_of(settings, rows)) == []
    assert query(settings, "SELECT count() FROM zone_counts") == [(months,)]


def test_what_batch_recomputed_outranks_the_stream_and_a_deleted_row_stays_deleted(
    settings: Settings, sink: ClickHouseSink
) -> None:
    sink.write(rows_of(settings, [counts(1, trips=1), counts(2, trips=1)]))
    batch = pack(1, Authority.BATCH, 1)
    run(
        settings,
        "INSERT INTO zone_counts_raw (zone_id, window_start, window_end, trips, generation, version, is_deleted) VALUES"
        f" (1, '2013-01-01 00:00:00', '2013-01-01 00:05:00', 9, 1, {batch}, 0),"
        f" (2, '2013-01-01 00:00:00', '2013-01-01 00:05:00', 0, 1, {batch}, 1)",
    )
    assert query(settings, "SELECT zone_id, trips FROM zone_counts") == [(1, 9)]
    run(settings, "OPTIMIZE TABLE zone_counts_raw FINAL")
    sink.write(rows_of(settings, [counts(1, trips=5), counts(2, trips=5)], first_offset=1000))
    assert query(settings, "SELECT zone_id, trips FROM zone_counts") == [(1, 9)]


def test_averages_and_deviations_are_those_of_pandas(settings: Settings, sink: ClickHouseSink) -> None:
    fares = {1: ["10.00", "12.50", "7.25"], 2: ["99999.99", "99999.98", "99999.97"], 3: ["5.00"], 4: []}
    sink.write(rows_of(settings, [revenue(zone, fares=f) for zone, f in fares.items()], topic=ZONE_REVENUE))
    found = query(
        settings, "SELECT zone_id, avg_fare, fare_stddev, avg_tip, fare_sum FROM zone_revenue ORDER BY zone_id"
    )
    for zone, average, deviation, tip, total in found:
        series = pd.Series([float(fare) for fare in fares[zone]], dtype=float)
        assert total == sum((Decimal(fare) for fare in fares[zone]), Decimal("0.00"))
        assert average == (pytest.approx(series.mean(), rel=1e-12) if len(series) else None)
        assert deviation == (pytest.approx(series.std(), rel=1e-6) if len(series) > 1 else None)
        assert tip == (1.0 if len(series) else None)


def test_money_is_exact_to_the_last_cent_at_the_edge_of_its_type(settings: Settings, sink: ClickHouseSink) -> None:
    most, least = Decimal("9999999999999999.99"), Decimal("-9999999999999999.99")
    squares = Decimal("999999999999999999.9999")
    sink.write(
        rows_of(
            settings,
            [revenue(1, total_sum=most, fare_sum=least, fare_sq=squares), revenue(2, total_sum=Decimal("-0.01"))],
            topic=ZONE_REVENUE,
        )
    )
    assert query(settings, "SELECT total_sum, fare_sum, fare_sq FROM zone_revenue WHERE zone_id = 1") == [
        (most, least, squares)
    ]
    assert query(settings, "SELECT total_sum FROM zone_revenue WHERE zone_id = 2") == [(Decimal("-0.01"),)]


def test_local_times_are_new_york_wall_clock_in_winter_and_summer(settings: Settings, sink: ClickHouseSink) -> None:
    sink.write(rows_of(settings, [counts(1), counts(2, minute=182 * 24 * 60)]))
    assert query(settings, "SELECT toString(window_start_local) FROM zone_counts ORDER BY zone_id") == [
        ("2012-12-31 19:00:00.000",),
        ("2013-07-01 20:00:00.000",),
    ]


def test_dead_letters_keep_their_original_bytes(settings: Settings, sink: ClickHouseSink) -> None:
    value = bytes(range(256))
    at = {"topic": "trips.started.v1", "partition": 3, "offset": 2**40}
    time = datetime(2013, 1, 1, tzinfo=UTC)
    rejected = at | {"record_time": time, "reason": "truncated", "detail": "", "value": value}
    late = at | {"metric": "zone_counts", "event_time": time, "watermark": time.replace(minute=6), "trip_id": "a"}
    late |= {"zone_id": 265, "value": value}
    refused = {"sink": "redis_now"} | at | {"reason": "no", "value": value}
    for topic, row in ((EVENTS_REJECTED, rejected), (EVENTS_LATE, late), (LOAD_REJECTED, refused)):
        assert sink.write(rows_of(settings, [row], topic=topic)) == []
    for view in ("rejected", "late", "load_rejected"):
        assert query(settings, f"SELECT partition, offset, hex(value) FROM {view}") == [(3, 2**40, value.hex().upper())]
    assert query(settings, "SELECT seconds_behind FROM late") == [(360.0,)]


def test_an_older_message_of_a_zone_in_another_month_is_untouched(settings: Settings, sink: ClickHouseSink) -> None:
    sink.write(rows_of(settings, [counts(minute=0, trips=1), counts(minute=40 * 24 * 60, trips=2)]))
    assert query(settings, "SELECT trips FROM zone_counts ORDER BY window_start") == [(1,), (2,)]


def test_every_result_topic_has_a_table_that_takes_all_its_fields(settings: Settings, sink: ClickHouseSink) -> None:  # noqa: ARG001
    from hailstream.loader.decode import reader_of

    for topic in RESULT_TOPICS:
        columns = query(
            settings,
            f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table_of(topic)}'",
        )
        assert set(reader_of(topic).columns) <= {name for (name,) in columns}


def test_opening_a_second_time_migrates_nothing(settings: Settings, sink: ClickHouseSink) -> None:  # noqa: ARG001
    with connect(settings) as client:
        assert migrate(client, settings.database) == []


def test_batches_of_one_topic_keep_their_epoch_over_restarts(settings: Settings) -> None:
    name = ZONE_COUNTS.name(settings.namespace)
    epochs = [ClickHouseSink(settings).open({name: topic_id}).epochs[name] for topic_id in ("a", "a", "b", "a", "b")]
    assert epochs == [0, 0, 1, 0, 1]
