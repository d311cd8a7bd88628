"""`hailstream opportunities`, from files to lines and tables."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from hailstream.errors import HailstreamError
from hailstream.opportunities.commands import register
from hailstream.opportunities.debs import dollars
from hailstream.opportunities.reading import ended_trips
from hailstream.opportunities.run import find_changes, write_lines
from hailstream.opportunities.tables import Changes, described
from hailstream.replay.sources import open_files
from tests.unit.opportunities.trips import KENNEDY, NAN, NEW_YEAR, trip

HARLEM_SQUARE = "-73.951,40.804,-73.985,40.759"
SQUARE_HARLEM = "-73.985,40.759,-73.951,40.804"
HARLEM_ONLY = "-73.951,40.804,-73.951,40.804"


def row(minute: int, places: str = HARLEM_SQUARE, taxi: str = "M1", fare: str = "10.00", tip: str = "1.50") -> str:
    """A trip in the challenge's layout that began at midnight."""
    ended = f"2013-01-01 00:{minute:02}:00"
    amounts = f"CRD,{fare},0.50,0.50,{tip},0.00,12.50"
    return f"{taxi},H1,2013-01-01 00:00:00,{ended},{60 * minute},2.00,{places},{amounts}"


Result = tuple[int, list[str], str]
Run = Callable[..., Result]
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_rows(*rows: str) -> str:
        path = tmp_path / "trips.csv"
        path.write_text("".join(f"{each}\n" for each in rows))
        return str(path)

    return write_rows


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command: exit code, lines that it prints, what it says beside."""
    app = typer.Typer()
    register(app)
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> Result:
        environment = {"HAILSTREAM_HOME": str(tmp_path / "home"), "COLUMNS": "140"}
        result = CliRunner().invoke(app, arguments, env=environment)
        if isinstance(result.exception, HailstreamError):
            return result.exception.exit_code, result.stdout.splitlines(), result.stderr + result.exception.message
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout.splitlines(), result.stderr

    return run_command


def nulls(count: int) -> list[str]:
    return ["NULL"] * count


def fields(lines: Sequence[str]) -> list[list[str]]:
    """The fields of lines without the delay, which is a whole number."""
    split = [line.split(",") for line in lines]
    assert all(each[-1].isdigit() for each in split)
    return [each[:-1] for each in split]


def test_lines_are_those_of_the_challenge(write: Write, run: Run) -> None:
    file = write(row(1), row(2, SQUARE_HARLEM, "M2", "20.00", "0.01"), row(3, SQUARE_HARLEM, "M3", "30.00", "0.00"))
    code, lines, said = run(file, "--format", "debs")
    began, square, harlem = "2013-01-01 00:00:00", "cell.156.160", "cell.162.150"
    small_square, small_harlem = "cell.312.320", "cell.323.300"
    assert fields(lines) == [
        [began, "2013-01-01 00:01:00", harlem, square, *nulls(18)],
        [began, "2013-01-01 00:02:00", square, harlem, harlem, square, *nulls(16)],
        [
            *(began, "2013-01-01 00:02:00"),
            *(small_square, "1", "20.01", "20.010000", small_harlem, "1", "11.50", "11.500000"),
            *nulls(32),
        ],
        [
            *(began, "2013-01-01 00:03:00"),
            *(small_square, "1", "25.005", "25.005000", small_harlem, "2", "11.50", "5.750000"),
            *nulls(32),
        ],
    ]
    assert code == 0
    assert "3 rows, 3 trips that ended" in said


@pytest.mark.parametrize(("query", "widths"), [("routes", {22}), ("areas", {42}), ("both", {22, 42})])
def test_a_query_can_be_asked_for_alone(write: Write, run: Run, query: str, widths: set[int]) -> None:
    file = write(row(1, HARLEM_ONLY), row(2, SQUARE_HARLEM, "M2"))
    code, lines, _ = run(file, "--format", "debs", "--query", query)
    assert (code, {len(each) for each in fields(lines)}) == (0, widths)


def test_tables_name_zones_and_the_last_changes(write: Write, run: Run) -> None:
    rows = (row(1), row(2, SQUARE_HARLEM, "M2", "20.00", "0.01"), row(3, SQUARE_HARLEM, "M3", "30.00", "0.00"))
    code, lines, said = run(write(*rows), "--changes", "1")
    text = "\n".join(lines)
    assert code == 0
    assert "Times Sq/Theatre District" in text
    assert "$25.005" in text
    assert "Central Harlem" in text
    assert text.count("2013-01-01 00:03:00") == 2, "title of the areas, and the one change"
    assert "2 changes of routes, 2 changes of areas" in said


def test_rows_that_cannot_be_read_are_counted_and_the_rest_is_ranked(write: Write, run: Run) -> None:
    file = write(row(1), "M1,H1,torn", row(2, fare="ten"), row(3, SQUARE_HARLEM))
    code, lines, said = run(file, "-f", "debs", "-q", "routes")
    assert (code, len(lines)) == (0, 2)
    assert "left out: 2 (bad_amount 1, field_count 1); see" in said
    assert "rejects.csv" in said


def test_a_file_without_coordinates_or_vehicles_says_what_is_needed(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "green.csv"
    names = "lpep_pickup_datetime,lpep_dropoff_datetime,PULocationID,DOLocationID,fare_amount,tip_amount"
    file.write_text(f"{names}\n2024-01-01 00:00:00,2024-01-01 00:10:00,41,230,10,1\n")
    code, lines, said = run(str(file), "-f", "debs")
    assert (code, lines) == (0, [])
    assert "no list of routes: it needs places within the grid" in said
    code, lines, said = run(str(file))
    assert code == 0
    assert "Central Harlem" in "\n".join(lines)
    assert "no list of areas: it needs known zones, fares and vehicles" in said


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, 1, "no such file"),
        ("folder", 1, "a folder"),
        (b"", 1, "empty"),
        (b"a,b\n1,2\n", 1, "unknown layout"),
        (gzip.compress(f"{row(1)}\n".encode() * 5000)[:-40], 1, "the compressed data is damaged or ends too soon"),
        (f"{row(1, fare='x')}\n{row(2, fare='y')}\n".encode(), 1, "no row is a trip that ended"),
    ],
    ids=["missing", "folder", "empty", "unknown", "torn", "nothing"],
)
def test_a_file_that_cannot_be_used_is_a_clear_error(
    tmp_path: Path,
    run: Run,
    content: bytes | str | None,
    code: int,
    words: str,
) -> None:
    file = tmp_path / "trips.csv"
    if content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    exit_code, lines, said = run(str(file), "-f", "debs")
    assert (exit_code, lines) == (code, [])
    assert words in said.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments", [["sim:"], ["x.csv", "--format", "xml"], ["x.csv", "--query", "all"], ["x.csv", "--changes", "-1"], []]
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    code, lines, said = run(*arguments)
    assert (code, lines) == (2, [])
    assert said


def test_trips_of_one_moment_come_as_the_file_has_them_if_asked(write: Write, run: Run) -> None:
    rows = [row(1, taxi=f"M{number}", places=places) for number, places in enumerate((HARLEM_SQUARE, SQUARE_HARLEM))]
    firsts = set()
    for order in (rows, rows[::-1]):
        _, lines, _ = run(write(*order), "-f", "debs", "-q", "routes", "--order", "file")
        firsts.add(fields(lines)[-1][2])
    assert firsts == {"cell.162.150", "cell.156.160"}, "the later row is first"
    firsts = {fields(run(write(*order), "-f", "debs", "-q", "routes")[1])[-1][2] for order in (rows, rows[::-1])}
    assert len(firsts) == 1


def test_a_file_that_steps_back_is_refused_in_file_order_and_sorted_otherwise(write: Write, run: Run) -> None:
    file = write(row(3), row(1, SQUARE_HARLEM))
    code, _, said = run(file, "-f", "debs", "--order", "file")
    assert code == 1
    assert "ended 120 s before the one above it" in said.replace("\n", " ")
    code, lines, _ = run(file, "-f", "debs", "-q", "routes")
    assert (code, [each[1] for each in fields(lines)]) == (0, ["2013-01-01 00:01:00", "2013-01-01 00:03:00"])


def test_the_delay_is_from_taking_a_trip_to_its_line(tmp_path: Path) -> None:
    ticks = iter(range(0, 10**12, 7_900_000))
    with (tmp_path / "out").open("w+") as out:
        account = write_lines([trip(0), trip(1, "b", KENNEDY)], ("routes",), out, clock=lambda: next(ticks))
        out.seek(0)
        assert [line.split(",")[-1] for line in out.read().splitlines()] == ["7", "7"]
    assert (account.trips, account.changes) == (2, {"routes": 2})


def test_a_zone_is_the_one_given_else_that_of_the_coordinates(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    names = "pickup_datetime,dropoff_datetime,PULocationID,pickup_latitude,pickup_longitude,DOLocationID"
    span = "2013-01-01 00:00:00,2013-01-01 00:00:05"
    rows = ("7,40.759,-73.985,999", ",40.759,-73.985,", ",40.759,,8")
    file.write_text("\n".join([names, *(f"{span},{each}" for each in rows)]) + "\n")
    source = open_files([str(file)], order="file", work_dir=tmp_path / "work")
    ends = list(ended_trips(source))
    assert [(end.zone_id, end.end_zone_id) for end in ends] == [(7, 264), (230, 264), (264, 8)]
    assert [end.started_at for end in ends] == [NEW_YEAR] * 3
    assert str(ends[2].longitude) == str(NAN)
    assert (ends[0].latitude, ends[0].tip_cents) == (40.759, None)


@pytest.mark.parametrize(("half_cents", "text"), [(2001, "10.005"), (2000, "10.00"), (1, "0.005"), (-501, "-2.505")])
def test_half_cents_are_exact(half_cents: int, text: str) -> None:
    assert dollars(half_cents) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("abc", "abd", "d comes in at 3; c leaves"),
        ("abc", "acb", "c rises to 2"),
        ("", "a", "a comes in at 1"),
        ("a", "", "a leaves"),
        ("ab", "ab", "other numbers"),
    ],
)
def test_a_change_is_said_in_words(before: str, after: str, text: str) -> None:
    assert described(list(before), list(after)) == text


def test_two_places_of_a_name_are_told_apart() -> None:
    changes = Changes(5)
    find_changes([trip(0, "a", (56, NAN, NAN), (57, NAN, NAN))], ("routes",), changes)
    console = Console(width=100)
    with console.capture() as capture:
        for table in changes.tables():
            console.print(table)
    assert "Corona (56) → Corona (57)" in capture.get()


def test_the_command_is_part_of_hailstream_and_its_exit_codes_are_those_of_the_process(
    write: Write, tmp_path: Path
) -> None:
    environment = os.environ | {"HAILSTREAM_HOME": str(tmp_path / "home"), "COLUMNS": "140"}
    for file, code, words in ((write(row(1)), 0, "cell.162.150"), ("away.csv", 1, "no such file")):
        command = [sys.executable, "-m", "hailstream.cli", "opportunities", file, "-f", "debs"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert words in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
