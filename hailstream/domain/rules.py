"""What a plausible trip looks like: the bounds, once, for one value and for columns.

A row outside a bound is still an event. It is marked with the reason, and left
out of the metrics that the bound protects; only what cannot be read at all is
rejected. A value that is not known (null) is not outside its bound. NaN and
infinities are no unknown values: they are outside every bound.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bound:
    """An interval, both ends allowed.

    Attributes:
        reason: the mark of a row outside it.
        low, high: in ``unit``.
    """

    reason: str
    low: float
    high: float
    unit: str

    def outside(self, value: float | None) -> bool:
        """Whether a known value is not within the interval."""
        return value is not None and not self.low <= value <= self.high

    def outside_column(self, values: npt.NDArray[Any], known: Mask | None = None) -> Mask:
        """The same for a column of numbers.

        Args:
            values: integers or floats; what stands where a value is not known does not matter.
            known: False where the value is null; None when all are known.
        """
        # Not (low <= value <= high), so that NaN, which compares False, is outside.
        outside: Mask = ~((values >= self.low) & (values <= self.high))
        return outside if known is None else outside & known


@dataclass(frozen=True)
class Bounds:
    """Every bound. Passengers 0 is common in the sources: it is outside, marked, and kept like any other row."""

    distance: Bound = Bound("distance_outside", 0, 100, "miles")
    fare: Bound = Bound("fare_outside", 0, 500_00, "US cents")
    passengers: Bound = Bound("passengers_outside", 1, 9, "persons")
    latitude: Bound = Bound("latitude_outside", 40.5, 41.0, "degrees")
    longitude: Bound = Bound("longitude_outside", -74.3, -73.7, "degrees")
    duration: Bound = Bound("duration_outside", 1, 480, "minutes")

    @property
    def reasons(self) -> tuple[str, ...]:
        """All marks there are, in the order in which :meth:`marks` gives them."""
        return tuple(getattr(self, field.name).reason for field in fields(self))

    def marks(self, **values: float | None) -> tuple[str, ...]:
        """The marks of a row, given by the names of the bounds: ``marks(distance=3.2, fare=1250)``.

        Raises:
            TypeError: a name that is no bound.
        """
        if unknown := values.keys() - {field.name for field in fields(self)}:
            raise TypeError(f"no bound named {', '.join(sorted(unknown))}")
        named = ((getattr(self, field.name), values.get(field.name)) for field in fields(self))
        return tuple(bound.reason for bound, value in named if bound.outside(value))


BOUNDS = Bounds()
#: An amount of a trip outside one of these is in no sum of amounts.
REVENUE_BOUNDS = (BOUNDS.distance, BOUNDS.fare, BOUNDS.duration)
