"""Trip files: the rules and the queries give the same, and a difference shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate import files
from hailstream.evaluate.files import evaluate_files
from hailstream.evaluate.report import print_files

HEADER = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
    "PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
    "total_amount,congestion_surcharge"
)
FAST = "1,2024-01-05 10:00:00,2024-01-05 10:10:00,1,20.0,1,N,41,230,1,77.90,0,0.5,0,0,1,81.90,2.5"
USUAL = "1,2024-01-05 10:00:00,2024-01-05 10:10:00,1,2.0,1,N,41,230,1,12.10,0,0.5,0,0,1,16.10,2.5"
REFUND = "1,2024-01-05 10:00:00,2024-01-05 10:10:00,1,2.0,1,N,41,230,4,-12.10,0,-0.5,0,0,-1,-16.10,-2.5"


@pytest.fixture
def trips(tmp_path: Path) -> str:
    path = tmp_path / "trips.csv"
    path.write_text("\n".join((HEADER, FAST, USUAL, REFUND)) + "\n")
    return str(path)


def test_the_rules_and_the_queries_agree_to_the_last_event(trips: str) -> None:
    proof = evaluate_files([trips], Thresholds())
    assert proof.differing == 0
    assert proof.events == 6
    assert {rule.rule: rule.expected for rule in proof.rules if rule.expected} == {
        "implausible_speed": 1,
        "refund_of_fare": 1,
    }


def test_a_difference_is_counted_and_shown(trips: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"implausible_speed": "SELECT 'ghost' AS trip_id, NULL::VARCHAR AS other_trip_id"}
    monkeypatch.setattr(files, "queries", lambda _: other)
    proof = evaluate_files([trips], Thresholds())
    [rule] = proof.rules
    assert (rule.expected, rule.missing, rule.extra) == (1, 1, 1)
    assert proof.differing == 2
    out = io.StringIO()
    print_files(proof, Console(file=out, width=100), examples=5)
    assert "missing implausible_speed: ghost" in out.getvalue()
    assert "extra implausible_speed: " in out.getvalue()
    assert "2 alerts differ from the queries" in out.getvalue()


def test_what_is_no_trip_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=r"nothing\.csv"):
        evaluate_files([str(tmp_path / "nothing.csv")], Thresholds())
    with pytest.raises(HailstreamError, match="sim: is no file"):
        evaluate_files(["sim:"], Thresholds())
    empty = tmp_path / "empty.csv"
    empty.write_text(HEADER + "\n")
    with pytest.raises(HailstreamError, match="holds no events"):
        evaluate_files([str(empty)], Thresholds())


def test_green_of_january_2024(shared_data: Path) -> None:
    proof = evaluate_files([str(shared_data / "green_tripdata_2024-01.parquet")], Thresholds())
    expected = {rule.rule: rule.expected for rule in proof.rules}
    assert (expected["implausible_speed"], expected["refund_of_fare"]) == (214, 182)
    assert proof.differing == 0
