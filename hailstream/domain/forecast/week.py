"""Quarter hours, and which one of the New York week each is.

A quarter is numbered by how many went before it since 1970 (UTC). New York's
offset is a whole number of hours, so its quarters begin when those of UTC do.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hailstream.domain.clock import NEW_YORK_ZONE

QUARTER_MS: Final = 900_000
QUARTERS_AN_HOUR: Final = 4
QUARTERS_A_DAY: Final = 96
QUARTERS_A_WEEK: Final = 672


def quarter_of_week(quarter: int) -> int:
    """Which quarter of the local week: 0 begins on Monday at 00:00, 671 on Sunday at 23:45.

    The hour that comes twice in autumn has the same quarters of the week both times.
    """
    return _hour_of_week(quarter // QUARTERS_AN_HOUR) * QUARTERS_AN_HOUR + quarter % QUARTERS_AN_HOUR


def quarters_of_week(first: int, count: int) -> npt.NDArray[Any]:
    """:func:`quarter_of_week` of ``count`` quarters from ``first`` on, as an index."""
    return np.fromiter((quarter_of_week(quarter) for quarter in range(first, first + count)), np.intp, count)


@lru_cache(maxsize=4096)
def _hour_of_week(hour: int) -> int:
    local = datetime.fromtimestamp(hour * 3600, NEW_YORK_ZONE)
    return local.weekday() * 24 + local.hour
