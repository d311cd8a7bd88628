"""The answers of folds over events."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pyflink.common import Row, Types

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.opportunities.answers import AreasRanked, BestTips, RoutesRanked
from hailstream.domain.surge.taxis import ClosedMinutes
from hailstream.flink.alert_rows import AlertRow
from hailstream.flink.answers import AnswerKind
from hailstream.flink.opportunity_rows import OpportunityRows
from hailstream.flink.result_rows import row_type
from hailstream.settings import Settings
from hailstream.topics import ALERTS, OPPORTUNITIES

#: Sums of closed minutes for the zones of a shard: the shard of zones, the shard that tells, end (ms), sums.
_MINUTES_TYPE: Final = Types.ROW_NAMED(
    ["zones", "teller", "end_ms", "sums"], [Types.INT(), Types.INT(), Types.LONG(), Types.PRIMITIVE_ARRAY(Types.BYTE())]
)


@dataclass(frozen=True)
class _MinutesByZones:
    """Closed minutes, divided among the shards of zones; each is told, though nothing happened in its zones."""

    shards: int

    def __call__(self, closed: ClosedMinutes, teller: int) -> Iterable[Row]:
        for shard in range(self.shards):
            sums = [
                (end, {zone: tuple(sums) for zone, sums in zones.items() if zone % self.shards == shard})
                for end, zones in closed.minutes
            ]
            yield Row(shard, teller, closed.end, pickle.dumps([minute for minute in sums if minute[1]]))


def answer_kinds(settings: Settings, purposes: Sequence[str]) -> dict[type, AnswerKind]:
    """The kinds of answers that folds of these purposes give."""
    kinds: dict[type, AnswerKind] = {}
    if "alerts" in purposes:
        secret = settings.driver_secret
        as_row = AlertRow(secret.get_secret_value() if secret else None)
        kinds[Alert] = AnswerKind("alert", row_type(ALERTS), lambda alert, _: (as_row(alert),))
    if {"surge", "forecast"} & set(purposes):
        kinds[ClosedMinutes] = AnswerKind("minutes", _MINUTES_TYPE, _MinutesByZones(settings.fold_shards))
    if "opportunities" in purposes:
        secret = settings.driver_secret
        listed = AnswerKind(
            "listed", row_type(OPPORTUNITIES), OpportunityRows(secret.get_secret_value() if secret else None)
        )
        kinds |= dict.fromkeys((RoutesRanked, AreasRanked, BestTips), listed)
    return kinds
