"""Redis at the end: its newest values, series, alerts and risks are those of the proven tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.loader.redis_series import DAY_MS
from hailstream.loader.redis_store import connect
from hailstream.settings import Settings
from tests.chaos.ledger.lines import Line, compared

Rows = Sequence[Sequence[Any]]
_NEWEST = "ORDER BY window_end DESC LIMIT 1 BY zone_id"
_SURGE = ("multiplier", "demand", "supply", "reason", "policy", "window_end")
_ALERT = ("alert_id", "event_time", "trip_id", "driver_id", "observed", "expected")
_RISK = ("level", "alerts", "last_rule", "event_time")


def check_redis(settings: Settings, parts: Collection[str]) -> Iterator[Line]:
    """A line for each kind of key that the jobs' results go to; the time to live is longer than the run."""
    redis = _Redis(settings)
    if {"zone_counts", "revenue"} <= set(parts):
        yield redis.now()
    if "zone_counts" in parts:
        yield redis.series()
    if "surge" in parts:
        query = (
            "SELECT zone_id, multiplier, demand, supply, reason, policy, toUnixTimestamp64Milli(window_end)"
            f" FROM zone_surge {_NEWEST}"
        )
        yield redis.hashes("surge", query, _SURGE)
    if "anomalies" in parts:
        yield redis.alerts()
        query = (
            "SELECT driver_id, level, alerts, last_rule, toUnixTimestamp64Milli(event_time)"
            " FROM driver_risk WHERE score > 0"
        )
        yield redis.hashes("risk", query, _RISK)


class _Redis:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Any = connect(settings)
        self._prefix = settings.redis_prefix

    def now(self) -> Line:
        """``realtime:{zone}:…``."""
        counts = self._rows(
            "SELECT zone_id, trips, drivers FROM zone_counts ORDER BY window_end DESC LIMIT 1 BY zone_id"
        )
        fares = self._rows(
            "SELECT zone_id, fare_sum, trips FROM zone_revenue ORDER BY window_end DESC LIMIT 1 BY zone_id"
        )
        expected = [(f"{zone}:trip_count", str(trips)) for zone, trips, _ in counts]
        expected += [(f"{zone}:active_drivers", str(drivers)) for zone, _, drivers in counts]
        expected += [(f"{zone}:avg_fare", _average(total, trips)) for zone, total, trips in fares if trips]
        keys = self._keys("realtime")
        found = zip(keys, self._client.mget(keys.values()) if keys else [], strict=True)
        return _compared("Redis realtime", expected, list(found), ("key", "value"))

    def series(self) -> Line:
        """``trip_series:{zone}``: every point of the last day."""
        newest = "(SELECT max(window_end) FROM zone_counts)"
        expected = self._rows(
            "SELECT toString(zone_id), toUnixTimestamp64Milli(window_end), trips FROM zone_counts"
            f" WHERE window_end >= {newest} - toIntervalMillisecond({DAY_MS})"
        )
        found = [
            (zone, int(at), int(member.split(":")[1]))
            for zone, key in self._keys("trip_series").items()
            if zone != "newest"
            for member, at in self._client.zrange(key, 0, -1, withscores=True)
        ]
        return _compared("Redis series", expected, found, ("zone", "window_end", "trips"), key=2)

    def alerts(self) -> Line:
        """``alert:{alert_id}``: every alert, and none that was not committed in the end."""
        expected = self._rows(
            "SELECT alert_id, toUnixTimestamp64Milli(event_time), trip_id, driver_id, observed, expected FROM alerts"
        )
        keys = list(self._keys("alert").values())
        shown = map(json.loads, self._client.mget(keys) if keys else [])
        return _compared("Redis alert", expected, [tuple(map(alert.get, _ALERT)) for alert in shown], _ALERT)

    def hashes(self, kind: str, query: str, fields: tuple[str, ...]) -> Line:
        """``{kind}:{id}``: some fields of a hash, in the order of the query, which begins with the id."""
        expected = [tuple(map(str, row)) for row in self._rows(query)]
        found = [(name, *self._client.hmget(key, fields)) for name, key in self._keys(kind).items()]
        return _compared(f"Redis {kind}", expected, found, ("id", *fields))

    def _keys(self, kind: str) -> dict[str, str]:
        """The keys of a kind by what comes after it."""
        start = f"{self._prefix}{kind}:"
        return {key.removeprefix(start): key for key in self._client.scan_iter(match=f"{start}*", count=1000)}

    def _rows(self, query: str) -> Rows:
        with reachable(self._settings, database=self._settings.database) as client:
            rows: Rows = client.query(query).result_rows
        return rows


def _compared(name: str, expected: Rows, found: Rows, columns: tuple[str, ...], *, key: int = 1) -> Line:
    frames = [pl.DataFrame(list(map(tuple, rows)), schema=list(columns), orient="row") for rows in (expected, found)]
    if frames[0].is_empty() or frames[1].is_empty():  # without rows there are no types
        return Line(name, len(expected), missing=len(expected), extra=len(found))
    return compared(name, *frames, list(columns[:key]))


def _average(total: Decimal, trips: int) -> str:
    """As the loader writes it: to the cent, half to even."""
    return str((total / trips).quantize(Decimal("0.01"), ROUND_HALF_EVEN))
