"""The command line of backfill."""

from __future__ import annotations

import pytest

from batch.backfill import main, parser


@pytest.mark.parametrize("wrong", [[], ["--month", "2024-13", "a.csv"], ["--what", "a.csv"]])
def test_what_makes_no_sense_is_answered_with_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "hailstream batch backfill" in capsys.readouterr().err


def test_files_and_what_to_do_with_them() -> None:
    found = parser().parse_args(["a.csv", "b.tar", "--month", "2024-01", "--force", "--no-windows"])
    assert (found.files, found.month, found.force, found.no_windows) == (["a.csv", "b.tar"], "2024-01", True, True)
