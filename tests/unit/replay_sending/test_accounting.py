from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from hailstream.replay.accounting import ReplayReport
from hailstream.replay.events import SourceReport
from hailstream.replay.simulator.source import SimulationReport

GOOD = ReplayReport(
    namespace="n",
    source=SourceReport(10, 8, {"no_pickup_time": 2}, Path("rejects.csv")),
    events=16,
    sent={"n.trips.started.v1": 8, "n.trips.ended.v1": 7},
    refused={"future": 1},
    reached=datetime(2013, 1, 1, tzinfo=UTC),
    heartbeats=8,
)


def test_rows_and_events_that_are_all_accounted_for_balance() -> None:
    assert GOOD.imbalances() == []


def test_a_lost_row_event_or_record_is_told_apart() -> None:
    assert GOOD.source is not None
    lost_row = replace(GOOD, source=replace(GOOD.source, rows_read=11))
    assert lost_row.imbalances() == ["rows read 11 ≠ accepted 8 + rejected 2"]
    assert replace(GOOD, events=17).imbalances() == ["events 17 ≠ sent 15 + refused 1"]
    assert replace(GOOD, missing=3).imbalances() == ["3 acknowledged records are not in the log"]


def test_the_report_is_json() -> None:
    data = json.loads(json.dumps(GOOD.as_dict()))
    assert (data["balanced"], data["source"]["rejects_file"]) == (True, "rejects.csv")
    assert data["reached"] == "2013-01-01T00:00:00+00:00"


def test_the_report_of_a_simulation_is_json_too() -> None:
    simulated = SimulationReport(5, 5, MappingProxyType({}), None, {"late": 1}, {("late", "late"): 1})
    assert json.loads(json.dumps(replace(GOOD, source=simulated).as_dict()))["source"]["rows_read"] == 5


def test_the_table_shows_every_reason_and_what_does_not_add_up() -> None:
    console = Console(record=True, width=140, file=None, quiet=False)
    with console.capture() as capture:
        console.print(replace(GOOD, events=17).table())
    text = capture.get()
    assert "rejected: no_pickup_time" in text
    assert "not sent: future" in text
    assert "events 17 ≠ sent 15 + refused 1" in text
