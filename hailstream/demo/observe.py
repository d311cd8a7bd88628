"""One look at Redis and ClickHouse for the live screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hailstream.clickhouse import reachable
from hailstream.demo.screen import CityNow
from hailstream.domain.zones import ZONES
from hailstream.loader.redis_store import connect
from hailstream.replay.run import ReplayProgress
from hailstream.settings import Settings


class Observer:
    """Looks at the namespace's servers; never disturbs, never raises for a server that is slow."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = connect(settings)
        self._zones = [zone.zone_id for zone in ZONES]

    def look(self, progress: ReplayProgress | None) -> CityNow:
        """What the city looks like now; ``progress`` is the replay's."""
        rejected, late, loaded = self._counts()
        return CityNow(
            sent=progress.events if progress else 0,
            total=progress.total if progress else None,
            rate=progress.events_per_second if progress else 0.0,
            reached=progress.reached if progress else None,
            loaded=loaded,
            rejected=rejected,
            late=late,
            zones=self._busiest(),
        )

    def _busiest(self) -> list[tuple[int, int, str, str]]:
        prefix = self._settings.redis_prefix
        names = ("trip_count", "avg_fare", "active_drivers")
        values: Any = self._redis.mget([f"{prefix}realtime:{zone}:{name}" for zone in self._zones for name in names])
        rows = [
            (zone, int(values[3 * n] or 0), values[3 * n + 1] or "", values[3 * n + 2] or "")
            for n, zone in enumerate(self._zones)
        ]
        return sorted((row for row in rows if row[1]), key=lambda row: (-row[1], row[0]))

    def _counts(self) -> tuple[int, int, datetime | None]:
        with reachable(self._settings, database=self._settings.database) as client:
            rejected, late, end = client.query(
                "SELECT (SELECT count() FROM rejected), (SELECT count() FROM late), toUnixTimestamp(max(window_end))"
                " FROM zone_counts_raw"
            ).result_rows[0]
        return int(rejected), int(late), datetime.fromtimestamp(int(end), UTC) if end else None
