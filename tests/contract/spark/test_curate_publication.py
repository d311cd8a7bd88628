"""Curated tables change as a whole or not at all: checks that fail, runs that die, servers that are away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports
from hailstream.quality.result import REFUSED
from hailstream.settings import Settings
from tests.archived import archive_records
from tests.contract.spark.curating import curate, end, ends, everything, files, rows_of
from tests.stack import Servers

if TYPE_CHECKING:
    from pyspark import SparkContext

FEBRUARY = date(2024, 2, 1)


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings, tmp_path: Path) -> Settings:
    servers("clickhouse")
    folders = {name: (tmp_path / name).as_uri() for name in ("archive", "curated")}
    settings = bare_namespace.model_copy(update=folders)
    trips = [end(f"{month} {n}", f"2024-{month:02}-10 08:{n:02}") for month in (1, 2) for n in range(20)]
    archive_records(settings, ends(trips))
    return settings


def tampered(settings: Settings) -> Callable[[str, str], None]:
    """Between the steps somebody changes a row of staging."""

    def after(step: str, folder: str) -> None:
        if step == "staging":
            root = Path(settings.curated_address.removeprefix("file://")) / settings.namespace
            path = next((root / f".{folder}" / "staging").rglob("*.parquet"))
            rows = pl.read_parquet(path, hive_partitioning=False)
            first = pl.int_range(pl.len()) == 0
            zone = pl.when(first).then(pl.lit(999, pl.Int32)).otherwise("zone_id").alias("zone_id")
            rows.with_columns(zone, pl.col("total_cents") + first.cast(pl.Int64)).write_parquet(path)
            path.with_name(f".{path.name}.crc").unlink(missing_ok=True)

    return after


def dies(at: str) -> Callable[[str, str], None]:
    def after(step: str, _folder: str) -> None:
        if step == at:
            raise KeyboardInterrupt

    return after


def test_what_is_published_stays_until_all_of_the_new_is_there(
    spark: SparkContext, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    curate(spark, settings)
    before, staged = everything(settings), files(settings, "staging").sort("trip_id")
    archive_records(settings, ends([end("more", "2024-02-11 09:00")]), first_offset=40)

    with pytest.raises(HailstreamError, match="nothing is published and the tables are as before") as refused:
        curate(spark, settings, begin=FEBRUARY, after=tampered(settings))
    assert refused.value.exit_code == REFUSED
    query = "SELECT table, check FROM quality_results WHERE run = 2 AND NOT passed AND severity = 'hard'"
    failed = {tuple(row.values()) for row in rows_of(settings, query)}
    assert {("staging", "zone_id: a zone that exists"), ("staging", "sum of totals, cents")} <= failed
    assert ("payment_analysis", "sum of totals, cents") in failed
    assert everything(settings) == before
    assert files(settings, "staging").sort("trip_id").equals(staged)

    with pytest.raises(KeyboardInterrupt):
        curate(spark, settings, begin=FEBRUARY, after=dies("tables"))
    assert everything(settings) == before

    with pytest.raises(KeyboardInterrupt):
        curate(spark, settings, begin=FEBRUARY, after=dies("published"))
    after = everything(settings)
    assert [row[1:3] for row in after["daily_summary"]] == [
        (date(2024, 1, 10), 20),
        (date(2024, 2, 10), 20),
        (date(2024, 2, 11), 1),
    ]
    # The Parquet files have still to follow; the next run lets them, and finds nothing else to do:
    # however its tasks divide the archive.
    monkeypatch.setattr("hailstream.archive.pieces.PIECE_BYTES", 1)
    assert curate(spark, settings).changed == {}
    assert files(settings, "payment_analysis")["rows"].sum() == files(settings, "staging").height == 41
    assert everything(settings) == after


def test_a_clickhouse_that_goes_away_half_way_is_named(spark: SparkContext, settings: Settings) -> None:
    gone = f"http://127.0.0.1:{free_ports(1)[0]}"
    reached = settings.clickhouse_url

    def after(step: str, _folder: str) -> None:
        if step == "staging":
            object.__setattr__(settings, "clickhouse_url", gone)

    try:
        with pytest.raises(HailstreamError, match=f"ClickHouse at {gone} cannot be reached"):
            curate(spark, settings, begin=FEBRUARY, after=after)
    finally:
        object.__setattr__(settings, "clickhouse_url", reached)
    assert rows_of(settings, "SELECT count() AS months FROM curated_months") == [{"months": 0}]
    assert not list(Path(settings.curated_address.removeprefix("file://")).rglob("*.parquet"))


def test_what_cannot_be_curated_is_refused(spark: SparkContext, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="has no trips from 2025-01-01 to the end") as refused:
        curate(spark, settings, begin=date(2025, 1, 1))
    assert refused.value.exit_code == 2
    archive_records(settings, ends([end("later", "2024-02-11 09:00")]), first_offset=41)
    with pytest.raises(HailstreamError, match="is not whole: partition 0: 40 to 40 missing"):
        curate(spark, settings)
    with pytest.raises(HailstreamError, match="is empty"):
        curate(spark, settings.model_copy(update={"archive": (tmp_path / "none").as_uri()}))
    assert rows_of(settings, "SELECT count() AS months FROM curated_months") == [{"months": 0}]
