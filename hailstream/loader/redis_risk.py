"""The risk of each driver in Redis."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from hailstream.loader.contract import OFFSET, PARTITION, Opened, Refused, Rows
from hailstream.loader.redis_store import RedisStore
from hailstream.loader.version import stream_versions
from hailstream.settings import Settings
from hailstream.topics import DRIVER_RISK

_SHOWN = ("score", "level", "alerts", "last_rule")


class RedisRiskSink:
    """``risk:{driver}``: a hash of the newest score and level, and ``event_time`` in ms that they are of.

    It stays until the driver is forgotten, which the job says with a score of 0.

    Reads committed messages only: a driver may not be heard of again, and what was
    never committed would stay.
    """

    name = "redis_risk"
    topics = (DRIVER_RISK,)
    reads_uncommitted = False

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.redis_prefix
        self._store = RedisStore(settings, self.name, "redis_risk.lua")

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        return self._store.open(topic_ids)

    def write(self, rows: Rows) -> list[Refused]:
        """Shows the newest risk of each driver in the rows; Redis refuses none."""
        none = pl.zeros(rows.frame.height, dtype=pl.UInt16, eager=True)
        versions = stream_versions(rows.name, rows.state.epoch, none, rows.frame[OFFSET])
        newest = rows.frame.with_columns(versions).sort(PARTITION, OFFSET).group_by("driver_id").last()
        keys: list[str] = []
        args: list[str | int] = []
        for row in newest.iter_rows(named=True):
            shown = {name: str(row[name]) for name in _SHOWN}
            shown["event_time"] = str(int(row["event_time"].timestamp() * 1000))
            kept = shown if row["score"] > 0 else {}
            keys.append(f"{self._prefix}risk:{row['driver_id']}")
            args += [f"{row['version']:020d}", len(kept), *(part for pair in kept.items() for part in pair)]
        self._store.run(rows, keys, args)
        return []
