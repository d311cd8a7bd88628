"""The command on trip files: those made up here, and a real month."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from hailstream.domain.clock import parse_time
from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.learn import learn
from hailstream.domain.forecast.week import QUARTER_MS
from hailstream.errors import HailstreamError
from hailstream.forecast import library
from hailstream.forecast.contenders import OURS, SEASONAL_NAIVE, ours, seasonal_naive
from hailstream.forecast.evaluate import evaluate_forecast
from hailstream.forecast.files import history_of_files
from hailstream.forecast.scores import judge
from hailstream.forecast.trial import Trial, cut
from tests.unit.forecast.quarters import MONDAY, drawn, rhythm


def write_trips(path: Path, history: History) -> Path:
    """A file in the layout of green taxis, in New York time, a trip of five minutes for each start."""
    zones, quarters = np.nonzero(history.counts)
    starts = pl.DataFrame(
        {
            "PULocationID": np.array(history.zones)[zones],
            "lpep_pickup_datetime": (history.first + quarters) * QUARTER_MS - 5 * 3_600_000,
        }
    )
    repeated = starts.select(pl.all().repeat_by(pl.Series(history.counts[zones, quarters])).explode())
    repeated.select(
        pl.lit(2).alias("VendorID"),
        pl.from_epoch("lpep_pickup_datetime", "ms"),
        pl.from_epoch(pl.col("lpep_pickup_datetime") + 300_000, "ms").alias("lpep_dropoff_datetime"),
        "PULocationID",
        pl.lit(74).alias("DOLocationID"),
        pl.lit(1.2).alias("trip_distance"),
        pl.lit(9.0).alias("fare_amount"),
        pl.lit(11.0).alias("total_amount"),
    ).write_parquet(path)
    return path


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(evaluate_forecast)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})


TRUE = {7: rhythm(0.2, 40), 74: rhythm(10.0, 70)}


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of two zones."""
    history = drawn(TRUE, weeks=2).between(MONDAY, MONDAY + 9 * 96)
    return write_trips(tmp_path_factory.mktemp("trips") / "trips.parquet", history)


def test_a_file_becomes_the_history_it_was_written_from(trips: Path) -> None:
    history = drawn(TRUE, weeks=2).between(MONDAY, MONDAY + 9 * 96)
    read = history_of_files([str(trips)])
    assert (read.zones, read.first) == ((7, 74), MONDAY)
    assert np.array_equal(read.counts, history.counts)


def test_strays_with_a_wrong_date_are_left_out(trips: Path, tmp_path: Path) -> None:
    stray = write_trips(tmp_path / "stray.parquet", History((1,), MONDAY - 100_000, np.array([[1]])))
    assert history_of_files([str(trips), str(stray)]).zones == (7, 74)


def test_the_command_says_what_was_compared_and_who_won(trips: Path) -> None:
    result = run(str(trips), "--train-until", "2024-01-15", "--models", "none", "--busiest", "1")
    assert result.exit_code == 0, result.output
    assert "learned from 2024-01-08 00:00 to 2024-01-15 00:00" in result.output
    for text in ("all 2 zones", "the 1 busiest zones", OURS, SEASONAL_NAIVE, "of 5 starts or more", "chance alone"):
        assert text in result.output
    assert result.output.count("ours beats") == 4


def test_the_exit_code_is_1_where_last_week_says_it_better(tmp_path: Path) -> None:
    week = 1 + np.random.default_rng(6).integers(0, 2, 672) * 30
    same = History((74,), MONDAY, np.tile(week, 2)[None, : 9 * 96])
    result = run(str(write_trips(tmp_path / "same.parquet", same)), "--train-until", "2024-01-15", "--models", "none")
    assert result.exit_code == 1
    assert "ours does not beat" in result.output


def test_without_statsforecast_the_others_go_on_and_the_extra_is_named(
    trips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)
    result = run(str(trips), "--train-until", "2024-01-15", "--every-quarters", "9")
    assert result.exit_code == 0, result.output
    assert "pip install 'hailstream[evaluate]'" in result.output
    assert "AutoCES" not in result.output


def test_a_model_of_the_library_forecasts_the_same_windows() -> None:
    pytest.importorskip("statsforecast")
    trial = Trial(drawn(TRUE, weeks=2), 13 * 96, every=7)
    said = library.library_model(trial, "ets", np.array([1]))
    assert said.expected[15].shape == said.expected[60].shape == (1, len(trial.origins))
    group = judge(trial, "busy", np.array([1]), [said, ours(trial, learn(trial.train)), seasonal_naive(trial)])
    assert group.wape[OURS][60] < group.wape["statsforecast AutoETS, no season"][60] < 0.6


def test_the_library_sees_what_is_before_each_origin_and_nothing_after_it() -> None:
    pytest.importorskip("statsforecast")
    history = drawn(TRUE, weeks=2)
    trial = Trial(history, 13 * 96, every=5)
    at = 9
    counts = history.counts.copy()
    counts[:, trial.origins[at] :] = 300
    other = Trial(History(history.zones, history.first, counts), 13 * 96, every=5)
    one, two = (library.library_model(each, "ets", np.array([1])).expected[15] for each in (trial, other))
    assert np.array_equal(one[:, : at + 1], two[:, : at + 1])
    assert (two[:, at + 1 :] > 2 * one[:, at + 1 :]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such.parquet"], "no such file"),
        (["--train-until", "soon"], "no time"),
        (["--models", "prophet"], "there is no 'prophet'"),
        (["--models", ""], "there is no ''"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_printed(trips: Path, arguments: list[str], says: str) -> None:
    files = [] if arguments[0].endswith(".parquet") else [str(trips)]
    result = run(*files, *arguments)
    assert isinstance(result.exception, HailstreamError)
    assert says in result.exception.message
    assert result.output == ""


def test_too_few_days_are_refused(trips: Path) -> None:
    result = run(str(trips), "--models", "none")
    assert isinstance(result.exception, HailstreamError)
    assert "6.0 days are before the split at 2024-01-14 00:00" in result.exception.message


def test_green_january_2024_is_forecast_better_than_by_the_week_before(shared_data: Path) -> None:
    history = history_of_files([str(shared_data / "green_tripdata_2024-01.parquet")])
    trial = cut(history, parse_time("2024-01-22"), every=3)
    top = trial.busiest(20)
    models = [ours(trial, learn(trial.train)), seasonal_naive(trial)]
    for rows, least in ((np.arange(len(history.zones)), (0.12, 0.14)), (top, (0.14, 0.17))):
        group = judge(trial, "", rows, models)
        for minutes, share in zip((15, 60), least, strict=True):
            assert group.wape[OURS][minutes] < (1 - share) * group.wape[SEASONAL_NAIVE][minutes]
            whole, large = group.coverage[minutes]
            assert whole is not None
            assert large is not None
            assert whole.held >= 0.9
            assert large.held == pytest.approx(0.86, abs=0.05)
            assert large.below == pytest.approx(large.above, abs=0.05)
