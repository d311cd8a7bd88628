"""The command line of batch jobs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from batch.reconcile import main, parser


def test_times_are_utc_unless_they_name_a_zone() -> None:
    found = parser().parse_args(["--from", "2024-01-17", "--to", "2024-01-17T08:00:00-05:00"])
    assert (found.begin, found.end) == (datetime(2024, 1, 17, tzinfo=UTC), datetime(2024, 1, 17, 13, tzinfo=UTC))


@pytest.mark.parametrize("wrong", [["--from", "yesterday"], ["--limit", "few"], ["--what"]])
def test_what_makes_no_sense_is_answered_with_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "hailstream batch reconcile" in capsys.readouterr().err


def test_a_table_that_there_is_not_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--table", "fares"]) == 2
    assert "zone_counts, zone_revenue, trips" in capsys.readouterr().err
