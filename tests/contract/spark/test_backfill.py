"""Months of files become windows in ClickHouse; a second run changes nothing, one that was ended is gone on with."""

from __future__ import annotations

import json
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from batch import backfill as job
from batch import reconcile as reconcile_job
from hailstream.archive.months import Month, beside, published_month, published_months
from hailstream.archive.store import Store, open_store
from hailstream.backfill import run as backfill_run
from hailstream.batch.runs import batch_run
from hailstream.clickhouse import reachable
from hailstream.settings import LOOPBACK, Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic
from tests.stack import Servers

if TYPE_CHECKING:
    from pyspark import SparkContext

SAMPLE = "yellow_sample_2018-01_2020-12.parquet"
DRIFT = "tlc_monthly_samples_2009_2017.tar.gz"
Run = Callable[..., int]


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings, tmp_path: Path) -> Settings:
    servers("clickhouse")
    return bare_namespace.model_copy(update={"archive": (tmp_path / "archive").as_uri(), "home": tmp_path / "home"})


@pytest.fixture
def run(settings: Settings, spark: SparkContext, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the jobs as the command line does, in the session that is there."""

    @contextmanager
    def session(*_: object, **__: object) -> Iterator[SparkContext]:
        yield spark

    def main(*arguments: object, reconcile: bool = False, **changes: Any) -> int:
        with monkeypatch.context() as patch:
            for name, value in settings.model_copy(update=changes).as_environment().items():
                patch.setenv(name, value)
            chosen: Any = reconcile_job if reconcile else job
            patch.setattr(chosen, "open_context", session)
            code: int = chosen.main([str(argument) for argument in arguments])
            return code

    return main


@pytest.fixture
def sample(shared_data: Path, tmp_path: Path) -> Path:
    """The real one with two of its months and some hundred trips of each."""
    frame = pl.read_parquet(shared_data / SAMPLE)
    months = [frame.filter(pl.col("source_month") == month).head(300) for month in ("2018-12", "2019-01")]
    pl.concat(months).write_parquet(tmp_path / SAMPLE)
    return tmp_path / SAMPLE


def months_in(settings: Settings) -> Store:
    return beside(open_store(TRIPS_STARTED, settings))


def archived(settings: Settings, topic: Topic) -> pl.DataFrame:
    months = months_in(settings)
    files = [months.path(month.path(part)) for month in published_months(months) for part in month.of(topic)]
    return pl.concat(pl.read_parquet(file) for file in files)


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with reachable(settings, database=settings.database) as client:
        return [tuple(row) for row in client.query(query).result_rows]


def windows(events: pl.DataFrame, size: int, slide: int, value: pl.Expr) -> list[tuple[Any, ...]]:
    """Zone, end (s since 1970), trips and sum of a value, by other means; a trip counts once a minute."""
    minute = pl.col("record_time").dt.epoch("s") // 60 * 60
    trips = events.with_columns(minute=minute).unique(["minute", "trip_id"])
    first = pl.col("minute") // slide * slide + slide
    ends = pl.int_ranges(first, pl.col("minute") // slide * slide + size + slide, slide)
    counted = trips.with_columns(end=ends).explode("end").group_by("pickup_location_id", "end").agg(pl.len(), value)
    return sorted(counted.rows())


def said(settings: Settings) -> list[list[tuple[Any, ...]]]:
    """What ClickHouse has of both metrics, zeros left out."""
    columns = "toInt64(zone_id), toInt64(toUnixTimestamp(window_end)), toInt64"
    return [
        sorted(ask(settings, f"SELECT {columns}(trips), toInt64(passengers) FROM zone_counts WHERE trips > 0")),
        sorted(ask(settings, f"SELECT {columns}(rows), toInt64(total_sum * 100) FROM zone_revenue WHERE rows > 0")),
    ]


def state(settings: Settings) -> list[tuple[Any, ...]]:
    """Which rows were ever written, whatever they say."""
    tables = ("zone_counts_raw", "zone_revenue_raw", "trips_raw")
    return [row for table in tables for row in ask(settings, f"SELECT count(), max(version) FROM {table}")]


def assert_said_right(settings: Settings) -> None:
    starts, ends = archived(settings, TRIPS_STARTED), archived(settings, TRIPS_ENDED)
    passengers = pl.when(pl.col("passenger_count").is_between(1, 9)).then("passenger_count").sum()
    assert said(settings) == [
        windows(starts, 300, 60, passengers),
        windows(ends, 600, 120, pl.col("total_cents").fill_null(0).sum()),
    ]
    trips = ends.unique("trip_id")
    assert ask(settings, "SELECT count(), toInt64(sum(total) * 100) FROM trips") == [
        (trips.height, trips["total_cents"].sum())
    ]


def test_files_become_windows_and_a_second_run_changes_no_row(
    run: Run, settings: Settings, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sample) == 0
    assert "2 months written: 600 rows are 1,200 events and 0 rejects" in capsys.readouterr().out
    assert_said_right(settings)
    before, versions = state(settings), [month.version for month in published_months(months_in(settings))]

    assert run(sample) == 0
    assert "no row was changed" in capsys.readouterr().out
    assert run("--force", sample) == 0
    assert "zone_counts: " in capsys.readouterr().out
    assert run("--limit", "0", reconcile=True) == 0
    assert state(settings) == before
    assert not {month.version for month in published_months(months_in(settings))} & set(versions)
    assert [row[0] for row in ask(settings, "SELECT state FROM batch_runs ORDER BY run")] == ["done"] * 4

    # A month of fewer trips: windows that only those had are gone.
    frame = pl.read_parquet(sample).filter((pl.col("source_month") != "2019-01") | (pl.col("vendor_id") == 1))
    frame.write_parquet(sample)
    assert run(sample) == 0
    assert_said_right(settings)
    assert run("--limit", "0", reconcile=True) == 0


def test_windows_are_written_later_where_they_were_not_wanted_at_first(
    run: Run, settings: Settings, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(shared_data / DRIFT) as archive, tarfile.open(tmp_path / "some.tar.gz", "w:gz") as some:
        for member in archive.getmembers():
            if "2016-07" in member.name or "2017-12" in member.name:
                some.addfile(member, archive.extractfile(member))
    wrong = tmp_path / "fhv_2019-01.csv"
    wrong.write_text("dispatching_base_num,pickup_datetime\nB1,2019-01-01 00:00:00\n")
    assert run("--no-windows", tmp_path / "some.tar.gz", wrong) == 1
    output = capsys.readouterr()
    assert f"{wrong.name}: a file of for-hire vehicles" in output.out
    assert "yellow-2016-07: " in output.err
    assert len(published_months(months_in(settings))) == 4
    assert said(settings) == [[], []]
    assert run(tmp_path / "some.tar.gz") == 0
    assert_said_right(settings)
    [(detail,)] = ask(settings, "SELECT detail FROM batch_runs WHERE run = 2")
    assert len(json.loads(detail)["windows"]) == 4


class Way:
    """A way to a server that can be closed: each connection is handed on."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self, *_: object) -> None:
        for opened in (self._listener, *self._open):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._to))
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_where_clickhouse_goes_away_the_archive_stands_and_the_next_run_goes_on(
    run: Run,
    settings: Settings,
    sample: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way, publish = Way(settings.clickhouse_port), backfill_run.publish

    def publish_and_close(months: Store, month: Month) -> None:
        publish(months, month)
        way.close()

    with monkeypatch.context() as patch:
        patch.setattr(backfill_run, "publish", publish_and_close)
        assert run(sample, clickhouse_port=way.port) == 1
    error = capsys.readouterr().err
    assert "has all months, their windows are not all written: ClickHouse at" in error
    assert "the next run goes on there" in error
    assert published_month(months_in(settings), "yellow-2019-01") is not None
    with reachable(settings, database=settings.database) as client:
        client.command("DROP TABLE IF EXISTS batch_lock")  # its owner could not
    assert run(sample) == 0
    assert "2 months have this content already" in capsys.readouterr().out
    assert_said_right(settings)


def test_two_at_once_are_one_too_many(
    run: Run, settings: Settings, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with batch_run("reconcile", settings):
        assert run(sample) == 1
    assert "another batch job writes to" in capsys.readouterr().err
    assert published_months(months_in(settings)) == []


def test_rows_of_more_months_than_an_insert_usually_takes(run: Run, settings: Settings, tmp_path: Path) -> None:
    months = pl.datetime_range(pl.datetime(2009, 1, 5), pl.datetime(2018, 12, 5), "1mo", eager=True)
    columns = {"tpep_pickup_datetime": months, "tpep_dropoff_datetime": months.dt.offset_by("5m"), "PULocationID": 74}
    columns |= {"total_amount": 11.5}
    pl.DataFrame(columns).write_parquet(tmp_path / "years.parquet")
    assert run("--month", "2019-01", tmp_path / "years.parquet") == 0
    assert_said_right(settings)
