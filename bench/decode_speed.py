"""How fast messages become columns: the batch decoder, fastavro alone, and polars on the same bytes.

    python bench/decode_speed.py [--messages 100000] [--batch 10000]

Messages per second of processor time on one core, median of 3 runs. polars
reads the bodies of a batch as the block of an Avro container file, which proves
nothing about where each message ended, and makes no objects of text here.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from hailstream.decode import BatchDecoder, WriterSchemas
from hailstream.decode.columns import WindowColumns

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas" / "events"
SCHEMA_ID = 7
FIRST_TIME = 1_357_016_400_000
AMOUNTS = ("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount")
PLACE = ("pickup_location_id", "pickup_latitude", "pickup_longitude")
STARTED = ("trip_id", *PLACE, "passenger_count", "driver_id", "event_time")
ENDED = ("trip_id", *PLACE, "event_time", "started_at", "trip_distance_miles", *AMOUNTS, "congestion_surcharge")


def trip(rng: random.Random, index: int, ended: bool) -> dict[str, Any]:
    """An event like those of the 2013 files: coordinates, driver and vehicle."""
    moment = FIRST_TIME + index * 37
    made: dict[str, Any] = {
        "trip_id": f"{rng.getrandbits(128):032x}",
        "event_time": moment,
        "vendor_id": rng.choice(["1", "2", None]),
        "driver_id": str(2_013_000_000 + rng.randrange(10_000)),
        "vehicle_id": str(2_013_000_000 + rng.randrange(10_000)),
        "pickup_location_id": rng.choice([None, rng.randrange(1, 266)]),
        "pickup_latitude": 40.6 + rng.random() / 5,
        "pickup_longitude": -74.0 + rng.random() / 5,
        "passenger_count": rng.choice([1, 1, 1, 2, 5, None]),
        "source": "rides:2013-01-01",
    }
    if ended:
        made |= {"started_at": moment - rng.randrange(3_600_000), "dropoff_location_id": rng.randrange(1, 266)}
        made |= {"trip_distance_miles": rng.random() * 10, "payment_type": 1, "rate_code": 1}
        made |= {name: Decimal(rng.randrange(-100, 10_000)).scaleb(-2) for name in AMOUNTS}
    return made


def messages(schema: Any, count: int) -> tuple[list[bytes], np.ndarray[Any, Any]]:
    """Messages in Confluent framing, and their record timestamps."""
    rng, parsed, made = random.Random(1), fastavro.parse_schema(schema), []
    for index in range(count):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, trip(rng, index, schema["name"] == "TripEnded"))
        made.append(b"\0" + SCHEMA_ID.to_bytes(4, "big") + out.getvalue())
    return made, FIRST_TIME + 37 * np.arange(count)


def rate(count: int, work: Callable[[], object]) -> float:
    """Messages per second of processor time, median of 3 after one to warm up."""
    work()
    times = []
    for _ in range(3):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return count / statistics.median(times)


def container(schema: Any, bodies: Sequence[bytes]) -> bytes:
    """The bodies as an Avro container file of one block."""
    out = io.BytesIO()
    fastavro.writer(out, schema, [], sync_marker=b"s" * 16)
    block = b"".join(bodies)
    fastavro.schemaless_writer(out, "long", len(bodies))
    fastavro.schemaless_writer(out, "long", len(block))
    return out.getvalue() + block + b"s" * 16


def measure(schema: Any, columns: Sequence[str], window_columns: Sequence[str], count: int, size: int) -> Table:
    whole, times = messages(schema, count)
    rng = random.Random(2)
    broken = [m[: -rng.randrange(1, 20)] if rng.random() < 0.01 else m for m in whole]
    starts = range(0, count, size)
    writers = WriterSchemas({SCHEMA_ID: schema})
    decoder, windows = (
        BatchDecoder(schema, writers, columns),
        WindowColumns(BatchDecoder, schema, writers, window_columns),
    )
    parsed = fastavro.parse_schema(schema)

    def batches(given: list[bytes], function: Callable[[Any, Any], object]) -> Callable[[], object]:
        made = [(np.array(given[i : i + size], object), times[i : i + size]) for i in starts]
        return lambda: [function(*batch) for batch in made]

    def by_polars() -> None:
        for i in starts:
            frame = pl.read_avro(io.BytesIO(container(schema, [m[5:] for m in whole[i : i + size]])), columns=columns)
            frame.select(pl.col(pl.Decimal).cast(pl.Float64), pl.exclude(pl.String, pl.Decimal)).to_dict()

    ways: dict[str, Callable[[], object]] = {
        "batch decoder": batches(whole, decoder.decode),
        "batch decoder, 1 % of messages broken": batches(broken, decoder.decode),
        "batch decoder and window columns (zone, bounds)": batches(whole, windows),
        "the same, 1 % of messages broken": batches(broken, windows),
        "fastavro, message by message, no proof": lambda: [
            fastavro.schemaless_reader(io.BytesIO(m[5:]), parsed) for m in whole
        ],
        "polars, batches as container files, no proof": by_polars,
    }
    table = Table(title=f"{schema['name']}: {count:,} messages of {len(whole[0])} bytes in batches of {size:,}")
    table.add_column("way")
    table.add_column("messages/s", justify="right")
    table.add_column("to the first", justify="right")
    rates = {name: rate(count, work) for name, work in ways.items()}
    for name, found in rates.items():
        table.add_row(name, f"{found:,.0f}", f"{found / rates['batch decoder']:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=10_000)
    given = parser.parse_args()
    console = Console()
    console.print(f"Python {platform.python_version()}, numpy {np.__version__}, polars {pl.__version__}")
    for name, columns, window_columns in (
        ("trip_started", STARTED, ("passengers", "driver_id")),
        ("trip_ended", ENDED, ("kept", "total_cents", "fare_cents", "tip_cents", "toll_cents")),
    ):
        schema = json.loads((SCHEMAS / f"{name}.avsc").read_text())
        console.print(measure(schema, columns, window_columns, given.messages, given.batch))


if __name__ == "__main__":
    main()
