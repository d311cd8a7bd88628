"""Drawing from tables of chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AliasTable:
    """Draws a column for each row of a table of chances in constant time (Walker's alias method)."""

    own: Floats  # chance of a slot's own column; else its other one
    other: npt.NDArray[np.int16]
    columns: int

    @classmethod
    def of(cls, table: Floats) -> AliasTable:
        """The table whose rows are chances; they need not sum to 1."""
        columns = table.shape[1]
        own, other = np.ones(table.shape), np.tile(np.arange(columns, dtype=np.int16), (len(table), 1))
        for row, chances in enumerate(table):
            if chances.sum() > 0:
                _fill(own[row], other[row], (chances * columns / chances.sum()).tolist())
        return cls(own.ravel(), other.ravel(), columns)

    def draw(self, rows: npt.NDArray[np.int16], chances: Floats) -> npt.NDArray[np.int16]:
        """A column for each row and chance (0 to below 1)."""
        scaled = chances * self.columns
        slots = scaled.astype(np.int64)
        at = rows * np.int64(self.columns) + slots
        return np.where(scaled - slots < self.own.take(at), slots, self.other.take(at)).astype(np.int16)


def _fill(own: Floats, other: npt.NDArray[np.int16], left: list[float]) -> None:
    small = [column for column, chance in enumerate(left) if chance < 1]
    large = [column for column, chance in enumerate(left) if chance >= 1]
    while small and large:
        column, giver = small.pop(), large[-1]
        own[column], other[column] = left[column], giver
        left[giver] -= 1 - left[column]
        if left[giver] < 1:
            small.append(large.pop())
