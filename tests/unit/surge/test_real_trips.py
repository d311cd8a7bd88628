"""On a real night demand and supply are those of a plain count over the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Event, MinuteEnded, Started
from hailstream.domain.fold import InOrder
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.price import Price
from hailstream.domain.surge.surge import WARM_UP_MS, Surge
from hailstream.domain.surge.taxis import IDLE_MS, MINUTE_MS, ClosedMinutes, ZoneMinutes
from hailstream.domain.zones import zone_of
from hailstream.replay.events import open_source


@pytest.fixture(scope="module")
def night(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """New Year 2013: is_end, time (ms), trip, driver, and the zone where it began or ended."""
    source = open_source(str(shared_data / "ride_events_2013-01-01.csv.gz"), work_dir=tmp_path_factory.mktemp("night"))
    events = pl.concat(list(source.batches()))
    is_end = pl.col("is_end")
    place = [
        events.select(pl.when(is_end).then(f"dropoff_{name}").otherwise(f"pickup_{name}")).to_series().to_numpy()
        for name in ("latitude", "longitude")
    ]
    columns = events.select(
        is_end, pl.col("event_time").dt.epoch("ms").alias("time"), trip="trip_id", driver="driver_id"
    )
    return columns.with_columns(zone=pl.Series(zone_of(*place)).cast(pl.Int32))


@pytest.fixture(scope="module")
def prices(night: pl.DataFrame) -> list[Price]:
    def event(is_end: bool, time: int, trip: str, driver: str, zone: int) -> Event:
        nan = float("nan")
        if is_end:
            unknown = (None, None, None, None, None)
            return Ended(time, ENDED_RANK, trip, None, driver, None, 264, nan, nan, None, 0, zone, nan, nan, *unknown)
        return Started(time, STARTED_RANK, trip, None, driver, None, zone, nan, nan, None)

    order: InOrder[ClosedMinutes] = InOrder(ZoneMinutes())
    order.add(event(*row) for row in night.iter_rows())
    # Its last minute is not whole; later ones are told so that all is forgotten.
    last = night["time"].max() // MINUTE_MS * MINUTE_MS  # type: ignore[operator]
    order.add([MinuteEnded(last)])
    surge = Surge()
    found: list[Price] = []
    for closed in order.advance(last + 1):
        for end, sums in closed.minutes:
            found += surge.minute(end, sums, Policies())
    assert surge.state
    surge.minute(last + 61 * MINUTE_MS, {}, Policies())
    assert surge.state == {}
    return found


def test_demand_is_what_a_count_over_the_file_says(night: pl.DataFrame, prices: list[Price]) -> None:
    starts = night.filter(~pl.col("is_end")).sort("time")
    times = {zone: frame["time"].to_numpy() for (zone,), frame in starts.partition_by("zone", as_dict=True).items()}
    none = np.empty(0, np.int64)
    for price in prices:
        of_zone = times.get(price.zone_id, none)
        first, last = np.searchsorted(of_zone, [price.window_end - 5 * MINUTE_MS, price.window_end])
        assert price.demand == last - first
    assert sum(price.demand for price in prices) > 100_000


def test_supply_is_the_drivers_whose_last_event_was_an_end_here(night: pl.DataFrame, prices: list[Price]) -> None:
    moments = sorted({price.window_end for price in prices})[::20]
    for moment in moments:
        before = night.filter(pl.col("time") < moment).sort("time", ~pl.col("is_end"), "trip")
        newest = before.group_by("driver").last().filter("is_end", pl.col("time") + IDLE_MS >= moment)
        idle = dict(newest.group_by("zone").len().iter_rows())
        told = {price.zone_id: price.supply for price in prices if price.window_end == moment}
        assert {zone: supply for zone, supply in told.items() if supply} == idle


def test_of_the_busiest_night_most_busy_zones_are_dearer_but_not_before_supply_is_known(prices: list[Price]) -> None:
    first = prices[0].window_end
    assert {price.multiplier_tenths for price in prices if price.window_end < first + WARM_UP_MS} == {10}
    busy = [price for price in prices if price.window_end >= first + WARM_UP_MS and price.demand >= 20]
    dearer = sum(price.multiplier_tenths > 10 for price in busy)
    assert dearer > len(busy) / 2
    assert {price.multiplier_tenths for price in prices if price.zone_id >= 264} <= {10}
