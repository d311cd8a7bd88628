"""The newest surge price of each zone in Redis, and the changes on a channel."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hailstream.loader.contract import Opened, Refused, Rows
from hailstream.loader.redis_now import newest_of_each_zone, rank_of
from hailstream.loader.redis_store import RedisStore
from hailstream.settings import Settings
from hailstream.topics import ZONE_SURGE

_SHOWN = ("multiplier", "previous", "demand", "supply", "ratio", "reason", "policy")


class RedisSurgeSink:
    """``surge:{zone}``: a hash of the newest price; ``surge.changes``: a channel.

    The hash has the fields of zone.surge.v1, and ``window_end`` in ms. A message of the
    channel is a JSON object of these and ``zone_id``, sent when the multiplier shown changes.
    A price lives for the configured seconds of wall clock after it was written.

    Reads uncommitted messages, as prices are overwritten each minute.
    """

    name = "redis_surge"
    topics = (ZONE_SURGE,)
    reads_uncommitted = True

    def __init__(self, settings: Settings) -> None:
        self._ttl = settings.redis_ttl
        self._prefix = settings.redis_prefix
        self._store = RedisStore(settings, self.name, "redis_surge.lua")

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        return self._store.open(topic_ids)

    def write(self, rows: Rows) -> list[Refused]:
        """Shows the newest price of each zone in the rows; Redis refuses none."""
        keys: list[str] = [f"{self._prefix}loader:ranks"]
        args: list[str | int] = [self._ttl, f"{self._prefix}surge.changes"]
        for row in newest_of_each_zone(rows).iter_rows(named=True):
            shown = {name: str(row[name]) for name in _SHOWN} | {"window_end": str(row["window_end_ms"])}
            keys.append(f"{self._prefix}surge:{row['zone_id']}")
            event = json.dumps({"zone_id": row["zone_id"]} | shown)
            args += [f"surge {row['zone_id']}", rank_of(row), event, len(shown)]
            args += [part for pair in shown.items() for part in pair]
        self._store.run(rows, keys, args)
        return []
