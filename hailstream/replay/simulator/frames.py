"""Trips as frames of events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from hailstream.replay.events import EVENT_SCHEMA
from hailstream.replay.simulator.billing import Biller
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.ids import hex_text, mixed
from hailstream.replay.simulator.ledger import Case
from hailstream.replay.simulator.trips import Trips

_DRIVER, _VEHICLE = 401, 402  # salts
_VENDORS = pl.Series(["1", "2"])
_WHOLE_TRIP = (Case.OVERLAP, Case.TRAVEL, Case.VEHICLES)  # faults that the start shows too

#: Columns that go no farther than the simulator: what an event is, when it is sent, what is wrong with it.
HIDDEN = {
    "_key": pl.UInt64,
    "_serial": pl.UInt64,
    "_send": pl.Int64,
    "_case": pl.UInt8,
    "_detail": pl.String,
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
        honest = ~np.isin(trips["case"], _WHOLE_TRIP)
        columns["_case"] = pl.Series(np.where(honest, 0, trips["case"]).astype(np.uint8))
        columns["_detail"] = self._details(trips, ~honest)
        return self._frame(columns, len(trips), is_end=False)

    def ends(self, trips: Trips) -> pl.DataFrame:
        """The events of trips that end."""
        bill = self._biller.bill(trips)
        columns = self._common(trips, trips["end"])
        columns |= self._place("dropoff", trips["target"], trips["target_spot"])
        columns |= {
            "started_at": _moments(trips["start"]),
            "trip_distance_miles": pl.Series(trips["miles_100"] / 100),
            "payment_type": pl.Series(bill.payment_type),
            "rate_code": pl.Series(bill.rate_code),
            **{name: pl.Series(amount) for name, amount in bill.amounts.items()},
            "_case": pl.Series(trips["case"]),
            "_detail": self._details(trips, trips["case"] > 0),
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

    def _details(self, trips: Trips, wanted: npt.NDArray[np.bool_]) -> pl.Series:
        details: list[str | None] = [None] * len(trips)
        rows = np.flatnonzero(wanted)
        faulty = trips[rows]
        partners = hex_text(mixed(faulty["partner"], self._key)).to_list()
        for row, trip, partner in zip(rows.tolist(), faulty, partners, strict=True):
            details[row] = _detail(trip, partner)
        return pl.Series("_detail", details, pl.String)


def _detail(trip: Trips, partner: str) -> str:
    case = Case(int(trip["case"]))
    if case is Case.SPEED:
        hours = (int(trip["end"]) - int(trip["start"])) / 3_600_000
        return f"{int(trip['miles_100']) / 100 / hours:.0f} mph"
    if case is Case.FARE:
        return "more than the rate card gives"
    what = {
        Case.OVERLAP: "begins during the driver's trip",
        Case.TRAVEL: "begins too far too soon after the driver's trip",
        Case.VEHICLES: "in another vehicle than the driver's trip just before,",
        Case.REFUND: "mirrors trip",
    }
    return f"{what[case]} {partner}"


def _moments(times: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(times.astype("datetime64[ms]")).dt.replace_time_zone("UTC")


def _known(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> pl.Series:
    return pl.Series(values=pl.from_arrow(pa.array(values, mask=~known)))
