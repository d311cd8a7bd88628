"""Archived columns are the fields of the events, with amounts in cents."""

from __future__ import annotations

from hailstream.archive.layout import RECORD_COLUMNS, event_columns, event_fields
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED


def test_every_field_of_an_event_has_a_column() -> None:
    columns = event_columns(TRIPS_ENDED)
    assert columns["trip_id"] == "STRING"
    assert columns["started_at"] == columns["event_time"] == "TIMESTAMP(3)"
    assert columns["fare_cents"] == columns["congestion_surcharge_cents"] == columns["mta_tax_cents"] == "BIGINT"
    assert not any(name.endswith("_amount") for name in columns)
    assert event_columns(TRIPS_STARTED).keys() < columns.keys() | {"event_time"}


def test_no_two_columns_have_one_name() -> None:
    for topic in (TRIPS_STARTED, TRIPS_ENDED):
        assert not event_columns(topic).keys() & RECORD_COLUMNS.keys()
        assert len(event_fields(topic)) == len({field.name for field in event_fields(topic).values()})
