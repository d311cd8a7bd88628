"""Months of small files, written and published in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hailstream.archive.months import Month, beside, published_month
from hailstream.archive.store import Store, open_store
from hailstream.backfill.files import monthly_file
from hailstream.backfill.plan import MonthOfFile, months_of, without_rivals
from hailstream.backfill.run import Backfiller, Outcome
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED, Topic

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEADER = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,PULocationID,fare_amount,total_amount"


def trips(*lines: str) -> str:
    """The text of a yellow file."""
    return "\n".join([HEADER, *lines]) + "\n"


def trip(minute: int, fare: float = 10.0) -> str:
    """A trip of five minutes that begins so many minutes into 2019-01-02, New York time."""
    start, end = (f"2019-01-02 {at // 60:02}:{at % 60:02}:00" for at in (minute, minute + 5))
    return f"1,{start},{end},1,74,{fare},{fare + 1}"


def in_process(work: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
    """Do the tasks one after the other."""
    return [work(task) for task in tasks]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def months(settings: Settings) -> Store:
    return beside(open_store(TRIPS_STARTED, settings))


def planned(*files: Path, month: str | None = None) -> list[MonthOfFile]:
    return without_rivals(found for file in files for found in months_of(monthly_file(file.name, file), month))


def backfilled(settings: Settings, *files: Path, month: str | None = None) -> Outcome:
    """What a command with these files does of the archive, without Spark."""
    outcome, backfiller = Outcome(), Backfiller(settings, now=lambda: NOW)
    backfiller.clean()
    backfiller.write(in_process, backfiller.changed(planned(*files, month=month), outcome), outcome)
    return outcome


def events(months: Store, topic: Topic, name: str = "yellow-2019-01") -> pl.DataFrame:
    """The rows of a topic that a published month has."""
    month = published_month(months, name)
    assert isinstance(month, Month)
    return pl.concat(pl.read_parquet(months.path(month.path(part))) for part in month.of(topic))
