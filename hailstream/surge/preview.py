"""What a preview shows besides its picture, and the policy it shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from hailstream.domain.clock import to_wall_clock
from hailstream.domain.surge.policy import Policy, PolicyError, make_policy, parse_policy
from hailstream.domain.surge.price import FLOOR
from hailstream.domain.surge.scope import CITY
from hailstream.domain.zones import zone_name
from hailstream.errors import HailstreamError
from hailstream.surge.city import NEIGHBOURS, STADIUM
from hailstream.surge.evening import Evening


def policy_for_preview(file: Path | None, parameters: Mapping[str, Any]) -> Policy:
    """The policy of a file, or one of parameters and defaults; for all of the city, wherever it would hold.

    Raises:
        HailstreamError: both are given, or the file cannot be read.
        PolicyError: it is no policy; names the file and what is wrong.
    """
    if file is None:
        return make_policy(scope=CITY, **parameters)
    if parameters:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in parameters)
        raise HailstreamError(f"--policy-file and {names}", hint="give one or the other", exit_code=2)
    try:
        return parse_policy(file.read_bytes()).model_copy(update={"scope": CITY})
    except OSError as error:
        raise HailstreamError(f"{file}: cannot be read: {error.strerror}", exit_code=2) from None
    except PolicyError as error:
        raise PolicyError(f"{file}: {error.message}") from None


def evening_table(evening: Evening) -> Table:
    """By zone: how high the price went, from when to when it was above 1.0, how often it changed."""
    table = Table("zone", "highest", "above 1.0 from", "until", "minutes", "changes", title="Simulated evening")
    for zone_id in (STADIUM, *NEIGHBOURS):
        prices = evening.of(zone_id)
        above = [price for price in prices if price.multiplier_tenths > FLOOR]
        changes = sum(price.multiplier_tenths != price.previous_tenths for price in prices)
        span = [_clock(above[0].window_end), _clock(above[-1].window_end)] if above else ["", ""]
        highest = max(price.multiplier_tenths for price in prices) / 10
        table.add_row(f"{zone_id} {zone_name(zone_id)}", f"{highest:.1f}", *span, str(len(above)), str(changes))
    return table


def _clock(moment: int) -> str:
    return f"{to_wall_clock(datetime.fromtimestamp(moment / 1000, UTC)):%H:%M}"
