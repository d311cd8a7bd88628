"""ClickHouse's lists of where to drive next, held against the log.

Routes and areas are told the log's ends once more, in order, outside the job; the
best driver of each hour is a query.
"""

from __future__ import annotations

import json
import math

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.domain.events import ENDED_RANK, Ended
from hailstream.domain.fold import InOrder
from hailstream.domain.opportunities.answers import Opportunity
from hailstream.domain.opportunities.paced import PacedOpportunities
from hailstream.flink.opportunity_rows import OpportunityRows
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof, compare_rows

_HOUR_MS = 3_600_000
_COLUMNS = ("kind", "places", "time", "trip_id", "pickup", "dropoff", "ranks")


def expected_opportunities(log: EventLog) -> int:
    """Make the table ``opportunities_expected`` of what was told in time; returns its rows."""
    log.prepare()
    watermark = int(log.value("SELECT watermark FROM passed"))
    order: InOrder[Opportunity] = InOrder(PacedOpportunities())
    rows = log.connection.execute(
        "SELECT event_time, trip_id, driver_id, vehicle_id, zone_id, latitude, longitude, started_at, end_zone_id,"
        " end_latitude, end_longitude, fare, tip FROM ends"
    ).fetchall()
    order.add(map(_ended, rows))
    as_rows = OpportunityRows(None)
    told = [tuple(row) for answer in order.advance(watermark) for row in as_rows(answer, 0)]
    frame = pl.DataFrame(told, schema=_COLUMNS, orient="row", infer_schema_length=None)
    log.connection.register("told_frame", frame.to_arrow())
    log.connection.execute("CREATE OR REPLACE TEMP TABLE opportunities_expected AS FROM told_frame")
    tips = log.connection.execute(f"""
        SELECT hour + {_HOUR_MS}, arg_min(driver_id, (-tips, driver_id)), max(tips)
        FROM (SELECT event_time // {_HOUR_MS} * {_HOUR_MS} AS hour, driver_id, sum(tip) AS tips
              FROM ends WHERE driver_id IS NOT NULL AND tip IS NOT NULL GROUP BY ALL)
        WHERE hour + {_HOUR_MS} - 1 < {watermark} GROUP BY hour""").fetchall()
    for end, driver, cents in tips:
        ranks = json.dumps([{"driver_id": driver, "tips_cents": int(cents)}])
        log.connection.execute(
            "INSERT INTO opportunities_expected VALUES ('tips', 'driver', ?, '', NULL, NULL, ?)", [end, ranks]
        )
    return int(log.value("SELECT count(*) FROM opportunities_expected"))


def compare_opportunities(log: EventLog) -> RowsProof:
    """Compare every list; the loaders must have caught up.

    Raises:
        HailstreamError: the database cannot be read.
    """
    times = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}" for name in ("time", "pickup", "dropoff"))
    with reachable(log.settings, database=log.settings.database) as client:
        found = client.query_arrow(f"SELECT kind, places, trip_id, ranks, {times} FROM opportunities")
    key = ["kind", "places", "time", "trip_id"]
    return compare_rows(log.connection, "opportunities", "opportunities_expected", found, key)


def _ended(row: tuple[object, ...]) -> Ended:
    (
        time,
        trip,
        driver,
        vehicle,
        zone,
        latitude,
        longitude,
        started,
        end_zone,
        end_latitude,
        end_longitude,
        fare,
        tip,
    ) = row
    places = [math.nan if place is None else place for place in (latitude, longitude, end_latitude, end_longitude)]
    start = (time, ENDED_RANK, trip, None, driver, vehicle, zone, *places[:2], None)
    return Ended._make((*start, started, end_zone, *places[2:], None, None, fare, None, tip))
