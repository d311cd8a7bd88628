"""Sums of parts, summed up again, are those of the whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.curate.sums import SHIFTS, SUMS, sum_up, sum_up_again
from hailstream.duck.database import open_database, rows_of
from hailstream.errors import HailstreamError

MONTH = date(2024, 1, 1)
BEGAN = datetime(2024, 1, 1, 12, tzinfo=UTC)


SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("month", "date"), pl.Date),
    **dict.fromkeys(("hour", "seconds", "total_cents", "fare_cents", "tip_cents", "tolls_cents"), pl.Int64),
    **dict.fromkeys(("quarter", "zone_id", "end_zone_id", "payment_type", "passengers"), pl.Int32),
    **dict.fromkeys(("vendor_id", "driver_id", "marks"), pl.String),
    **dict.fromkeys(("asked", "within_bounds"), pl.Boolean),
    **dict.fromkeys(("started_at", "ended_at"), pl.Datetime("us")),
    "miles": pl.Float64,
}


def row(began: int, lasted: int, driver: str | None, zone: int, cents: int, *, within: bool) -> dict[str, Any]:
    started = BEGAN + timedelta(minutes=began)
    return {
        "month": MONTH,
        "date": started.date(),
        "hour": int(started.timestamp()) // 3600,
        "quarter": started.minute // 15,
        "zone_id": zone,
        "end_zone_id": zone % 2,
        "vendor_id": str(zone),
        "driver_id": driver,
        "payment_type": zone or None,
        "marks": "" if within else "fare_outside",
        "asked": began >= 0,
        "within_bounds": within,
        "started_at": started.replace(tzinfo=None),
        "ended_at": (started + timedelta(minutes=lasted)).replace(tzinfo=None),
        "seconds": lasted * 60,
        "total_cents": cents,
        "fare_cents": cents,
        "tip_cents": zone,
        "tolls_cents": None,
        "miles": lasted / 10,
        "passengers": zone or None,
    }


rows = st.lists(
    st.builds(
        row,
        st.integers(-600, 3000),
        st.integers(1, 480),
        st.sampled_from([None, "a", "b"]),
        st.integers(0, 3),
        st.integers(-100, 10_000),
        within=st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def parts_of(trips: list[dict[str, Any]]) -> dict[str, pa.Table]:
    with open_database({"staged": pl.DataFrame(trips, schema=SCHEMA).to_arrow()}, threads=1) as database:
        return sum_up(database)


def together(parts: list[dict[str, pa.Table]]) -> dict[str, pl.DataFrame]:
    with open_database({}) as database:
        sum_up_again(database, parts)
        frames = {name: pl.DataFrame(pl.from_arrow(rows_of(database, f"FROM {name}"))) for name in (*SUMS, SHIFTS)}
    return {name: frame.sort(frame.columns) for name, frame in frames.items()}


def shifts_by_hand(trips: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    driven = [trip for trip in trips if trip["driver_id"] and trip["within_bounds"] and trip["asked"]]
    for trip in sorted(driven, key=lambda trip: (trip["driver_id"], trip["started_at"])):
        began, ended = (int(trip[name].replace(tzinfo=UTC).timestamp()) for name in ("started_at", "ended_at"))
        if found and found[-1][0] == trip["driver_id"] and began - found[-1][2] <= 6 * 3600:
            found[-1] = (trip["driver_id"], found[-1][1], max(found[-1][2], ended))
        else:
            found.append((trip["driver_id"], began, ended))
    return found


@settings(max_examples=25, deadline=None)
@given(rows, st.lists(st.integers(0, 2), min_size=40, max_size=40))
def test_sums_do_not_depend_on_how_the_rows_are_divided(trips: list[dict[str, Any]], places: list[int]) -> None:
    divided = [[trip for trip, at in zip(trips, places, strict=False) if at == place] for place in range(3)]
    whole = together([parts_of(trips)])
    found = together([parts_of(some) for some in divided])
    assert all(frame.equals(whole[name]) for name, frame in found.items())
    assert whole[SHIFTS].select("driver_id", "began", "ended").rows() == shifts_by_hand(trips)
    asked = [trip for trip in trips if trip["asked"]]
    assert whole["zone_hours"]["rows"].sum() == len(trips)
    assert whole["payments"]["total_cents"].sum() == sum(trip["total_cents"] for trip in asked)
    assert whole["routes"]["trips"].sum() == sum(trip["within_bounds"] for trip in asked)
    assert whole["driven"].height == len({(t["date"], t["driver_id"]) for t in asked if t["driver_id"]})


def test_a_sum_that_does_not_fit_is_an_error() -> None:
    trips = [row(0, 10, None, 1, 2**62, within=False) for _ in range(2)]
    with pytest.raises(HailstreamError, match="a table cannot be computed"):
        parts_of(trips)
