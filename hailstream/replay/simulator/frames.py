"""Trips as frames of events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from hailstream.replay.events import EVENT_SCHEMA
from hailstream.replay.simulator.billing import Biller
from hailstream.replay.simulator.cases import EXTRA_TRIPS, PAIRS, Case
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.ids import hex_text, mixed
from hailstream.replay.simulator.trips import Trips

_DRIVER, _VEHICLE = 401, 402  # salts
_VENDORS = pl.Series(["1", "2"])

#: Columns that go no farther than the simulator: what an event is, when it is sent, what is wrong with it,
#: and whether it must have no (further) fault.
HIDDEN = {
    "_key": pl.UInt64,
    "_serial": pl.UInt64,
    "_send": pl.Int64,
    "_case": pl.UInt8,
    "_detail": pl.String,
    "_size": pl.Float64,
    "_basis": pl.Float64,
    "_other": pl.String,
    "_spared": pl.Boolean,
}


class Framer:
    """Makes frames of ``EVENT_SCHEMA`` and ``HIDDEN``.

    Args:
        key: of the trip ids.
        seed: drivers and vehicles have the same ids in all runs with this seed.
    """

    def __init__(self, city: City, biller: Biller, key: int, seed: int) -> None:
        self._city, self._biller, self._key, self._seed = city, biller, key, seed
        self._schema = EVENT_SCHEMA | HIDDEN

    def starts(self, trips: Trips) -> pl.DataFrame:
        """The events of trips that begin."""
        columns = self._common(trips, trips["start"])
        faulty = np.isin(trips["case"], tuple(EXTRA_TRIPS))
        columns["_case"] = pl.Series(np.where(faulty, trips["case"], 0).astype(np.uint8))
        columns |= self._faults(trips, faulty, trips["size"])
        return self._frame(columns, len(trips), is_end=False)

    def ends(self, trips: Trips) -> pl.DataFrame:
        """The events of trips that end."""
        bill = self._biller.bill(trips)
        columns = self._common(trips, trips["end"] + trips["delay"])
        columns |= self._place("dropoff", trips["target"], trips["target_spot"])
        columns |= {
            "started_at": _moments(trips["start"]),
            "trip_distance_miles": pl.Series(trips["miles_100"] / 100),
            "payment_type": pl.Series(bill.payment_type),
            "rate_code": pl.Series(bill.rate_code),
            **{name: pl.Series(amount) for name, amount in bill.amounts.items()},
            "_case": pl.Series(trips["case"]),
            **self._faults(trips, trips["case"] > 0, bill.size),
        }
        return self._frame(columns, len(trips), is_end=True)

    def _common(self, trips: Trips, times: npt.NDArray[np.int64]) -> dict[str, pl.Series]:
        key = mixed(trips["serial"], self._key)
        passengers = trips["passengers"]
        return {
            "trip_id": hex_text(key),
            "event_time": _moments(times),
            "vendor_id": _VENDORS.gather(pl.Series(trips["vehicle"] % 2)),
            "driver_id": hex_text(mixed(trips["driver"], self._seed + _DRIVER)),
            "vehicle_id": hex_text(mixed(trips["vehicle"], self._seed + _VEHICLE)),
            "passenger_count": _known(passengers.astype(np.int32), passengers >= 0),
            **self._place("pickup", trips["origin"], trips["origin_spot"]),
            "_key": pl.Series(key),
            "_serial": pl.Series(trips["serial"]),
            "_send": pl.Series(times.astype(np.int64)),
        }

    def _place(self, side: str, zones: npt.NDArray[np.int16], spots: npt.NDArray[np.int8]) -> dict[str, pl.Series]:
        """A zone's id, or the coordinates of one of its points."""
        by_point = spots >= 0
        return {
            f"{side}_location_id": _known(zones.astype(np.int32), ~by_point),
            f"{side}_latitude": _known(self._city.latitudes[zones, spots], by_point),
            f"{side}_longitude": _known(self._city.longitudes[zones, spots], by_point),
        }

    def _frame(self, columns: dict[str, pl.Series], rows: int, *, is_end: bool) -> pl.DataFrame:
        columns["is_end"] = pl.Series([is_end]).new_from_index(0, rows)
        columns["source"] = pl.Series([f"sim:{self._seed}"]).new_from_index(0, rows)
        return pl.DataFrame(
            [
                columns[name].alias(name) if name in columns else pl.Series(name, [None], kind).new_from_index(0, rows)
                for name, kind in self._schema.items()
            ]
        )

    def _faults(
        self, trips: Trips, faulty: npt.NDArray[np.bool_], size: npt.NDArray[np.float64]
    ) -> dict[str, pl.Series]:
        """What is to be said of the faulty trips."""
        rows = np.flatnonzero(faulty)
        pairs = np.flatnonzero(faulty & np.isin(trips["case"], tuple(PAIRS)))
        others = _sparse(len(trips), pairs, hex_text(mixed(trips["partner"][pairs], self._key)).to_list())
        details = [_detail(trips[row], size[row], others[row]) for row in rows.tolist()]
        return {
            "_detail": pl.Series(_sparse(len(trips), rows, details), dtype=pl.String),
            "_size": _known(size, faulty),
            "_basis": _known(trips["basis"], faulty & (trips["basis"] > 0)),
            "_other": pl.Series(others, dtype=pl.String),
            "_spared": pl.Series(faulty | trips["involved"]),
        }


def _sparse(length: int, rows: npt.NDArray[np.int64], texts: list[str]) -> list[str | None]:
    values: list[str | None] = [None] * length
    for row, text in zip(rows.tolist(), texts, strict=True):
        values[row] = text
    return values


def _detail(trip: Trips, size: float, partner: str | None) -> str:
    what = {
        Case.SPEED: "{size:.0f} mph",
        Case.FARE: "{size:.0f} cents from what the rate card gives",
        Case.OUTLIER: "agreed, {size:+.1f} tenths in logarithm from the usual fare",
        Case.OVERLAP: "begins {size:.0f} s before the end of the driver's trip {partner}",
        Case.TRAVEL: "begins {size:.0f} mph away after the driver's trip {partner}",
        Case.VEHICLES: "in another vehicle {size:.0f} s after the driver's trip {partner}",
        Case.VELOCITY: "the driver's trip number {size:.0f} within ten minutes",
        Case.REFUND: "after {size:.0f} s mirrors trip {partner}",
        Case.OPEN: "open for {size:.0f} s",
        Case.NEVER_ENDED: "open for {size:.0f} s, until the log ends",
        Case.OTHER_ZONE: "another zone than the start",
        Case.OTHER_DRIVER: "another driver than the start",
        Case.OTHER_TIME: "{size:.3f} s from the time of the start",
    }
    return what[Case(int(trip["case"]))].format(size=size, partner=partner)


def _moments(times: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(times.astype("datetime64[ms]")).dt.replace_time_zone("UTC")


def _known(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> pl.Series:
    return pl.Series(values=pl.from_arrow(pa.array(values, mask=~known)))
