"""The newest value of each zone in Redis: trips, drivers, average fare."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl

from hailstream.loader.contract import OFFSET, Opened, Refused, Rows
from hailstream.loader.redis_store import RedisStore
from hailstream.loader.version import stream_versions
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS, ZONE_REVENUE

# Window ends before 1970 are negative; with this added, text order is number order.
_BIAS = 2**62
_CENT = Decimal("0.01")


class RedisNowSink:
    """``realtime:{zone}:trip_count``, ``:active_drivers`` and ``:avg_fare``.

    A value is replaced by one of a later window, or of the same window and a
    higher version, never by an older one. It lives for the configured seconds
    of wall clock after it was written.

    Reads uncommitted messages: a value is overwritten within the minute, so
    being early is worth more than being final. A transaction that is aborted
    is followed by the same windows again, with higher versions.
    """

    name = "redis_now"
    topics = (ZONE_COUNTS, ZONE_REVENUE)
    reads_uncommitted = True

    def __init__(self, settings: Settings) -> None:
        self._ttl = settings.redis_ttl
        self._prefix = settings.redis_prefix
        self._store = RedisStore(settings, self.name, "redis_now.lua")

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        return self._store.open(topic_ids)

    def write(self, rows: Rows) -> list[Refused]:
        """Shows the newest window of each zone in the rows; Redis refuses none."""
        counts = rows.topic == ZONE_COUNTS
        metric = "counts" if counts else "revenue"
        keys: list[str] = [f"{self._prefix}loader:ranks"]
        args: list[str | int] = [self._ttl]
        for row in newest_of_each_zone(rows).iter_rows(named=True):
            values = _counts(row) if counts else _revenue(row)
            keys += [f"{self._prefix}realtime:{row['zone_id']}:{name}" for name in values]
            args += [f"{metric} {row['zone_id']}", rank_of(row), len(values), *values.values()]
        self._store.run(rows, keys, args)
        return []


def rank_of(row: Mapping[str, Any]) -> str:
    """By window end and then version, in a text of fixed width."""
    return f"{row['window_end_ms'] + _BIAS:019d}{row['version']:020d}"


def newest_of_each_zone(rows: Rows) -> pl.DataFrame:
    """One row a zone: the latest window, of equal windows the highest version."""
    return with_version(rows).sort("window_end_ms", "version").group_by("zone_id", maintain_order=True).last()


def with_version(rows: Rows) -> pl.DataFrame:
    """The rows with ``version`` and ``window_end_ms`` (UTC)."""
    generations = rows.frame["generation"].clip(0, 2**16 - 1)
    versions = stream_versions(rows.name, rows.state.epoch, generations, rows.frame[OFFSET])
    return rows.frame.with_columns(versions, pl.col("window_end").dt.epoch("ms").alias("window_end_ms"))


def _counts(row: dict[str, object]) -> dict[str, str]:
    return {"trip_count": str(row["trips"]), "active_drivers": str(row["drivers"])}


def _revenue(row: dict[str, object]) -> dict[str, str]:
    """No fare is known in a window without trips, and 0.00 would be a lie: the key goes."""
    trips, fares = row["trips"], row["fare_sum"]
    if not isinstance(trips, int) or not isinstance(fares, Decimal) or trips <= 0:
        return {"avg_fare": ""}
    return {"avg_fare": str((fares / trips).quantize(_CENT, ROUND_HALF_EVEN))}
