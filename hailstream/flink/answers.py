"""What folds answer, as rows: one column a kind of answer, all but one of a row null."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo, TypeInformation

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.surge.taxis import ClosedMinutes
from hailstream.flink.alert_rows import AlertRow
from hailstream.flink.result_rows import row_type
from hailstream.settings import Settings
from hailstream.topics import ALERTS


@dataclass(frozen=True)
class AnswerKind:
    """A kind of answers.

    Attributes:
        column: that holds them.
        row_type: of the column.
        rows: from an answer, and the shard that gave it, to the values of the column.
    """

    column: str
    row_type: TypeInformation
    rows: Callable[[Any, int], Iterable[Row]]


class AnswerRows:
    """Makes rows of answers.

    Args:
        kinds: by the class of the answer.
    """

    def __init__(self, kinds: Mapping[type, AnswerKind]) -> None:
        self._kinds = {answer: (place, kind.rows) for place, (answer, kind) in enumerate(kinds.items())}

    def __call__(self, answers: Iterable[Any], shard: int) -> Iterable[Row]:
        for answer in answers:
            place, rows = self._kinds[type(answer)]
            for row in rows(answer, shard):
                values: list[Row | None] = [None] * len(self._kinds)
                values[place] = row
                yield Row(*values)


def answers_type(kinds: Mapping[type, AnswerKind]) -> RowTypeInfo:
    """The type of the rows."""
    return Types.ROW_NAMED([kind.column for kind in kinds.values()], [kind.row_type for kind in kinds.values()])


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
    return kinds
