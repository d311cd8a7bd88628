"""The last 24 hours of each zone's trips in Redis."""

from __future__ import annotations

from collections.abc import Mapping

from hailstream.loader.contract import Opened, Refused, Rows
from hailstream.loader.redis_now import with_version
from hailstream.loader.redis_store import RedisStore
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS

DAY_MS = 24 * 60 * 60 * 1000
ZONES = range(1, 266)


class RedisSeriesSink:
    """``trip_series:{zone}``: a sorted set with one member a window.

    Score: window end in milliseconds UTC. Member: ``window_end:trips:version``.
    A point gives way to one of a higher version only. The series are trimmed
    relative to the newest window end of all zones.

    Reads committed messages only: points accumulate, nothing would correct one
    that was never committed.
    """

    name = "redis_series"
    topics = (ZONE_COUNTS,)
    reads_uncommitted = False

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.redis_prefix
        self._store = RedisStore(settings, self.name, "redis_series.lua")

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        return self._store.open(topic_ids)

    def write(self, rows: Rows) -> list[Refused]:
        """Adds the points; Redis refuses none."""
        points = with_version(rows)
        # Every zone is named, because every one is trimmed when time moves on.
        zones = dict.fromkeys([*ZONES, *points["zone_id"].to_list()])
        places = {zone: index for index, zone in enumerate(zones, start=1)}
        keys = [f"{self._prefix}trip_series:newest", *(f"{self._prefix}trip_series:{zone}" for zone in zones)]
        args: list[str | int] = [DAY_MS, points.height]
        for zone, end, trips, version in points.select("zone_id", "window_end_ms", "trips", "version").iter_rows():
            args += [places[zone], end, trips, f"{version:020d}"]
        self._store.run(rows, keys, args)
        return []
