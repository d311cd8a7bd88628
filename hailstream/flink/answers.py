"""What folds answer, as rows: one column a kind of answer, all but one of a row null."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyflink.common import Row, Types
from pyflink.common.typeinfo import RowTypeInfo, TypeInformation


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
        places = {kind.column: place for place, kind in enumerate(_columns(kinds))}
        self._width = len(places)
        self._kinds = {answer: (places[kind.column], kind.rows) for answer, kind in kinds.items()}

    def __call__(self, answers: Iterable[Any], shard: int) -> Iterable[Row]:
        for answer in answers:
            place, rows = self._kinds[type(answer)]
            for row in rows(answer, shard):
                values: list[Row | None] = [None] * self._width
                values[place] = row
                yield Row(*values)


def answers_type(kinds: Mapping[type, AnswerKind]) -> RowTypeInfo:
    """The type of the rows."""
    columns = _columns(kinds)
    return Types.ROW_NAMED([kind.column for kind in columns], [kind.row_type for kind in columns])


def _columns(kinds: Mapping[type, AnswerKind]) -> list[AnswerKind]:
    """Each column once, though several classes of answers share it."""
    return list({kind.column: kind for kind in kinds.values()}.values())
