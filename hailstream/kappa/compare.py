"""The live rows of a table against rebuilt ones, month by month, in ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from hailstream.clickhouse import reachable
from hailstream.kappa.built import Built
from hailstream.loader.version import Authority, authority_sql
from hailstream.settings import Settings
from hailstream.windows import WindowedMetric

KEY: Final = ("zone_id", "window_start", "window_end")
#: Ends of windows that were rebuilt.
IN_SPAN: Final = "window_end > {begin:DateTime64(3, 'UTC')} AND window_end <= {until:DateTime64(3, 'UTC')}"


@dataclass
class Comparison:
    """Rows of the range.

    Attributes:
        equal, different: that both have.
        missing: that live has not.
        extra: that the stream said and the new definition does not.
        kept: that batch wrote and the log does not make: of backfilled months, or by late events.
        live, rebuilt: sums of the numbers.
    """

    equal: int = 0
    different: int = 0
    missing: int = 0
    extra: int = 0
    kept: int = 0
    live: dict[str, int | Decimal] = field(default_factory=dict)
    rebuilt: dict[str, int | Decimal] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        return self.different + self.missing + self.extra


def compare(metric: WindowedMetric, built: Built, settings: Settings, shadow: Settings) -> Comparison:
    """Compare row by row.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    found = Comparison()
    with reachable(settings, database=settings.database) as client:
        for month in months(metric.name, settings, shadow):
            asked = {"begin": built.begin, "until": built.until, "month": month}
            [row] = client.query(_query(metric, settings, shadow), asked).named_results()
            for kind in ("equal", "different", "missing", "extra", "kept"):
                setattr(found, kind, getattr(found, kind) + row[kind])
            for name in metric.numbers:
                for side, sums in (("live", found.live), ("rebuilt", found.rebuilt)):
                    sums[name] = sums.get(name, 0) + row[f"{side}_{name}"]
    return found


def is_by_batch(version: str) -> str:
    """SQL: batch computed the row of that version."""
    return f"{authority_sql(version)} = {int(Authority.BATCH)}"


def months(table: str, settings: Settings, shadow: Settings) -> list[int]:
    """The parts (yyyymm) that rows of either table are in."""
    parts = " UNION DISTINCT ".join(
        f"SELECT toYYYYMM(window_start) AS month FROM `{of.database}`.{table}_raw" for of in (settings, shadow)
    )
    with reachable(settings, database="default") as client:
        return sorted(month for (month,) in client.query(f"SELECT DISTINCT month FROM ({parts})").result_rows)


def _query(metric: WindowedMetric, settings: Settings, shadow: Settings) -> str:
    numbers = ", ".join(metric.numbers)
    sides = {
        side: f"SELECT {', '.join(KEY)}, {numbers}, version, true AS there FROM `{of.database}`.{metric.name}"
        f" WHERE toYYYYMM(window_start) = {{month:UInt32}} AND {IN_SPAN}"
        for side, of in (("live", settings), ("rebuilt", shadow))
    }
    by_batch = is_by_batch("live.version")
    same = " AND ".join(f"live.{name} = rebuilt.{name}" for name in metric.numbers)
    sums = ", ".join(f"sum({side}.{name}) AS {side}_{name}" for side in sides for name in metric.numbers)
    return (
        f"SELECT countIf(live.there AND rebuilt.there AND {same}) AS equal,"
        f" countIf(live.there AND rebuilt.there AND NOT ({same})) AS different,"
        " countIf(NOT live.there) AS missing,"
        f" countIf(NOT rebuilt.there AND NOT {by_batch}) AS extra,"
        f" countIf(NOT rebuilt.there AND {by_batch}) AS kept, {sums}"
        f" FROM ({sides['live']}) AS live FULL JOIN ({sides['rebuilt']}) AS rebuilt USING ({', '.join(KEY)})"
    )
