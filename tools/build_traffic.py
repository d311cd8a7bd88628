"""Derive the simulator's picture of the city from real trips.

    python tools/build_traffic.py yellow_sample_2018-01_2020-12.parquet green_tripdata_2024-01.parquet

writes ``hailstream/replay/simulator/data/``: ``zone_traffic.csv`` (pick-ups and
drop-offs of each zone) and ``rhythm.csv`` (trips and median speed of each hour
of the week, New York time).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

OUT = Path(__file__).resolve().parents[1] / "hailstream" / "replay" / "simulator" / "data"
LAST_NAMED_ZONE = 263


def read_trips(path: Path) -> pl.DataFrame:
    """Plausible trips of a yellow or green file, whichever way it names its columns."""
    names = pl.read_parquet_schema(path)
    first = {
        "start": ("pickup_datetime", "tpep_pickup_datetime", "lpep_pickup_datetime"),
        "end": ("dropoff_datetime", "tpep_dropoff_datetime", "lpep_dropoff_datetime"),
        "origin": ("pickup_location_id", "PULocationID"),
        "target": ("dropoff_location_id", "DOLocationID"),
        "miles": ("trip_distance",),
    }
    columns = [pl.col(next(n for n in options if n in names)).alias(ours) for ours, options in first.items()]
    hours = (pl.col("end") - pl.col("start")).dt.total_seconds() / 3600
    return (
        pl.read_parquet(path)
        .select(columns)
        .with_columns(pl.col("origin", "target").cast(pl.Int32), hours=hours)
        .filter(
            pl.col("hours").is_between(1 / 60, 3),
            pl.col("miles").is_between(0.1, 60),
            pl.col("origin", "target").is_between(1, LAST_NAMED_ZONE),
        )
        .with_columns(mph=pl.col("miles") / pl.col("hours"))
        .filter(pl.col("mph") < 70)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trips", type=Path, nargs="+", help="Parquet files of trips")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()

    trips = pl.concat(read_trips(path) for path in options.trips)
    options.out.mkdir(parents=True, exist_ok=True)
    zones = pl.DataFrame({"zone_id": range(1, LAST_NAMED_ZONE + 1)}, schema={"zone_id": pl.Int32})
    for column, name in (("origin", "pickups"), ("target", "dropoffs")):
        counted = trips.group_by(pl.col(column).alias("zone_id")).len(name)
        zones = zones.join(counted, on="zone_id", how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(0)
        )
    zones.write_csv(options.out / "zone_traffic.csv")
    hour = ((pl.col("start").dt.weekday().cast(pl.Int32) - 1) * 24 + pl.col("start").dt.hour()).alias("hour_of_week")
    trips.group_by(hour).agg(trips=pl.len(), mph=pl.col("mph").median().round(2)).sort("hour_of_week").write_csv(
        options.out / "rhythm.csv"
    )
    print(f"{trips.height} trips, {(zones['pickups'] > 0).sum()} zones with a pick-up, in {options.out}")


if __name__ == "__main__":
    main()
