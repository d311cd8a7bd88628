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
