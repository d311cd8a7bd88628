"""What is wrong with a command is said before anything is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.curate import main, parser
from hailstream.curate.report import report_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--weather", "none.csv"],
            "error: none.csv: there is no such file\nhint: `hailstream fetch weather` gets one",
        ),
        (["--report", "none/report.html"], "error: none: there is no such folder"),
        (["--report", "report.pdf"], "error: report.pdf: not a page"),
        (["--namespace", "No"], "error: wrong setting: HAILSTREAM_NAMESPACE"),
    ],
)
def test_what_is_not_there_is_named(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_a_day_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["--from", "2024-01"])
    assert ended.value.code == 2
    assert "'2024-01' is no day; give one such as 2024-01-17" in capsys.readouterr().err


def test_a_report_goes_into_a_folder_or_by_its_name(tmp_path: Path) -> None:
    assert report_path(tmp_path) == tmp_path / "trips.html"
    assert report_path(tmp_path / "page.html") == tmp_path / "page.html"
