"""What tables are made of: sums of staging's rows, of each task by itself and then of all together.

Tasks sum up what they have staged, so that of millions of rows only sums go to
the driver. Each sum can be summed up again, and so can shifts: those that
overlap, or are near enough, are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb
import pyarrow as pa

from hailstream.curate.measures import MEASURES, measured, total
from hailstream.domain.rules import BOUNDS
from hailstream.duck.database import rows_of

#: A longer gap between trips ends a driver's shift.
SHIFT_GAP_HOURS: Final = 6
#: Upper ends of the bands of distance in miles; a band has its lower end and not its upper one.
BANDS: Final = (1, 2, 3, 5, 10, 20)
SHIFTS: Final = "shifts"
#: Rows by their marks.
MARKED: Final = "marked"
_MEASURES: Final = {name: total(name) for name in MEASURES}


@dataclass(frozen=True)
class Sum:
    """Sums by some keys.

    Attributes:
        keys: columns of staging.
        columns: by name what is summed up, integers.
        before: whether the hours before the months have rows too.
        where: of which rows.
    """

    keys: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    before: bool = False
    where: str = "true"

    def sql(self) -> str:
        """The query over measured rows."""
        asked = self.where if self.before else f"asked AND {self.where}"
        return f"SELECT {self._list(self.columns)} FROM measured WHERE {asked} GROUP BY ALL"

    def again_sql(self, parts: str) -> str:
        """The query over sums."""
        return f"SELECT {self._list({name: total(name) for name in self.columns})} FROM {parts} GROUP BY ALL"

    def _list(self, columns: Mapping[str, str]) -> str:
        return ", ".join([*self.keys, *(f'{sql} AS "{name}"' for name, sql in columns.items())])


def _band() -> str:
    lows = (0, *BANDS)
    last, most = BANDS[-1], int(BOUNDS.distance.high)
    cases = "".join(f" WHEN miles < {high} THEN '{low}-{high}'" for low, high in zip(lows, BANDS, strict=False))
    return (
        f"CASE WHEN miles IS NULL THEN 'unknown' WHEN miles < 0 OR miles > {most} THEN 'outside'"
        f"{cases} ELSE '{last}-{most}' END"
    )


_TIPPED: Final = {"tipped": "count(*) FILTER (within_bounds AND tip > 0)"}
_QUARTERS: Final = {f"quarter_{number}": f"count(*) FILTER (quarter = {number})" for number in range(4)}
#: By the name of the view that tables read.
SUMS: Final[Mapping[str, Sum]] = {
    "zone_hours": Sum(("hour", "zone_id"), _MEASURES | _QUARTERS, before=True),
    "payments": Sum(("month", "date", "payment_type"), _MEASURES | _TIPPED),
    "bands": Sum(("month", "date", "band"), _MEASURES),
    "routes": Sum(("month", "zone_id", "end_zone_id"), _MEASURES),
    "ended": Sum(("month", "date", "end_zone_id"), {"dropoffs": "count(*)"}),
    "vendors": Sum(("month", "vendor_id"), _MEASURES),
    "drivers": Sum(("month", "driver_id"), _MEASURES, where="driver_id IS NOT NULL"),
    "driven": Sum(("date", "driver_id"), where="driver_id IS NOT NULL"),
    MARKED: Sum(("month", "marks"), {"count": "count(*)"}),
}

_MEASURED: Final = f"""
SELECT month, date, hour, quarter, zone_id, end_zone_id, vendor_id, driver_id, payment_type, marks, asked,
       within_bounds, tip_cents AS tip, {_band()} AS band, epoch_ms(started_at) // 1000 AS began,
       epoch_ms(ended_at) // 1000 AS ended, {measured()}
FROM staged"""
_DRIVEN: Final = (
    "(SELECT month, driver_id, began, ended FROM measured WHERE asked AND within_bounds AND driver_id IS NOT NULL)"
)


def _shifts_sql(driven: str) -> str:
    """Shifts out of trips, or of shifts of some of the trips: month, driver_id, began, ended (seconds since 1970)."""
    of_driver = "PARTITION BY month, driver_id ORDER BY began, ended"
    gap = SHIFT_GAP_HOURS * 3600
    return f"""
WITH followed AS (
  SELECT *, max(ended) OVER ({of_driver} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM {driven}
), numbered AS (
  SELECT *, count(*) FILTER (NOT coalesce(began - before <= {gap}, false))
            OVER ({of_driver} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number FROM followed
)
SELECT month, driver_id, min(began) AS began, max(ended) AS ended FROM numbered GROUP BY month, driver_id, number"""


def sum_up(database: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """The sums of the rows of table ``staged``, by name."""
    database.execute(f"CREATE TEMP TABLE measured AS {_MEASURED}")
    found = {name: rows_of(database, one.sql()) for name, one in SUMS.items()}
    return found | {SHIFTS: rows_of(database, _shifts_sql(_DRIVEN))}


def sum_up_again(database: duckdb.DuckDBPyConnection, parts: Sequence[Mapping[str, pa.Table]]) -> None:
    """Make tables of the sums of all tasks, by their names.

    Args:
        parts: of :func:`sum_up`, one at least.
    """
    for name in (*SUMS, SHIFTS):
        database.register("parts", pa.concat_tables([part[name] for part in parts]))
        query = _shifts_sql("parts") if name == SHIFTS else SUMS[name].again_sql("parts")
        database.execute(f"CREATE TEMP TABLE {name} AS {query}")
        database.unregister("parts")
