"""What nearly every curated table counts and sums up, as integers: cents, thousandths of a mile, seconds.

``rows`` and ``total`` are of every row, refunds too; what follows ``trips`` is
of rows within the bounds alone, as in ``zone_revenue``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _kept(value: str) -> str:
    return f"CASE WHEN within_bounds THEN {value} ELSE 0 END"


#: By name what a row of staging adds.
MEASURES: Final[Mapping[str, str]] = {
    "rows": "1",
    "total_cents": "coalesce(total_cents, 0)",
    "trips": _kept("1"),
    "revenue_cents": _kept("coalesce(total_cents, 0)"),
    "fare_cents": _kept("fare_cents"),
    "tip_cents": _kept("coalesce(tip_cents, 0)"),
    "toll_cents": _kept("coalesce(tolls_cents, 0)"),
    "milli_miles": _kept("coalesce(CAST(round(miles * 1000) AS BIGINT), 0)"),
    "seconds": _kept("seconds"),
    "passengers": "coalesce(passengers, 0)",
    "known_passengers": "CASE WHEN passengers IS NULL THEN 0 ELSE 1 END",
}
#: Names of sums in tables by those of the measures; the others keep theirs.
_SCALED: Final = {"total_cents": ("total_sum", 2), "revenue_cents": ("revenue_sum", 2), "fare_cents": ("fare_sum", 2)}
_SCALED_MORE: Final = {"tip_cents": ("tip_sum", 2), "toll_cents": ("toll_sum", 2), "milli_miles": ("miles_sum", 3)}


def measured() -> str:
    """The measures of a row of staging."""
    return ", ".join(f'CAST({value} AS BIGINT) AS "{name}"' for name, value in MEASURES.items())


def total(name: str) -> str:
    """The sum of a column; one that does not fit is an error."""
    return f'CAST(sum("{name}") AS BIGINT)'


def sums() -> str:
    """The sums of the measures over rows that have them."""
    return ", ".join(f'{total(name)} AS "{name}"' for name in MEASURES)


def known(prefix: str) -> str:
    """The measures of a joined view, 0 where it has no row."""
    return ", ".join(f'coalesce({prefix}."{name}", 0) AS "{name}"' for name in MEASURES)


def shown() -> str:
    """The measures as tables have them: amounts and miles are decimals."""
    return ", ".join(_shown(name) for name in MEASURES)


def decimal(value: str, digits: int) -> str:
    """An integer of that many decimal places as a decimal, exactly."""
    return f"CAST(CAST({value} AS DECIMAL(18, 0)) * {10**-digits:.{digits}f} AS DECIMAL(18, {digits}))"


def _shown(name: str) -> str:
    scaled = (_SCALED | _SCALED_MORE).get(name)
    if scaled is None:
        shown_as = "seconds_sum" if name == "seconds" else name
        return f'"{name}" AS "{shown_as}"'
    column, digits = scaled
    return f"{decimal(name, digits)} AS {column}"
