"""The page of a reconcile says what was found, and nothing that was not."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from hailstream.reconcile.page import write_page
from hailstream.reconcile.result import TableResult
from hailstream.settings import Settings
from tests.unit.reconcile.results import BEGIN, revenue, trips


def page(tmp_path: Path, *results: TableResult, dry_run: bool = False) -> str:
    target = tmp_path / "report.html"
    settings = Settings(namespace="spring")
    write_page(target, results, settings, run=7, made=BEGIN + timedelta(days=2), dry_run=dry_run)
    return target.read_text()


def text_of(html: str) -> str:
    """What a reader sees of it, figures aside."""
    plain = re.sub(r"<(style|svg)\b.*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)
    return " ".join(plain.split())


def test_it_says_of_each_table_what_differs_why_and_by_how_much(tmp_path: Path) -> None:
    html = page(tmp_path, revenue(), trips())
    text = text_of(html)
    late = sum(hour % 7 + 1 for hour in range(24))
    assert "12 rows were corrected" in text
    assert f"9,000 are equal and {late + 40} differ" in text
    assert f"different late rows {late} missing not said 40" in text
    assert f"total_sum +${late + 40}.00 +${late}.00 +$40.00" in text
    assert "an event is in 5 of them" in text
    assert "2 are on their way" in text
    assert html.count("<svg ") == 2  # of the table that differs


def test_a_dry_run_and_a_clean_run_say_so(tmp_path: Path) -> None:
    assert "Nothing was corrected: this was a dry run" in text_of(page(tmp_path, revenue(), dry_run=True))
    clean = page(tmp_path, trips())
    assert "Every row is what the archive gives" in text_of(clean)
    assert "<svg" not in clean


@pytest.mark.parametrize("hours", [1, 24, 24 * 31])
def test_any_length_can_be_drawn(tmp_path: Path, hours: int) -> None:
    html = page(tmp_path, revenue(hours))
    assert html.count("<svg ") == 2
    assert len(html) < 300_000
