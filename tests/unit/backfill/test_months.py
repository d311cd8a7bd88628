"""A month is replaced as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hailstream.archive.months import REJECTS, Month, published_month, published_months
from hailstream.archive.store import Store
from hailstream.backfill import run, task
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.unit.backfill.conftest import backfilled, events, planned, trip, trips

NAME = "yellow-2019-01"
DAY = 86_400_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "yellow_tripdata_2019-01.csv"
    path.write_text(trips(*(trip(minute) for minute in (5, 3, 1))))
    return path


def current(months: Store) -> Month:
    month = published_month(months, NAME)
    assert month is not None
    return month


def folders(months: Store) -> list[str]:
    """What lies in the month's folder, whether it counts or not."""
    return sorted(path.name for path in Path(months.path(NAME)).iterdir())


def test_a_file_becomes_a_month_of_starts_and_ends_in_the_order_of_time(
    settings: Settings, months: Store, file: Path
) -> None:
    outcome = backfilled(settings, file)
    assert [month.name for month in outcome.published] == [NAME]
    starts, ends = events(months, TRIPS_STARTED), events(months, TRIPS_ENDED)
    assert starts["trip_id"].to_list() == ends["trip_id"].to_list()
    assert starts["trip_id"].n_unique() == 3
    assert ends["started_at"].to_list() == starts["record_time"].to_list() == sorted(starts["record_time"])
    assert str(starts["record_time"][0]) == "2019-01-02 05:01:00"
    assert ends["fare_cents"].to_list() == [1000] * 3
    assert starts["kafka_offset"].null_count() == 3
    assert set(ends["source"]) == {"yellow:2019-01"}
    day = 17_898 * DAY
    assert current(months).days == {TRIPS_STARTED.base: (day,), TRIPS_ENDED.base: (day,)}


def test_rows_that_are_no_trips_are_beside_it_with_the_reason(settings: Settings, months: Store, file: Path) -> None:
    lines = [trip(1), "1,2019-01-02 00:00", trip(2, 9e12), trip(3).replace("2019", "2031"), trip(4)]
    endless = trip(5).replace("1,", f"{'x' * 600},", 1)
    file.write_text(trips(*lines, endless))
    [month] = backfilled(settings, file).published
    assert (month.rows, month.rejects) == (6, {"bad_amount": 1, "field_count": 1, "future": 1, "invalid": 2})
    assert events(months, TRIPS_STARTED).height == 2
    rejects = pl.concat(pl.read_parquet(months.path(month.path(part))) for part in month.parts[REJECTS])
    assert set(rejects["file"]) == {file.name}
    told = dict(rejects.drop_nulls("row").select("row", "text").iter_rows())
    assert told == {line + 2: lines[line] for line in (1, 2, 3)}


def test_a_month_with_the_same_content_is_left_alone(settings: Settings, months: Store, file: Path) -> None:
    backfilled(settings, file)
    version = current(months).version
    outcome = backfilled(settings, file)
    assert (outcome.published, outcome.same, current(months).version) == ([], [NAME], version)
    file.write_text(trips(trip(7)))
    outcome = backfilled(settings, file)
    assert (len(outcome.published), outcome.same) == (1, [])
    assert folders(months) == sorted([current(months).version, "current.json"])
    assert events(months, TRIPS_STARTED).height == 1


def test_a_replaced_month_tells_the_days_that_lost_their_rows(settings: Settings, months: Store, file: Path) -> None:
    backfilled(settings, file)
    file.write_text(trips(trip(1).replace("01-02", "01-20")))
    backfilled(settings, file)
    assert current(months).days[TRIPS_STARTED.base] == (17_898 * DAY, 17_916 * DAY)


@pytest.mark.parametrize("lines", [[], ["1,2019-01-02 00:00"]])
def test_a_file_that_gives_no_event_replaces_nothing(
    settings: Settings, months: Store, file: Path, lines: list[str]
) -> None:
    backfilled(settings, file)
    before = current(months)
    file.write_text(trips(*lines))
    [failure] = backfilled(settings, file).failed
    assert failure.startswith(f"{NAME} is not replaced: {file.name}")
    assert current(months) == before
    assert folders(months) == sorted([before.version, "current.json"])


def test_a_damaged_file_stops_no_other(settings: Settings, months: Store, tmp_path: Path, file: Path) -> None:
    good = tmp_path / "good_2019-02.parquet"
    times = pl.Series(["2019-02-01 00:00:00"] * 50_000).str.to_datetime()
    columns = {"tpep_pickup_datetime": times, "tpep_dropoff_datetime": times, "PULocationID": range(50_000)}
    pl.DataFrame(columns).write_parquet(good, compression="uncompressed", row_group_size=10_000)
    torn = tmp_path / "torn_2019-03.parquet"
    data = bytearray(good.read_bytes())
    data[100_000:200_000] = bytes(100_000)
    torn.write_bytes(data)
    outcome = backfilled(settings, file, good, torn)
    assert [month.name for month in published_months(months)] == [NAME, "yellow-2019-02"]
    [failure] = outcome.failed
    assert "yellow-2019-03 is not replaced: " in failure
    assert torn.name in failure


def _killed(settings: Settings, file: Path, patch: Callable[[Callable[..., Any]], None]) -> None:
    patch(lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    backfilled(settings, file)


def _at_the_first_rows(kill: Callable[..., Any]) -> None:
    original = task.PartFile._write

    def write(self: task.PartFile) -> None:
        original(self)
        kill()

    task.PartFile._write = write  # type: ignore[method-assign]


def _before_publishing(kill: Callable[..., Any]) -> None:
    run.publish = kill


def _after_publishing(kill: Callable[..., Any]) -> None:
    run.Backfiller._remove = kill  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("when", "fares"),
    [(_at_the_first_rows, [1000] * 3), (_before_publishing, [1000] * 3), (_after_publishing, [2000] * 2)],
)
def test_killed_at_any_moment_it_leaves_the_old_month_or_the_new(
    settings: Settings, months: Store, file: Path, when: Callable[[Callable[..., Any]], None], fares: list[int]
) -> None:
    backfilled(settings, file)
    file.write_text(trips(trip(1, 20.0), trip(2, 20.0)))
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(settings, file, when))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert events(months, TRIPS_ENDED)["fare_cents"].to_list() == fares
    assert len(folders(months)) > 2
    # The next run goes on from there, and nothing is left of the one that was killed.
    backfilled(settings, file)
    assert events(months, TRIPS_ENDED)["fare_cents"].to_list() == [2000] * 2
    assert folders(months) == sorted([current(months).version, "current.json"])
    assert list((settings.home_dir / "spark" / "local").iterdir()) == []


def _on_a_full_disk(settings: Settings, file: Path) -> None:
    # What a full disk is to a program, without filling one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    [failure] = backfilled(settings, file).failed
    assert f"{NAME} is not replaced: the input could not be sorted" in failure
    assert os.strerror(errno.EFBIG) in failure


def test_a_full_working_folder_leaves_the_old_month(settings: Settings, months: Store, file: Path) -> None:
    backfilled(settings, file)
    before = current(months)
    file.write_text(trips(trip(1)))
    process = multiprocessing.get_context("spawn").Process(target=_on_a_full_disk, args=(settings, file))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert current(months) == before
    assert folders(months) == sorted([before.version, "current.json"])


class FullFile:
    """A file of a disk on which there is no room: like that of a ParquetWriter, as far as it is used."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def write_table(self, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self.write_table()


def test_a_full_archive_leaves_the_old_month_and_ends_the_run(
    settings: Settings, months: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfilled(settings, file)
    before = current(months)
    file.write_text(trips(trip(1)))
    (tmp_path / "a_2019-02.csv").write_text(trips(trip(1)))
    monkeypatch.setattr(task.pq, "ParquetWriter", FullFile)
    with pytest.raises(HailstreamError, match=r"yellow-2019-01 from .* could not be written .*No space left") as raised:
        backfilled(settings, file, tmp_path / "a_2019-02.csv")
    assert "free disk" in raised.value.hint
    assert published_months(months) == [before]
    assert folders(months) == sorted([before.version, "current.json"])


def test_a_publication_that_fails_leaves_the_old_month_and_those_published_before(
    settings: Settings, months: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "a_2018-01.csv"
    other.write_text(trips(trip(1)))
    backfilled(settings, file)
    before = current(months)
    file.write_text(trips(trip(9)))
    original = run.publish

    def publish(store: Store, month: Month) -> None:
        if month.name == NAME:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(store, month)

    monkeypatch.setattr(run, "publish", publish)
    with pytest.raises(HailstreamError, match="yellow-2019-01 could not be published"):
        backfilled(settings, file, other)
    assert current(months) == before
    assert [month.name for month in published_months(months)] == ["yellow-2018-01", NAME]
    # Nobody knows whether it was published after all: the next run does.
    assert len(folders(months)) == 3
    monkeypatch.undo()
    backfilled(settings, other)
    assert folders(months) == sorted([before.version, "current.json"])


def test_pieces_of_a_file_have_each_row_once(
    settings: Settings, months: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, file = 1000, tmp_path / "a_2019-01.parquet"
    times = pl.datetime_range(pl.datetime(2019, 1, 2), pl.datetime(2019, 1, 3), "1s", eager=True).head(rows)
    columns = {"tpep_pickup_datetime": times, "tpep_dropoff_datetime": times, "PULocationID": range(rows)}
    pl.DataFrame(columns).write_parquet(file, row_group_size=130)
    monkeypatch.setattr("hailstream.backfill.plan.TASK_ROWS", 90)
    assert len(planned(file)[0].pieces) == 12
    backfilled(settings, file)
    assert sorted(events(months, TRIPS_STARTED)["pickup_location_id"]) == list(range(rows))
    assert len(current(months).of(TRIPS_STARTED)) == 12
