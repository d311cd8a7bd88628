"""Where to drive next, as rows of their topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pyflink.common import Row

from hailstream.decode.trips import pseudonym
from hailstream.domain.opportunities.answers import AreasRanked, BestTips, Opportunity, RoutesRanked
from hailstream.domain.opportunities.grid import Cell


class OpportunityRows:
    """Makes rows, in the order of ``schemas/results/opportunities.avsc``.

    Args:
        driver_secret: driver ids are hashed with it; None leaves them as they are.
    """

    def __init__(self, driver_secret: str | None) -> None:
        self._secret = driver_secret

    def __call__(self, answer: Opportunity | BestTips, _: int) -> Iterator[Row]:
        if isinstance(answer, BestTips):
            driver = answer.driver_id if self._secret is None else pseudonym(answer.driver_id, self._secret)
            ranks = [{"driver_id": driver, "tips_cents": answer.tip_cents}]
            yield _row("tips", "driver", answer.window_end, "", None, None, ranks)
            return
        kind = "routes" if isinstance(answer, RoutesRanked) else "areas"
        yield _row(kind, answer.by, answer.time, answer.trip_id or "", answer.pickup, answer.dropoff, _ranks(answer))


def _row(
    kind: str, places: str, time: int, trip_id: str, pickup: int | None, dropoff: int | None, ranks: list[Any]
) -> Row:
    return Row(kind, places, time, trip_id, pickup, dropoff, json.dumps(ranks))


def _ranks(answer: RoutesRanked | AreasRanked) -> list[dict[str, Any]]:
    if isinstance(answer, RoutesRanked):
        return [{"from": _place(r.start), "to": _place(r.end), "trips": r.trips} for r in answer.routes]
    return [
        {
            "place": _place(area.place),
            "empty_taxis": area.empty_taxis,
            "median_half_cents": area.median_half_cents,
            "profitability_cents": round(area.profitability_cents, 3),
        }
        for area in answer.areas
    ]


def _place(place: Cell | int) -> str | int:
    return place if isinstance(place, int) else str(place)
