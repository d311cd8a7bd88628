"""Files that hold the data of an insert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hailstream.local.clickhouse_server import spool
from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.spool import KEEP_FREE, Spool


def test_the_data_can_be_read_under_its_name_until_the_end_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "it's *{a,b}"
    with Spool(folder).hold([b"a", b"", b"b" * 3_000_000]) as name:
        assert Path(name).read_bytes() == b"a" + b"b" * 3_000_000
        assert set(name) <= set("/abcdefghijklmnopqrstuvwxyz0123456789"), "nothing that could be a pattern"
    assert list(folder.iterdir()) == []


def test_data_that_breaks_off_is_not_kept(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", "cut off")

    def hold() -> None:
        with Spool(tmp_path).hold(broken()):
            pytest.fail("it must not come to an insert")

    open_files = psutil.Process().num_fds
    before = open_files()
    with pytest.raises(ClickHouseError, match="cut off"):
        hold()
    assert open_files() == before
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "tmp12345").write_bytes(b"1")
    Spool(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "codes"), [(KEEP_FREE, []), (KEEP_FREE - 1, [243])])
def test_nothing_is_inserted_where_the_engine_might_run_out_of_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, codes: list[int]
) -> None:
    monkeypatch.setattr(spool.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found: list[int] = []
    try:
        with Spool(tmp_path).hold([b"a"]):
            pass
    except ClickHouseError as error:
        found.append(error.code)
    assert found == codes
