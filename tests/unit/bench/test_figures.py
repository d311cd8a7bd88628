"""Medians, ratios and targets."""

from __future__ import annotations

from bench.figures import Figure, Target, summarise
from bench.report import HEADINGS, Result, as_json, cells, markdown


def run(ours: float, theirs: float | None) -> list[Figure]:
    figures = [Figure("ours", ours, "events/s", 10.0, {"broker": 4.0, "job": 6.0}, Target(150))]
    return figures if theirs is None else [*figures, Figure("theirs", theirs, "events/s", 20.0)]


def test_a_ratio_is_taken_within_a_run_not_between_medians() -> None:
    # The machine was twice as slow in the second run, and four times in the third.
    rows = summarise([run(400, 200), run(200, 100), run(100, 200)])
    assert [row.median for row in rows] == [200, 200]
    assert (rows[0].ratio, rows[1].ratio) == (None, 0.5)
    assert (rows[1].low, rows[1].high) == (100, 200)


def test_figures_of_another_unit_are_not_compared() -> None:
    rows = summarise([[Figure("rate", 100, "events/s"), Figure("age", 5, "ms"), Figure("older", 10, "ms")]])
    assert [row.ratio for row in rows] == [None, None, 2.0]


def test_a_case_that_was_skipped_in_one_run_counts_in_the_others() -> None:
    rows = summarise([run(400, None), run(200, 100)])
    assert [(row.case, row.runs) for row in rows] == [("ours", 2), ("theirs", 1)]
    assert rows[1].ratio == 0.5


def test_the_median_decides_whether_a_target_is_met() -> None:
    assert summarise([run(400, None), run(160, None), run(10, None)])[0].met is True
    assert summarise([run(400, None), run(140, None), run(10, None)])[0].met is False
    assert Target(500, at_most=True).met(500)
    assert not Target(500, at_most=True).met(501)


def test_processor_time_says_what_the_machine_could_do_alone() -> None:
    row = summarise([run(400, 200)])[0]
    assert "10.00 µs (200,000/s on 2 free cores)" in cells(row, cores=2)


def test_a_page_has_a_line_for_each_case_and_tells_what_failed() -> None:
    result = Result("stream", "Stream", "What it does.", summarise([run(400, 200)]), failed="skipped: no JDK")
    page = markdown({"memory": "24 GB"}, [result], cores=2)
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert sum(line.startswith("| ours |") for line in lines) == 2  # its figures, and its processor time
    assert all(line.count("|") == len(HEADINGS) + 1 for line in lines[:4])
    assert "skipped: no JDK" in page
    assert '"median": 400' in as_json({}, [result])
