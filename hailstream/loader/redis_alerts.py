"""Alerts in Redis as soon as they are found, and on a channel."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from hailstream.loader.contract import APPENDED, Opened, Refused, Rows
from hailstream.loader.redis_store import RedisStore
from hailstream.settings import Settings
from hailstream.topics import ALERTS


class RedisAlertsSink:
    """``alert:{alert_id}``: a JSON object; ``alerts.found``: a channel.

    The object has the fields of alerts.v1, ``event_time`` in ms. It is there for the
    configured seconds of wall clock after the job found it; the channel has it once,
    when it is shown first.

    Reads uncommitted messages. What a job finds is a function of the log: an alert whose
    transaction was aborted is found again, with the same id, when the job goes on.
    """

    name = "redis_alerts"
    topics = (ALERTS,)
    reads_uncommitted = True

    def __init__(self, settings: Settings) -> None:
        self._ttl = settings.redis_ttl
        self._prefix = settings.redis_prefix
        self._store = RedisStore(settings, self.name, "redis_alerts.lua")

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        return self._store.open(topic_ids)

    def write(self, rows: Rows) -> list[Refused]:
        """Shows and publishes each alert that is not shown yet; Redis refuses none."""
        keys: list[str] = []
        args: list[str | int] = [f"{self._prefix}alerts.found"]
        times = pl.col("event_time").dt.epoch("ms")
        for row in rows.frame.with_columns(times).iter_rows(named=True):
            shown = {name: value for name, value in row.items() if not name.startswith("_")}
            shown["evidence"] = json.loads(row["evidence"])
            keys.append(f"{self._prefix}alert:{row['alert_id']}")
            args += [json.dumps(shown), row[APPENDED] // 1000 + self._ttl]
        self._store.run(rows, keys, args)
        return []
